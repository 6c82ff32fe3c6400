// The story, told inside a bed: version 1 runs; version 2 comes; version 3 is refused; version 4 never gets healthy.
// Ends with 1 where it does not go as told.
import { once } from "node:events";
import { setTimeout as pause } from "node:timers/promises";
import { type NatsConnection, connect } from "nats";
import { makeCommandBody } from "../../shared/contract/messages.ts";
import { subjects } from "../../shared/contract/subjects.ts";
import { type Engine, engine } from "../../test/bed/bed.ts";
import { until } from "../../test/support/until.ts";
import { App, type PartName, partNames } from "./app.ts";
import type { Outcome } from "./happenings.ts";
import { InOrder } from "./in-order.ts";
import { buildStage } from "./stage.ts";
import { teller } from "./teller.ts";
import { tellScripts, watch } from "./watch.ts";

interface Chapter {
  readonly version: string;
  readonly of: readonly PartName[];
  readonly says: string;
  /** Another command for the containers' healthcheck. */
  readonly check?: string;
  /** How it must end. */
  readonly ends: readonly string[];
  /** What must run then. */
  readonly then: readonly string[];
}

const allOn2 = ["db running 2", "web running 2", "worker running 2"];
const chapters: readonly Chapter[] = [
  {
    version: "2",
    of: partNames,
    says: "a plain update",
    ends: ["db updated", "web updated", "worker updated"],
    then: allOn2,
  },
  {
    version: "3",
    of: ["web"],
    says: "the change board, asked from afar, will refuse it",
    ends: ["web refused"],
    then: allOn2,
  },
  {
    version: "4",
    of: ["db"],
    says: "it will never get healthy",
    check: "echo 'a migration is locked'; exit 1",
    ends: ["db rolled_back"],
    then: allOn2,
  },
];
const MORAL =
  "Each time db was replaced, web was stopped before and started again after it, as db's label asks.";
const CHAPTER_TAKES_AT_MOST_MS = 60_000;

class Unexpected extends Error {}

const stop = new AbortController();
for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.on(signal, () => stop.abort());
const stopped = once(stop.signal, "abort").then(() => Promise.reject(new Error("stopped")));
stopped.catch(() => undefined); // it may come before anyone waits for it
const tell = teller(process.argv.includes("--json"), Number(process.env["DEMO_BEGAN"] ?? Date.now()));
try {
  await tellStory(engine(1));
} catch (error) {
  process.exitCode = 1;
  if (!stop.signal.aborted) tell({ event: "wrong", what: (error as Error).message });
  if (!stop.signal.aborted && !(error instanceof Unexpected)) console.error(error);
}
process.exit(); // what play() may still wait for is given up

async function tellStory(h1: Engine): Promise<void> {
  tell({ event: "stage", host: h1.name, engine: (await h1.docker.version()).Version });
  const order = new InOrder();
  await using stage = await buildStage(h1, tell, tellScripts(order, tell));
  await using nats = await connect({ servers: stage.natsUrl });
  await Promise.race([play(h1, nats, order), stage.broken, stopped]);
}

async function play(h1: Engine, nats: NatsConnection, order: InOrder): Promise<void> {
  const app = await App.deploy(h1, tell);
  using watching = await watch({ nats, docker: h1.docker, app, order }, tell);
  await until("the poller works", async () => (await check(h1, nats)) !== undefined);
  for (const [index, chapter] of chapters.entries()) {
    const before = watching.outcomes.length;
    await app.push(chapter.version, chapter.of, chapter.check);
    tell({ event: "pushed", version: chapter.version, containers: chapter.of, says: chapter.says });
    while ((await check(h1, nats)) !== "published") await pause(100); // the updater has the plan before in hand
    await until("the run is over", () => watching.finished() > index, { within: CHAPTER_TAKES_AT_MOST_MS });
    compare(chapter, watching.outcomes.slice(before), await app.asItIs());
  }
  tell({ event: "summary", outcomes: watching.outcomes, says: MORAL });
}

/** Asks the poller to look now; resolves with what came of it, or undefined where no poller answers. */
async function check({ name }: Engine, nats: NatsConnection): Promise<string | undefined> {
  const asked = nats.request(subjects.command(name, "poller", "check"), makeCommandBody("check"), {
    timeout: 20_000,
  });
  const answer = await asked.catch(() => undefined);
  return answer?.json<{ readonly outcome: { readonly kind: string } }>().outcome.kind;
}

function compare(
  { version, ends, then }: Chapter,
  outcomes: readonly Outcome[],
  now: readonly string[],
): void {
  const ended = outcomes.map(({ container, end }) => `${container} ${end}`).sort();
  if (ended.join() !== ends.join())
    throw new Unexpected(`version ${version} ended with ${ended.join(", ")} instead of ${ends.join(", ")}`);
  if (now.join() !== then.join())
    throw new Unexpected(`after version ${version} there is ${now.join(", ")} instead of ${then.join(", ")}`);
}
