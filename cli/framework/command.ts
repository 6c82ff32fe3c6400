// What a command of the program is: the shape of a row in the table (commands.ts), what its line gives to the code
// behind it, and how it can end. Pure.
import type { z } from "zod";

/** What completion offers for a value beside fixed words: the names that are there at that moment. */
export type CompletionKind = "hosts" | "containers" | "participants" | "events";

export interface Argument {
  readonly says: string;
  readonly read: z.ZodType<unknown, string>;
  readonly optional?: true;
  readonly offers?: CompletionKind | readonly string[];
}

/** A switch where it has no `value`. */
export interface Option {
  readonly says: string;
  readonly short?: string;
  /** How its value is called in the usage. */
  readonly value?: string;
  readonly read?: z.ZodType<unknown, string>;
  /** As one would write it. */
  readonly byDefault?: string;
  readonly required?: true;
  readonly offers?: CompletionKind | readonly string[];
}

export interface Command {
  readonly says: string;
  /** For who wants to know more: paragraphs. */
  readonly more?: string;
  readonly arguments?: Readonly<Record<string, Argument>>;
  readonly options?: Readonly<Record<string, Option>>;
  /** What it prints with `-o json`: one document, or with `lines` one on each line. */
  readonly json?: { readonly schema: z.ZodType; readonly lines?: true };
}

/** What the command line said, read and checked, by the names of arguments and options. */
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

/** How every command ends; docs/commands.md shows this table. */
export const EXIT = {
  done: { code: 0, says: "It was done, or what was asked about is there." },
  notDone: { code: 1, says: "What was asked for did not happen, or there is no such thing." },
  wrong: {
    code: 2,
    says: "A person is needed: the command line makes no sense, or a container is left `stuck`.",
  },
  cannotAsk: { code: 3, says: "Nothing was learned: NATS cannot be reached or used, or a setting is wrong." },
} as const;
