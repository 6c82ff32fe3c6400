// How the end of an update reads for people, and what metrics count it as. A rollback that the operator asked for is
// recorded as `updated`, by the operator, and is no update. Pure.
import { OPERATOR } from "./participants.ts";
import { UpdateResult } from "./payloads.ts";

export interface RecordedEnd {
  readonly end: UpdateResult;
  /** Who or what decided it. */
  readonly by?: string | null | undefined;
}

export const endKinds = [...UpdateResult.options, "rolled_back_by_operator"] as const;
/** The ends that people and metrics tell apart. */
export type EndKind = (typeof endKinds)[number];

export const kindOfEnd = ({ end, by }: RecordedEnd): EndKind =>
  end === "updated" && by === OPERATOR ? "rolled_back_by_operator" : end;

/** Stands in the record's reason, too: a rollback is held with it. */
export const ROLLED_BACK_BY_OPERATOR = "rolled back by the operator";

export const endInWords = (ended: RecordedEnd): string => {
  const kind = kindOfEnd(ended);
  return kind === "rolled_back_by_operator" ? ROLLED_BACK_BY_OPERATOR : kind;
};

/** The reason without what endInWords says. */
export const reasonOfEnd = (ended: RecordedEnd & { readonly because: string }): string => {
  const { because } = ended;
  const said = `${ROLLED_BACK_BY_OPERATOR}; `;
  return kindOfEnd(ended) === "rolled_back_by_operator" && because.startsWith(said)
    ? because.slice(said.length)
    : because;
};

interface RunEnds {
  readonly ends: readonly UpdateResult[];
  readonly rollback?: boolean | undefined;
}

/** The ends of a run, which says of all its containers at once whether the operator asked for a rollback. */
export const endsOfRun = ({ ends, rollback }: RunEnds): RecordedEnd[] =>
  ends.map((end) => ({ end, by: rollback === true ? OPERATOR : undefined }));
