// What the updater of one host works with, and what one run of it adds.
import type { Logger } from "pino";
import type { Mode } from "../../shared/contract/hooks.ts";
import type { ContainerInspectInfo, ImageInspectInfo } from "dockerode";
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
import type { Participants } from "./gate/gate-participants.ts";
import type { Semaphore } from "./semaphore.ts";
import type { ContainerReferences } from "./containers/container-references.ts";
import type { SagaOutcome } from "./swap/saga.ts";
import type { Swap, SwapStep } from "./swap/swap.ts";
import { parseSwapName } from "../../shared/containers/swap-names.ts";

/** While dependencies are stopped nobody is waited for longer. Milliseconds. */
export const MAX_WAIT_WHILE_STOPPED_MS = 300_000;

export interface Updater {
  readonly bus: Bus;
  readonly fence: Fence;
  readonly participants: Participants;
  readonly verdictSignals: VerdictSignals;
  /** The host's swap places: how many containers are down for an update at a time. */
  readonly swapSemaphore: Semaphore;
  /** Creating by a tag that is moved for a moment: one at a time. */
  readonly tagSemaphore: Semaphore;
  readonly references: ContainerReferences;
  readonly counters: Counters;
  /** The steps of a replacement; the product's are `swapSteps`. */
  readonly steps: readonly SwapStep[];
  /** How often the Engine did not answer about containers, by run and names. */
  readonly engineSilences: Map<string, number>;
  /** How often a plan failed as a whole, by run. */
  readonly planFailures: Map<string, number>;
  /** Aborts STOP_GRACE after the service was told to stop. */
  readonly hardStop: AbortSignal;
}

/** For one run, which is given up where NATS stays away while something is stopped (plan/nats-outage.ts). */
export interface ConnectedUpdater extends Updater {
  /** From the first stop until all that was stopped runs. */
  readonly limitNatsOutage: () => Disposable;
}

export interface Run extends ConnectedUpdater {
  /** How many groups may have stopped dependencies at a time. */
  readonly dependencySemaphore: Semaphore;
  readonly journal: Journal;
  readonly gate: Gate;
  readonly notices: Notices;
  readonly mode: Mode;
  /** Back to the image before, because the operator asked. */
  readonly isRollback: boolean;
  readonly log: Logger;
  /** Ids of containers that ran before the run stopped anything. */
  readonly ran: Set<string>;
  /** Containers recreated in this run: old id → new id. */
  readonly replaced: Map<string, string>;
  /** Dependencies that could not be started: the run's marker stays for them. */
  readonly notStarted: Set<string>;
  /** What an earlier process had swapped already, by container name. */
  readonly recovered: ReadonlyMap<string, RecoveredSwap>;
  /** What recovery could not put right of the run, by container name, and why. */
  readonly stuck: ReadonlyMap<string, string>;
  /** What the helper said that an earlier process started. */
  readonly helperOutcome: HelperOutcome | undefined;
}

/** A swap that an earlier process left after the names were exchanged, and how going on with it went. */
export interface RecoveredSwap {
  readonly swap: Swap;
  readonly outcome: SagaOutcome;
  /** Name of the container in whose transaction it was. */
  readonly parent?: string;
}

export interface UpdateEntry {
  readonly facts: ContainerFacts;
  readonly ref: ImageRef;
  /** Registry's digest, as the plan has it. */
  readonly digest: string;
  readonly latest: ImagePayload;
}

/** An entry whose new image is here. */
export interface Update extends UpdateEntry {
  readonly newImage: ImageInspectInfo;
}

export interface InspectedContainer {
  readonly facts: ContainerFacts;
  readonly inspect: ContainerInspectInfo;
  /** Why the Engine could not show the image that it runs: which of its labels count is not known then. */
  readonly imageUnseen?: string;
}

/**
 * All containers of the Engine but those that a swap has named. Dependencies that an earlier process of the run
 * stopped count as running: they ran before.
 */
export async function inspectUserContainers(
  engine: Engine,
  stoppedBefore: readonly MarkedContainer[],
): Promise<InspectedContainer[]> {
  const { there } = await inspectAllContainers(engine); // of those that it cannot show nothing is known
  const own = there.filter((inspect) => parseSwapName(inspect.Name.slice(1)) === undefined);
  const { labels, unseen } = await imageLabels(engine, own);
  const all = addNeededDependencies(
    own.map((inspect) => factsOf(inspect, labels.get(inspect.Image) ?? "unknown")),
    engine.compat,
  );
  return own.flatMap((inspect, n) => {
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
  /** Why the Engine, asked twice, could not show an image. */
  readonly unseen: ReadonlyMap<string, string>;
}

/** Of the images that the containers run. @throws what dockerode throws where the Engine answers nobody. */
async function imageLabels(
  { docker }: Engine,
  containers: readonly ContainerInspectInfo[],
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
  if (unseen.size > 0) await docker.listContainers({ limit: 1 }); // or is it the Engine?
  return { labels, unseen };
}
