// Suggests existing names for a misspelt one. Pure.

/** `; did you mean web?`, with the nearest name first; empty where no name is near. */
export function didYouMean(word: string, candidates: Iterable<string>): string {
  const near = [...new Set(candidates)]
    .map((candidate) => ({ candidate, distance: editDistance(word.toLowerCase(), candidate.toLowerCase()) }))
    .filter(
      ({ candidate, distance }) =>
        distance <= Math.max(1, Math.floor(word.length / 3)) || candidate.includes(word),
    )
    .sort((a, b) => a.distance - b.distance || (a.candidate < b.candidate ? -1 : 1))
    .slice(0, 3)
    .map(({ candidate }) => candidate);
  return near.length === 0 ? "" : `; did you mean ${near.join(" or ")}?`;
}

/**
 * How many letters have to be inserted, deleted, replaced or swapped with their neighbour (optimal string alignment).
 * Where these are more than `most`, some number above it.
 */
export function editDistance(a: string, b: string, most = Number.POSITIVE_INFINITY): number {
  const [from, to] = [Array.from(a), Array.from(b)];
  let before: number[] = [];
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (const [index, letter] of from.entries()) {
    const next = [index + 1];
    for (const [at, wanted] of to.entries()) {
      const isSwapped =
        index > 0 && at > 0 && letter !== wanted && letter === to[at - 1] && from[index - 1] === wanted;
      next.push(
        Math.min(
          (next[at] ?? 0) + 1,
          (row[at + 1] ?? 0) + 1,
          (row[at] ?? 0) + Number(letter !== wanted),
          isSwapped ? (before[at - 1] ?? 0) + 1 : Number.POSITIVE_INFINITY,
        ),
      );
    }
    if (Math.min(...row, ...next) > most) return most + 1;
    [before, row] = [row, next];
  }
  return row.at(-1) ?? 0;
}
