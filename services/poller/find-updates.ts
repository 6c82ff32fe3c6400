// What is newer: look at the Engine, ask the registries, decide. Nothing is published and nothing changed.
import type { KV } from "@nats-io/kv";
import { type Facts, isMeant } from "../../shared/container-facts.ts";
import { HeldEntry } from "../../shared/held.ts";
import { inParallel } from "../../shared/in-parallel.ts";
import { parseJson } from "../../shared/messages.ts";
import { ourselvesOf } from "../../shared/ourselves.ts";
import { heldKey } from "../../shared/subjects.ts";
import { askRegistries } from "./ask-registries.ts";
import type { Lag } from "./lag.ts";
import { following, refsToAsk } from "./latest.ts";
import {
  type RegistryAnswer,
  type Candidate,
  type Choice,
  type UpdatePlan,
  choose,
  mayMove,
  planOf,
} from "./plan.ts";
import type { Polling } from "./polling.ts";
import { RECENT_MS } from "./recent-answers.ts";
import { type Sight, lookAt } from "./watch.ts";

export interface Search {
  /** Names that are left alone. */
  readonly except?: ReadonlySet<string>;
  /** Name or id of the one container that it is about. */
  readonly only?: string;
  readonly despiteHolds?: true;
  /** Registries are not asked again for what they said less than so many milliseconds ago. */
  readonly recentMs?: number;
}

export interface Updates {
  readonly sight: Sight;
  /** Whether there is any container that it was about. */
  readonly isThere: boolean;
  /** Of all containers, whatever it was about. */
  readonly choice: Choice;
  /** Those whose registry was asked. */
  readonly candidates: readonly Candidate[];
  /** By `familiar` reference. */
  readonly answers: ReadonlyMap<string, RegistryAnswer>;
  /** What to set so that more can be asked. */
  readonly advice?: string;
  /** Names of those whose image is not known to come from its repository. */
  readonly strangers: ReadonlySet<string>;
  /** Tags that a mirror serves otherwise than their registry has them, by `familiar` reference. */
  readonly lags: ReadonlyMap<string, Lag>;
  readonly plan: UpdatePlan;
}

const NOBODY: ReadonlySet<string> = new Set();

/** @throws what the Engine's and NATS' clients throw where one is away, and HostTaken. */
export async function findUpdates(polling: Polling, search: Search): Promise<Updates> {
  const { host, settings, clock, signal, origins } = polling;
  const { except = NOBODY, only, despiteHolds = false, recentMs = 0 } = search;
  const sight = await lookAt(host.engine, signal);
  const choice = choose(sight.watched, settings, ourselvesOf(host, settings), origins.images);
  const isWanted = (facts: Facts): boolean => only === undefined || isMeant(facts, only);
  const chosen = choice.candidates.filter(({ facts }) => !except.has(facts.name) && isWanted(facts));
  const isWhole = only === undefined && except.size === 0;
  const refs = refsToAsk(chosen, settings.LATEST_ONLY);
  const said = await askRegistries(polling, refs, { isWhole, recentMs });
  const { advice } = said;
  const candidates = following(chosen, said.answers, settings.LATEST_ONLY);
  const { answers, lags } = await polling.mirrors.of(candidates, said.answers, {
    signal,
    everyMs: comparedEvery(search, settings.INTERVAL),
  });
  signal.throwIfAborted();
  const moving = candidates.filter((candidate) => mayMove(candidate, answers));
  const { strangers, same } = await origins.of(candidates, answers, signal);
  const plan = planOf({
    candidates,
    answers,
    held: await heldOf(polling, despiteHolds ? [] : moving.map(({ facts }) => facts)),
    ...{ strangers, same },
    lags: despiteHolds ? asOperatorAsked(lags) : lags,
    all: sight.facts,
    now: clock.now(),
    compat: settings.COMPAT_LABELS,
  });
  return {
    ...{ sight, choice, candidates, answers, plan, lags },
    isThere: sight.facts.some(isWanted),
    strangers: new Set(strangers.keys()),
    ...(advice !== undefined && { advice }),
  };
}

/** A person who asks gets an answer of now; cycles ask the registries behind the mirrors once in twelve, or in an hour. */
const comparedEvery = ({ only, recentMs }: Search, interval: number): number =>
  recentMs ?? (only === undefined ? Math.min(12 * interval, 3_600_000) : RECENT_MS);

/** An operator who asks for an update gets what the mirror has, if that is another image. */
const asOperatorAsked = (lags: ReadonlyMap<string, Lag>): ReadonlyMap<string, Lag> =>
  new Map([...lags].map(([familiar, lag]) => [familiar, { ...lag, passed: [] }]));

/** By container name. An entry that cannot be read holds nothing. */
async function heldOf(
  { held, host, log }: { held: KV } & Pick<Polling, "host" | "log">,
  containers: readonly Facts[],
): Promise<ReadonlyMap<string, HeldEntry>> {
  const found = await inParallel(containers, { all: 16 }, async ({ name }) => {
    const entry = await held.get(heldKey(host.name, name));
    if (entry?.operation !== "PUT") return [];
    const read = HeldEntry.safeParse(parseJson(entry.string()));
    if (read.success) return [[name, read.data] as const];
    log.warn({ container: name, key: entry.key }, "held entry cannot be read");
    return [];
  });
  return new Map(found.flat());
}
