// The types that the updater's parts share, `Updater` for a host and `Run` for one run on it, and the look at its
// containers.
import type { Logger } from "pino";
import type { ContainerInspection, ImageInspection } from "../../shared/docker/inspect-documents.ts";
import type { Mode } from "../../shared/contract/hooks.ts";
import { addNeededDependencies } from "../../shared/containers/compat-labels.ts";
import { type ContainerFacts, factsOf } from "../../shared/containers/container-facts.ts";
import { type Engine, ifExists } from "../../shared/docker/engine.ts";
import { imageLabelsOf } from "../../shared/containers/payloads-from-engine.ts";
import { explain } from "../../shared/errors.ts";
import { inspectAllContainers } from "../../shared/containers/inspect-all.ts";
import { inParallel } from "../../shared/in-parallel.ts";
import type { Labels } from "../../shared/settings/labels.ts";
import type { ImageRef } from "../../shared/registry/image-ref.ts";
import type { ImagePayload } from "../../shared/contract/payloads.ts";
import type { Bus } from "./bus.ts";
import type { VerdictSignals } from "./gate/verdict-signals.ts";
import type { Counters } from "./journal/update-counters.ts";
import type { Fence } from "./journal/fence.ts";
import type { Gate } from "./gate/gate.ts";
import type { HelperOutcome } from "./containers/helper-container.ts";
import type { Journal } from "./journal/journal.ts";
import type { MarkedContainer } from "./journal/run-marker.ts";
import type { Notices } from "./journal/notices.ts";
import type { Approvals } from "./gate/approvals.ts";
import type { Participants } from "./gate/gate-participants.ts";
import type { Semaphore } from "./semaphore.ts";
import type { ContainerReferences } from "./containers/container-references.ts";
import type { SagaOutcome } from "./swap/saga.ts";
import type { Swap, SwapStep } from "./swap/swap-state.ts";
import { parseSwapName } from "../../shared/containers/swap-names.ts";

/** The longest wait, for anyone, while dependencies are stopped. Milliseconds. */
export const MAX_WAIT_WHILE_STOPPED_MS = 300_000;

export interface Updater {
  readonly bus: Bus;
  readonly fence: Fence;
  readonly participants: Participants;
  readonly approvals: Approvals;
  readonly verdictSignals: VerdictSignals;
  /** Limits how many containers of the host are down for an update at a time. */
  readonly swapSemaphore: Semaphore;
  /** Held to create a container by a tag that is moved for a moment: one at a time. */
  readonly tagSemaphore: Semaphore;
  readonly references: ContainerReferences;
  readonly counters: Counters;
  /** The steps of a replacement; in production `swapSteps`. */
  readonly steps: readonly SwapStep[];
  /** How often the Engine did not answer about containers, keyed by run and names. */
  readonly engineSilences: Map<string, number>;
  /** How often a plan failed as a whole, keyed by run. */
  readonly planFailures: Map<string, number>;
  /** Aborts STOP_GRACE after the service was asked to stop. */
  readonly hardStop: AbortSignal;
}

/**
 * The updater for one run, which is given up if NATS stays away while dependencies are stopped (plan/nats-outage.ts).
 */
export interface ConnectedUpdater extends Updater {
  /** Held from the first stop until everything that was stopped runs again. */
  readonly limitNatsOutage: () => Disposable;
}

/** What is carried out, and what records and reports it. */
interface RunTarget {
  readonly journal: Journal;
  readonly gate: Gate;
  readonly notices: Notices;
  readonly mode: Mode;
  /** The operator asked to go back to the image before. */
  readonly isRollback: boolean;
  readonly log: Logger;
  /** Limits how many groups may have stopped dependencies at a time. */
  readonly dependencySemaphore: Semaphore;
}

/** What recovery found of the run before it was resumed. */
interface RecoveredRun {
  /** Swaps that an earlier process had done already, by container name. */
  readonly recovered: ReadonlyMap<string, RecoveredSwap>;
  /** Containers of the run that recovery could not put right: name → why. */
  readonly stuck: ReadonlyMap<string, string>;
  /** The outcome of the helper that an earlier process started. */
  readonly helperOutcome: HelperOutcome | undefined;
}

