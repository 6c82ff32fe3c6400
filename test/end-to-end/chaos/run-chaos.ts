// The chaos of one host, from a seed, for so long; and what there is to debug where something does not hold.
import { bed } from "../../bed/bed.ts";
import { type Violated, explainRound } from "./explain.ts";
import { type RoundResult, bringUp, playRound } from "./play-round.ts";
import { openScene, writeTokens } from "./scene.ts";
import { roundAt, sayAct } from "./schedule.ts";
import type { Results } from "./table.ts";

export interface Chaos {
  readonly engine: string;
  /** Number of the host in the bed. */
  readonly host: number;
  readonly seed: number;
  readonly minutes: number;
  /** At most so many, of so many acts each. */
  readonly rounds?: number;
  readonly acts?: number;
  readonly env?: Readonly<Record<string, string>>;
  /** Acts whose words it matches are left out. */
  readonly without?: RegExp;
}

export interface ChaosResult {
  readonly results: Results;
  /** What did not hold, with all there is to see why. */
  readonly violated: readonly Violated[];
}

export async function runChaos(chaos: Chaos): Promise<ChaosResult> {
  const { engine, host, seed, minutes, rounds: most = Infinity, acts: length, env, without } = chaos;
  bed(); // fails early where there is none
  await using scene = await openScene(host, env);
  await writeTokens(scene);
  const rounds: RoundResult[] = [];
  const violated: Violated[] = [];
  const until = performance.now() + minutes * 60_000;
  for (let nth = 0; nth < most && performance.now() < until; nth++) {
    const from = Date.now();
    const { acts, healed } = roundAt(seed, nth, length);
    const played = without === undefined ? acts : acts.filter((act) => !without.test(sayAct(act)));
    const result = await playRound(scene, { acts: played, healed });
    rounds.push(result);
    if (Object.keys(result.wrong).length > 0) {
      const one = await explainRound(scene, { engine, seed, nth, from, result });
      console.log(one.report);
      violated.push(one);
    }
    await bringUp(scene, result.wrong);
  }
  const { counts: ends, judged } = scene.resultChecker;
  return { results: { engine, seed, minutes, rounds, ends, judged }, violated };
}
