// How the words of a command line are read, and the arguments and options that several commands share. Each reader's
// error says what is allowed. Pure.
import { z } from "zod";
import { type HookName, hookNames, isHookName } from "../../shared/hooks.ts";
import { duration } from "../../shared/setting-values.ts";

export const name = z.string().min(1, "a name is needed");
export const containerName = name.transform((text) => text.replace(/^\//, ""));
export const list = z
  .string()
  .transform((text) => [...new Set(text.split(",").map((part) => part.trim()))].filter((part) => part !== ""))
  .refine((parts) => parts.length > 0, "at least one is needed");
export const maybeList = z.string().transform((text) => (text === "" ? [] : list.parse(text)));
export const hookList = list
  .refine((parts) => parts.every(isHookName), `allowed are ${hookNames.join(", ")}, separated by commas`)
  .transform((parts) => parts as HookName[]);
export const some = duration.refine((ms) => ms > 0, "must be more than nothing");

export const CONTAINER = {
  says: "Name or id of a container.",
  read: containerName,
  offers: "containers",
} as const;
/** Where all are meant without one. */
export const MAYBE_CONTAINER = {
  says: "Name, id, or the first twelve or more characters of an id.",
  read: containerName,
  optional: true,
  offers: "containers",
} as const;
export const HOST = { value: "HOST", read: name, offers: "hosts", says: "Only this host." } as const;
export const SINCE = { value: "DURATION", read: duration } as const;
export const NAME = { says: "Name of the participant.", read: name, offers: "participants" } as const;
export const HOSTS = { value: "HOST[,HOST...]", read: list, required: true, says: "The hosts." } as const;
export const NAMES = { value: "NAME[,NAME...]", read: maybeList, byDefault: "" } as const;
