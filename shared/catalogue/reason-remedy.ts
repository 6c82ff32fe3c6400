// What to do about a reason why a container is not updated. A reason reaches the commands as text, also from a poller of
// another version, so its entry in the catalogue is found by that text. Pure.
import { type MessageEntry, fillIn } from "./entry.ts";
import { credentialErrors, registryErrors } from "./registry-errors.ts";
import { ownPartReasons } from "./own-part-reasons.ts";
import { dueReasons } from "./due-reasons.ts";
import { skipReasons } from "./skip-reasons.ts";
import { serviceReasons } from "./swarm-reasons.ts";

export interface ReasonAndRemedy {
  readonly because: string;
  /** What to do, or that there is nothing to do. */
  readonly remedy: string;
}

interface KnownReason {
  readonly entry: MessageEntry;
  readonly pattern: RegExp;
  /** How many letters of the pattern are the entry's own, and not of a value. */
  readonly letters: number;
}

/** Undefined where no entry reads like this. `more` are values that a remedy needs and its reason does not name. */
export function findRemedy(
  text: string,
  more: Readonly<Record<string, string>> = {},
): ReasonAndRemedy | undefined {
  for (const { entry, pattern } of REASONS) {
    const match = pattern.exec(text);
    if (match === null) continue;
    const values = { ...more, ...match.groups };
    return { because: fillIn(entry.says, values), remedy: fillIn(entry.remedy, values) };
  }
  return undefined;
}

const VALUE = /\{(\w+)\}/g;

const lettersOf = (text: string): number => text.replace(VALUE, "").length;
const wholePattern = (pattern: string): RegExp => new RegExp(`^${pattern}$`, "s");
const patternOf = (text: string): string => escapeText(text).replace(VALUE, "(?<$1>.*?)");
const loosePatternOf = (text: string): string => escapeText(text).replace(VALUE, ".*");

/** All but the braces, which stand around the names of values. */
const escapeText = (text: string): string => text.replace(/[$()*+.?[\\\]^|]/g, "\\$&");

const CATALOGUES = [
  skipReasons,
  serviceReasons,
  ownPartReasons,
  dueReasons,
  registryErrors,
  credentialErrors,
];

/** The most particular first: a text can also fit an entry that is little more than values. */
const REASONS: readonly KnownReason[] = CATALOGUES.flatMap((catalogue) =>
  Object.values<MessageEntry>(catalogue),
)
  .flatMap((entry): readonly KnownReason[] => {
    const { says, remedy } = entry;
    return [
      { entry, pattern: wholePattern(patternOf(says)), letters: lettersOf(says) },
      {
        ...{ entry, letters: lettersOf(says + remedy) },
        pattern: wholePattern(`${patternOf(says)}[:;]? ${loosePatternOf(remedy)}`),
      },
    ];
  })
  .sort((a, b) => b.letters - a.letters);
