// The readers that parse the words of a command line, and the arguments and options that several commands share. The
// error of each reader says what is allowed. Pure.
import * as z from "zod";
import {
  type HookName,
  type NoticeName,
  hookNames,
  isHookName,
  isNoticeName,
  noticeNames,
} from "../../shared/contract/hooks.ts";
import { duration } from "../../shared/settings/setting-values.ts";

export const nonEmptyText = z.string().min(1, "a name is needed");
export const containerName = nonEmptyText.transform((text) => text.replace(/^\//, ""));
export const commaList = z
  .string()
  .transform((text) => [...new Set(text.split(",").map((part) => part.trim()))].filter((part) => part !== ""))
  .refine((parts) => parts.length > 0, "at least one is needed");
export const possiblyEmptyList = z.string().transform((text) => (text === "" ? [] : commaList.parse(text)));
export const hookList = commaList
  .refine((parts) => parts.every(isHookName), `allowed are ${hookNames.join(", ")}, separated by commas`)
  .transform((parts) => parts as HookName[]);
export const noticeList = commaList
  .refine((parts) => parts.every(isNoticeName), `allowed are ${noticeNames.join(", ")}, separated by commas`)
  .transform((parts) => parts as NoticeName[]);
export const positiveDuration = duration.refine((ms) => ms > 0, "must be more than nothing");

export const CONTAINER = {
  says: "Name or id of a container.",
  read: containerName,
  offers: "containers",
} as const;
/** For commands that cover all containers where none is named. */
export const OPTIONAL_CONTAINER = {
  says: "Name, id, or the first twelve or more characters of an id.",
  read: containerName,
  optional: true,
  offers: "containers",
} as const;
export const HOST = { value: "HOST", read: nonEmptyText, offers: "hosts", says: "Only this host." } as const;
export const SINCE = { value: "DURATION", read: duration } as const;
export const NAME = { says: "Name of the participant.", read: nonEmptyText, offers: "participants" } as const;
export const HOSTS = {
  value: "HOST[,HOST...]",
  read: commaList,
  required: true,
  says: "The hosts.",
} as const;
export const NAMES = { value: "NAME[,NAME...]", read: possiblyEmptyList, byDefault: "" } as const;
