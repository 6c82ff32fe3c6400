import { setTimeout as sleep } from "node:timers/promises";

interface Limits {
  /** Milliseconds. */
  readonly within?: number;
  /** Between two questions; milliseconds. */
  readonly every?: number;
  /** Added to the failure. */
  readonly explain?: () => string;
}

/** Resolves with the first defined (and not false) answer. @throws when there is none in time, saying for what it waited. */
export async function until<T>(
  what: string,
  ask: () => T | undefined | false | Promise<T | undefined | false>,
  { within = 45_000, every = 20, explain }: Limits = {},
): Promise<T> {
  const deadline = performance.now() + within;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer;
    if (performance.now() > deadline)
      throw new Error(`not within ${within} ms: ${what}${explain ? `\n${explain()}` : ""}`);
    await sleep(every);
  }
}
