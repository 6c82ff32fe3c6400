// All that there is to debug a round after which something does not hold.
import type { RoundResult } from "./play-round.ts";
import type { Scene } from "./scene.ts";

export interface Violated {
  readonly sentences: readonly string[];
  readonly report: string;
}

interface Where {
  readonly engine: string;
  readonly seed: number;
  readonly nth: number;
  /** When the round began. Unix milliseconds. */
  readonly from: number;
  readonly result: RoundResult;
}

const LINES = 400;

export async function explainRound(
  scene: Scene,
  { engine, seed, nth, from, result }: Where,
): Promise<Violated> {
  const sentences = Object.entries(result.wrong).flatMap(([check, wrong]) =>
    wrong.map((sentence) => `Engine ${engine}, seed ${seed}, round ${nth}: ${check}: ${sentence}`),
  );
  const listed = await scene.h.docker.listContainers({ all: true });
  const records = scene.stack.records
    .filter(({ at }) => Date.parse(at) >= from)
    .filter(({ kind }) => ["begun", "swapping", "swapped", "ended", "finished"].includes(kind))
    .map((record) => JSON.stringify(record));
  const log = scene.supervisor.log("updater").split("\n").filter(isFrom(from));
  const report = [
    ...sentences,
    "What happened:",
    ...result.story,
    "Containers:",
    ...listed.map(({ Id, Names, Image, Status }) => `${Id.slice(0, 12)} ${Names.join()} ${Image} ${Status}`),
    "Processes that ended by themselves:",
    ...scene.supervisor.ends.slice(-10),
    "Records:",
    ...records,
    "The updater's log:",
    ...log.slice(-LINES),
  ].join("\n");
  return { sentences, report };
}

/** By the line's own time, where it has one. */
const isFrom = (from: number) => (line: string) => {
  const [, time] = /"time":"?([^",]+)/.exec(line) ?? [];
  const at = time === undefined ? NaN : Date.parse(time);
  return Number.isNaN(at) || at >= from;
};
