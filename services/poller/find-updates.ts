// What is newer: look at the Engine, ask the registries, decide. Nothing is published and nothing changed.
import type { KV } from "@nats-io/kv";
import { type ContainerFacts, hasNameOrId } from "../../shared/containers/container-facts.ts";
import { HeldEntry } from "../../shared/contract/held-entry.ts";
import { inParallel } from "../../shared/in-parallel.ts";
import { parseJson } from "../../shared/contract/messages.ts";
import { makeSelfUpdatePolicy } from "../../shared/containers/self-update-policy.ts";
import { heldKey } from "../../shared/contract/subjects.ts";
import { askRegistries } from "./ask-registries.ts";
import type { MirrorLag } from "./mirror-lag.ts";
import { followLatest, refsToAsk } from "./latest-only.ts";
import {
  type RegistryAnswer,
  type Candidate,
  type CandidateChoice,
  type UpdatePlan,
  chooseCandidates,
  hasTagMoved,
  makePlan,
} from "./plan.ts";
import type { Polling } from "./polling.ts";
import { RECENT_MS } from "./recent-answers.ts";
import { type EngineSnapshot, takeEngineSnapshot } from "./engine-snapshot.ts";

export interface UpdateSearch {
  /** Names that are left alone. */
  readonly except?: ReadonlySet<string>;
  /** Name or id of the one container that it is about. */
  readonly only?: string;
  readonly despiteHolds?: true;
  /** Registries are not asked again for what they said less than so many milliseconds ago. */
  readonly recentMs?: number;
}

export interface FoundUpdates {
  readonly sight: EngineSnapshot;
  /** Whether there is any container that it was about. */
  readonly isThere: boolean;
  /** Of all containers, whatever it was about. */
  readonly choice: CandidateChoice;
  /** Those whose registry was asked. */
  readonly candidates: readonly Candidate[];
  /** By `familiar` reference. */
  readonly answers: ReadonlyMap<string, RegistryAnswer>;
  /** What to set so that more can be asked. */
  readonly advice?: string;
  /** Names of those whose image is not known to come from its repository. */
  readonly strangers: ReadonlySet<string>;
  /** Tags that a mirror serves otherwise than their registry has them, by `familiar` reference. */
  readonly lags: ReadonlyMap<string, MirrorLag>;
  readonly plan: UpdatePlan;
}

const NOBODY: ReadonlySet<string> = new Set();

/** @throws what the Engine's and NATS' clients throw where one is away, and HostNameTaken. */
export async function findUpdates(polling: Polling, search: UpdateSearch): Promise<FoundUpdates> {
  const { host, settings, clock, signal, origins } = polling;
  const { except = NOBODY, only, despiteHolds = false, recentMs = 0 } = search;
  const sight = await takeEngineSnapshot(host.engine, signal);
  const choice = chooseCandidates(
    sight.watched,
    settings,
    makeSelfUpdatePolicy(host, settings),
    origins.images,
  );
  const isWanted = (facts: ContainerFacts): boolean => only === undefined || hasNameOrId(facts, only);
  const chosen = choice.candidates.filter(({ facts }) => !except.has(facts.name) && isWanted(facts));
  const isWhole = only === undefined && except.size === 0;
  const refs = refsToAsk(chosen, settings.LATEST_ONLY);
  const said = await askRegistries(polling, refs, { isWhole, recentMs });
  const { advice } = said;
  const candidates = followLatest(chosen, said.answers, settings.LATEST_ONLY);
  const { answers, lags } = await polling.mirrors.examine(candidates, said.answers, {
    signal,
    everyMs: comparisonInterval(search, settings.INTERVAL),
  });
  signal.throwIfAborted();
  const moving = candidates.filter((candidate) => hasTagMoved(candidate, answers));
  const { strangers, same } = await origins.examine(candidates, answers, signal);
  const plan = makePlan({
    candidates,
    answers,
    held: await readHeldEntries(polling, despiteHolds ? [] : moving.map(({ facts }) => facts)),
    ...{ strangers, same },
    lags: despiteHolds ? withoutPassedDigests(lags) : lags,
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
const comparisonInterval = ({ only, recentMs }: UpdateSearch, interval: number): number =>
  recentMs ?? (only === undefined ? Math.min(12 * interval, 3_600_000) : RECENT_MS);

/** An operator who asks for an update gets what the mirror has, if that is another image. */
const withoutPassedDigests = (lags: ReadonlyMap<string, MirrorLag>): ReadonlyMap<string, MirrorLag> =>
  new Map([...lags].map(([familiar, lag]) => [familiar, { ...lag, passed: [] }]));

/** By container name. An entry that cannot be read holds nothing. */
async function readHeldEntries(
  { held, host, log }: { held: KV } & Pick<Polling, "host" | "log">,
  containers: readonly ContainerFacts[],
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