/** What the run has done so far. */
interface RunProgress {
  /** Ids of containers that ran before the run stopped anything. */
  readonly ran: Set<string>;
  /** Containers recreated in this run: old id → new id. */
  readonly replaced: Map<string, string>;
  /** Dependencies that could not be started: the run's marker stays for them. */
  readonly notStarted: Set<string>;
}

/** Made by plan/create-run.ts. */
export interface Run extends ConnectedUpdater, RunTarget, RecoveredRun, RunProgress {}

/** A swap that an earlier process left after the names were exchanged, and the outcome of resuming it. */
export interface RecoveredSwap {
  readonly swap: Swap;
  readonly outcome: SagaOutcome;
  /** Name of the container in whose transaction it was swapped. */
  readonly parent?: string;
}

export interface UpdateEntry {
  readonly facts: ContainerFacts;
  /** What its successor is created by. */
  readonly ref: ImageRef;
  /** The container's reference when it was planned; `facts` may be of its successor already. */
  readonly reference: string;
  /** The registry's digest, from the plan. */
  readonly digest: string;
  readonly latest: ImagePayload;
  /** The digest that the tag names, where the plan chose an older one. */
  readonly passedOver?: string;
}

/** An entry whose new image is on the Engine. */
export interface Update extends UpdateEntry {
  readonly newImage: ImageInspection;
}

export interface InspectedContainer {
  readonly facts: ContainerFacts;
  readonly inspect: ContainerInspection;
  /** Why the Engine could not show the container's image. It is then unknown which of its labels count. */
  readonly imageUnseen?: string;
}

/**
 * All containers of the Engine except those that a swap has named. Dependencies that an earlier process of the run
 * stopped count as running, because they ran before.
 */
export async function inspectUserContainers(
  engine: Engine,
  stoppedBefore: readonly MarkedContainer[],
): Promise<InspectedContainer[]> {
  const { there } = await inspectAllContainers(engine); // nothing is known about those that the Engine cannot show
  const userContainers = there.filter((inspect) => parseSwapName(inspect.Name.slice(1)) === undefined);
  const { labels, unseen } = await imageLabels(engine, userContainers);
  const all = addNeededDependencies(
    userContainers.map((inspect) => factsOf(inspect, labels.get(inspect.Image) ?? "unknown")),
    engine.compat,
  );
  return userContainers.flatMap((inspect, n) => {
    const facts = all[n];
    if (facts === undefined) return [];
    const ranBefore = stoppedBefore.some(({ id, name }) => id === facts.id || name === facts.name);
    const imageUnseen = unseen.get(inspect.Image);
    return [
      {
        facts: ranBefore ? { ...facts, status: "running" } : facts,
        inspect,
        ...(imageUnseen !== undefined && { imageUnseen }),
      },
    ];
  });
}

interface ImageLabelsById {
  readonly labels: ReadonlyMap<string, Labels>;
  /** Image id → why the Engine, asked twice, could not show the image. */
  readonly unseen: ReadonlyMap<string, string>;
}

/**
 * Labels of the images that the containers run. @throws what dockerode throws if the Engine does not answer at all.
 */
async function imageLabels(
  { docker }: Engine,
  containers: readonly ContainerInspection[],
): Promise<ImageLabelsById> {
  const labels = new Map<string, Labels>();
  const unseen = new Map<string, string>();
  await inParallel([...new Set(containers.map(({ Image }) => Image))], { all: 8 }, async (id) => {
    const look = async (): Promise<void> => {
      const image = await ifExists(docker.getImage(id).inspect());
      if (image !== undefined) labels.set(id, imageLabelsOf(image));
    };
    await look()
      .catch(look)
      .catch((error: unknown) => unseen.set(id, explain(error)));
  });
  if (unseen.size > 0) await docker.listContainers({ limit: 1 }); // throws if the Engine as a whole does not answer
  return { labels, unseen };
}
