// The shape of a command: its row in the table (command-table.ts), the arguments that its runner receives, and the
// exit codes. Pure.
import type { z } from "zod";

/** The names that completion looks up when they are needed, in contrast to fixed words. */
export type CompletionKind = "hosts" | "containers" | "participants" | "events";

export interface Argument {
  readonly says: string;
  readonly read: z.ZodType<unknown, string>;
  readonly optional?: true;
  readonly offers?: CompletionKind | readonly string[];
}

/** An option without `read` and `value` is a switch. */
export interface Option {
  readonly says: string;
  readonly short?: string;
  /** The name of its value in the usage. */
  readonly value?: string;
  readonly read?: z.ZodType<unknown, string>;
  /** The default, as a user would write it. */
  readonly byDefault?: string;
  readonly required?: true;
  readonly offers?: CompletionKind | readonly string[];
}

export interface Command {
  readonly says: string;
  /** Details for the help text of the command. */
  readonly more?: string;
  readonly arguments?: Readonly<Record<string, Argument>>;
  /** Without `json` and `output`, which the next field makes. */
  readonly options?: Readonly<Record<string, Option>>;
  /** Whether it takes `-o json`; what it prints then is in output/command-outputs.ts. */
  readonly json?: true;
}

/** The parsed command line, by the names of arguments and options. */
export type ParsedArguments<C extends Command> = ArgumentsOf<C["arguments"]> &
  OptionsOf<C["options"]> & { readonly json: boolean };

type ArgumentsOf<A> =
  A extends Readonly<Record<string, Argument>>
    ? {
        readonly [N in keyof A]:
          z.output<A[N]["read"]> | (A[N] extends { optional: true } ? undefined : never);
      }
    : unknown;
type OptionsOf<O> =
  O extends Readonly<Record<string, Option>> ? { readonly [N in keyof O]: ValueOf<O[N]> } : unknown;
type ValueOf<O> = O extends { read: z.ZodType<infer T, string> }
  ? O extends { required: true } | { byDefault: string }
    ? T
    : T | undefined
  : boolean;

/** The exit codes of all commands; docs/commands.md shows this table. */
export const EXIT = {
  done: { code: 0, says: "It was done, or what was asked about is there." },
  notDone: { code: 1, says: "What was asked for did not happen, or there is no such thing." },
  wrong: {
    code: 2,
    says: "A person is needed: the command line makes no sense, or a container is left `stuck`.",
  },
  cannotAsk: {
    code: 3,
    says: "Nothing was learned: NATS cannot be reached or used, a setting is wrong, or `check` or `doctor` could not look.",
  },
} as const;
