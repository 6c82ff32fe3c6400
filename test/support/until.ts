import { setTimeout as sleep } from "node:timers/promises";

/** How many times as long as elsewhere a wait may take here: bed.sh uml sets it. */
const patience = Number(process.env["OUROBOROS_TEST_PATIENCE"] ?? 1);

interface Limits {
  /** Milliseconds; only a failure waits as long, so it is wide enough for a busy machine. */
  readonly within?: number | undefined;
  /** Between two questions; milliseconds. Without it 20 at first, and more the longer it takes: asking costs the Engine. */
  readonly every?: number;
  /** Added to the failure. */
  readonly explain?: () => string;
}

/** Resolves with the first defined (and not false) answer. @throws when there is none in time, saying for what it waited. */
export async function until<T>(
  what: string,
  ask: () => T | undefined | false | Promise<T | undefined | false>,
  { within = 90_000, every, explain }: Limits = {},
): Promise<T> {
  const begun = performance.now();
  const limit = within * patience;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer;
    const passed = performance.now() - begun;
    if (passed > limit) throw new Error(`not within ${limit} ms: ${what}${explain ? `\n${explain()}` : ""}`);
    await sleep(every ?? Math.min(100, Math.max(20, passed / 20)));
  }
}
