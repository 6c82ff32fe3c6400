// What a user can be told in an error: what happened, why, and what to do about it. Each file of this folder holds the
// messages of one subject; docs/errors.md is printed from them. Pure.

export interface MessageEntry {
  /** What happened, to which thing. `{name}` stands for a value. Begins and ends within a sentence. */
  readonly says: string;
  /** Why it happens, in whole sentences. Only docs/errors.md shows it. */
  readonly cause: string;
  /** What to do, as an order: it follows `says` in the same sentence. */
  readonly remedy: string;
}

export type Catalogue = Readonly<Record<string, MessageEntry>>;

declare const catalogued: unique symbol;
/** A text that stands in the catalogue. Errors for users take no other. */
export type UserMessage = string & { readonly [catalogued]: true };

type NamesIn<Text extends string> = Text extends `${string}{${infer Name}}${infer Rest}`
  ? Name | NamesIn<Rest>
  : never;

type Value = string | number;
type ValuesFor<Text extends string> = string extends Text
  ? [values?: Readonly<Record<string, Value>>]
  : [NamesIn<Text>] extends [never]
    ? []
    : [values: Readonly<Record<NamesIn<Text>, Value>>];

/** The whole message: what happened, and what to do. */
export const messageOf = <const E extends MessageEntry>(
  { says, remedy }: E,
  ...[values]: ValuesFor<E["says"] | E["remedy"]>
): UserMessage => {
  const happened = fillIn(says, values);
  // A sentence has one colon.
  const joint = happened.endsWith("?") ? " " : says.includes(": ") ? "; " : ": ";
  return `${happened}${joint}${fillIn(remedy, values)}` as UserMessage;
};

/** What happened, without the remedy: where another line says what to do. */
export const reasonOf = <const E extends MessageEntry>(
  { says }: E,
  ...[values]: ValuesFor<E["says"]>
): UserMessage => fillIn(says, values) as UserMessage;

export const remedyOf = <const E extends MessageEntry>(
  { remedy }: E,
  ...[values]: ValuesFor<E["remedy"]>
): UserMessage => fillIn(remedy, values) as UserMessage;

export const fillIn = (text: string, values: Readonly<Record<string, Value>> = {}): string =>
  text.replace(/\{(\w+)\}/g, (_, name: string) => String(values[name]));
