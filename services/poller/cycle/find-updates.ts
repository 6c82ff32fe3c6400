// Finds newer images: read the Engine, ask the registries, decide. It publishes nothing and changes nothing.
import { type ContainerFacts, hasNameOrId } from "../../../shared/containers/container-facts.ts";
import { makeSelfUpdatePolicy } from "../../../shared/containers/self-update-policy.ts";
import { askRegistries } from "./ask-registries.ts";
import { consultLedger } from "../ledger/consult-ledger.ts";
import type { MirrorLag } from "../mirror-lag.ts";
import { followLatest, refsToAsk, withLowerTags } from "../plan/latest-only.ts";
import {
  type RegistryAnswer,
  type Candidate,
  type CandidateChoice,
  type PlanFindings,
  type UpdatePlan,
  chooseCandidates,
  findNewer,
  makePlan,
} from "../plan/plan.ts";
import type { Polling } from "../polling.ts";
import { OWN_ANSWER_SLACK_MS } from "../ledger/shared-looks.ts";
import { noteHeldRollbacks } from "../ledger/update-ends.ts";
import { followTags } from "../tags/follow-tags.ts";
import { dueImages, readHolds } from "../plan/read-holds.ts";
import { RECENT_MS } from "../recent-answers.ts";
import { type EngineSnapshot, takeEngineSnapshot } from "../engine-snapshot.ts";

export interface UpdateSearch {
  /** Names of containers that are left alone. */
  readonly except?: ReadonlySet<string>;
  /** Name or id of the only container to search for. */
  readonly only?: string;
  /** Only containers of which this is true are searched for. */
  readonly covers?: ((facts: ContainerFacts) => boolean) | undefined;
  readonly despiteHolds?: true;
  /** Answers younger than so many milliseconds are used again; for the others the registries are asked. */
  readonly recentMs?: number;
}

export interface FoundUpdates {
  readonly snapshot: EngineSnapshot;
  /** Whether the host has any container that the search covers. */
  readonly isThere: boolean;
  /** Covers all containers, whatever the search is for. */
  readonly choice: CandidateChoice;
  /** The containers whose registry was asked. */
  readonly candidates: readonly Candidate[];
  /** By `familiar` reference. */
  readonly answers: ReadonlyMap<string, RegistryAnswer>;
  /** Which setting would let more registries answer. */
  readonly advice?: string;
  /** Names of containers whose image is not known to come from its repository. */
  readonly strangers: ReadonlySet<string>;
  /** Tags for which a mirror and the registry have different digests, by `familiar` reference. */
  readonly lags: ReadonlyMap<string, MirrorLag>;
  readonly plan: UpdatePlan;
  /** Digests of newer images by container name, also of those that are held or only monitored. */
  readonly newer: ReadonlyMap<string, string>;
}

const NO_NAMES: ReadonlySet<string> = new Set();
const NOTHING_SOAKS: ReadonlyMap<string, never> = new Map<string, never>();

/** @throws the Engine or NATS client's error when one is unreachable, and HostNameTaken. */
export async function findUpdates(polling: Polling, search: UpdateSearch): Promise<FoundUpdates> {
  const { host, settings, clock, signal, origins } = polling;
  const { except = NO_NAMES, only, covers, despiteHolds = false, recentMs = 0 } = search;
  const snapshot = await takeEngineSnapshot(host, settings, signal);
  const policy = makeSelfUpdatePolicy(host, settings);
  const choice = chooseCandidates(snapshot.watched, settings, policy, origins.images);
  const isWanted = (facts: ContainerFacts): boolean =>
    (only === undefined || hasNameOrId(facts, only)) && (covers?.(facts) ?? true);
  const wanted = choice.candidates.filter(({ facts }) => isWanted(facts) && !except.has(facts.name));
  const sharedMs = sharedInterval(search, settings.INTERVAL);
  const chosen = await followTags(polling, wanted, { signal, recentMs: sharedMs - OWN_ANSWER_SLACK_MS });
  const coversAll = only === undefined && covers === undefined && except.size === 0;
  const refs = refsToAsk(chosen, settings.LATEST_ONLY);
  const registryAnswers = await askRegistries(polling, refs, {
    ...{ coversAll, recentMs, sharedMs },
    isCurrent: isCurrentFor(withLowerTags(chosen)),
  });
  const followed = followLatest(chosen, registryAnswers.answers, settings.LATEST_ONLY);
  const { answers, lags } = await polling.mirrors.examine(withLowerTags(followed), registryAnswers.answers, {
    signal,
    everyMs: comparisonInterval(search, settings.INTERVAL),
  });
  signal.throwIfAborted();
  const consulted = await consultLedger(polling, {
    ...{ candidates: followed, answers, unsure: lags, all: snapshot.facts, coversAll },
  });
  const { candidates, soaked } = despiteHolds ? { candidates: followed, soaked: NOTHING_SOAKS } : consulted;
  const { strangers, same } = await origins.examine(candidates, answers, signal);
  const holds = await readHolds(polling, dueImages(candidates, answers, soaked), despiteHolds);
  await noteHeldRollbacks(polling, { candidates: followed, held: holds.held });
  const findings: PlanFindings = {
    candidates,
    answers,
    ...holds,
    ...{ strangers, same },
    lags: despiteHolds ? withoutPassedDigests(lags) : lags,
    soaked,
    all: snapshot.facts,
    now: clock.now(),
    compat: settings.COMPAT_LABELS,
  };
  return {
    ...{ snapshot, choice, candidates, answers, lags },
    plan: makePlan(findings),
    newer: findNewer(findings),
    isThere: snapshot.facts.some(isWanted),
    strangers: new Set(strangers.keys()),
    ...(registryAnswers.advice !== undefined && { advice: registryAnswers.advice }),
  };
}

/** A person gets a current answer. Cycles ask the registry behind a mirror every twelfth time, at least hourly. */
const comparisonInterval = ({ only, recentMs }: UpdateSearch, interval: number): number =>
  recentMs ?? (only === undefined ? Math.min(12 * interval, 3_600_000) : RECENT_MS);

/** Whether all containers of an image run a digest. */
const isCurrentFor =
  (candidates: readonly Candidate[]) =>
  (familiar: string, digest: string): boolean =>
    candidates.every(({ ref, digests }) => ref.familiar !== familiar || digests.includes(digest));

/** How old another host's answer may be. A person who names a container gets none of another's. */
const sharedInterval = ({ only, recentMs }: UpdateSearch, interval: number): number =>
  recentMs ?? (only === undefined ? interval : 0);

/** An operator who asks for an update gets the mirror's image if it differs from the running one. */
const withoutPassedDigests = (lags: ReadonlyMap<string, MirrorLag>): ReadonlyMap<string, MirrorLag> =>
  new Map([...lags].map(([familiar, lag]) => [familiar, { ...lag, passed: [] }]));
