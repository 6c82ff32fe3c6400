// The command line of `ouroboros participant`. Pure.
import { parseArgs } from "node:util";
import { z } from "zod";
import { type HookName, hookNames, isHookName } from "../../shared/hooks.ts";
import { OnTimeout, type Participant, isReserved } from "../../shared/participants.ts";
import { duration } from "../../shared/setting-values.ts";

export const USAGE = `Who must be asked before something is done.

Usage:
  ouroboros participant add NAME --hooks HOOK[,HOOK...] [--hosts HOST[,HOST...]] [--timeout 10m] [--max 1h]
                                 [--on-timeout defer|refuse|proceed]
  ouroboros participant list
  ouroboros participant remove NAME

A participant is asked at each event of its hooks on its hosts (all hosts by default) and waited for: at most
--timeout since the event or its last sign of progress, and --max in all. It takes its events from the consumer
gate_NAME of the stream OUROBOROS_HOOKS. With -o json the answer is JSON. NATS_URL and the other settings of NATS
are read from the environment.

Hooks: ${hookNames.join(", ")}
`;

export type Named = { readonly name: string } & Participant;
export type Command = { readonly json: boolean } & (
  | { readonly do: "add"; readonly participant: Named }
  | { readonly do: "remove"; readonly name: string }
  | { readonly do: "list" }
);

export class WrongUsage extends Error {
  override readonly name = "WrongUsage";
}

const HOUR = 3_600_000;

const list = z
  .string()
  .transform((text) => [...new Set(text.split(",").map((part) => part.trim()))].filter((part) => part !== ""))
  .refine((parts) => parts.length > 0, "at least one is needed");
const hookList = list
  .refine((parts) => parts.every(isHookName), `allowed are ${hookNames.join(", ")}, separated by commas`)
  .transform((parts) => parts as HookName[]);

const Name = z
  .string()
  .regex(/^[A-Za-z0-9_-]{1,64}$/, "allowed are letters, digits, _ and -, 64 at most")
  .refine((name) => !isReserved(name), "is reserved for a part of Ouroboros");
const Output = z.object({ "-o": z.enum(["text", "json"], "allowed are text, json").default("text") });
const Add = Output.extend({
  NAME: Name,
  "--hooks": hookList,
  // Filters of one consumer may not overlap, so "all" swallows the others.
  "--hosts": list.transform((hosts) => (hosts.includes("*") ? ["*"] : hosts)).default(["*"]),
  "--timeout": duration.refine((ms) => ms > 0, "must be more than nothing").default(10 * 60_000),
  "--max": duration.refine((ms) => ms > 0, "must be more than nothing").optional(),
  "--on-timeout": OnTimeout.default("defer"),
}).refine(({ "--max": max, "--timeout": timeout }) => max === undefined || max >= timeout, {
  path: ["--max"],
  error: "must not be less than --timeout",
});
const Remove = Output.extend({ NAME: z.string().min(1, "is missing") });

/** @throws WrongUsage that tells everything that is wrong. */
export function parseCommand(args: readonly string[]): Command | "help" {
  const { values, words } = split(args);
  const [verb = "", name = "", ...more] = words;
  if (values.help === true || args.length === 0) return "help";
  if (more.length > 0) throw new WrongUsage(`${more.join(" ")}: one NAME at a time`);
  const output = { "-o": values.output };
  switch (verb) {
    case "add":
      return addCommand({ ...output, NAME: name, ...flagged(values) });
    case "remove": {
      const given = check(Remove, { ...output, NAME: name });
      return { do: "remove", name: given.NAME, json: given["-o"] === "json" };
    }
    case "list":
      return { do: "list", json: check(Output, output)["-o"] === "json" };
    default:
      throw new WrongUsage(`${verb}: allowed are add, list, remove`);
  }
}

function addCommand(given: Record<string, unknown>): Command {
  const it = check(Add, given);
  const participant: Named = {
    name: it.NAME,
    hooks: it["--hooks"],
    hosts: it["--hosts"],
    timeout_ms: it["--timeout"],
    max_ms: it["--max"] ?? Math.max(HOUR, it["--timeout"]),
    on_timeout: it["--on-timeout"],
  };
  return { do: "add", participant, json: it["-o"] === "json" };
}

function check<T>(schema: z.ZodType<T>, given: Record<string, unknown>): T {
  const result = schema.safeParse(given);
  if (result.success) return result.data;
  const told = result.error.issues.map(({ path, message }) => {
    const value = given[String(path[0])];
    return `${String(path[0])}${value === undefined ? " is missing" : ` ${JSON.stringify(value)}: ${message}`}`;
  });
  throw new WrongUsage(told.join("\n  "));
}

const text = { type: "string" } as const;
const options = {
  ...{ hooks: text, hosts: text, timeout: text, max: text, "on-timeout": text },
  output: { type: "string", short: "o" },
  help: { type: "boolean", short: "h" },
} as const;
type Values = ReturnType<typeof parseArgs<{ options: typeof options }>>["values"];

function split(args: readonly string[]): { values: Values; words: string[] } {
  try {
    const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true });
    return { values, words: positionals };
  } catch (cause) {
    throw new WrongUsage((cause as Error).message, { cause });
  }
}

const flagged = ({ help: _help, output: _output, ...rest }: Values): Record<string, unknown> =>
  Object.fromEntries(Object.entries(rest).map(([flag, value]) => [`--${flag}`, value]));
