// Which of several verdicts wins: any refuse over any defer, which wins over proceed. Pure.
import type { VerdictWord } from "./messages.ts";

const WEIGHT: Readonly<Record<VerdictWord, number>> = { proceed: 0, defer: 1, refuse: 2 };

export const outweighs = (verdict: VerdictWord, other: VerdictWord): boolean =>
  WEIGHT[verdict] > WEIGHT[other];

/** No other verdict can win over it. */
export const isDecisive = (verdict: VerdictWord): boolean =>
  Object.values(WEIGHT).every((weight) => weight <= WEIGHT[verdict]);

/** The first of those whose verdict wins over all others; undefined if there are none. */
export const heaviestOf = <T>(
  candidates: readonly T[],
  verdictOf: (candidate: T) => VerdictWord,
): T | undefined =>
  candidates.reduce<T | undefined>(
    (heaviest, candidate) =>
      heaviest === undefined || outweighs(verdictOf(candidate), verdictOf(heaviest)) ? candidate : heaviest,
    undefined,
  );
