// What the updater of one host works with, and what one run of it adds.
import type { Logger } from "pino";
import type { Mode } from "../../shared/hooks.ts";
import type { ContainerInspectInfo, ImageInspectInfo } from "dockerode";
import { withNeeds } from "../../shared/compat-labels.ts";
import { type Facts, factsOf } from "../../shared/container-facts.ts";
import { type Engine, ifThere } from "../../shared/engine.ts";
import { labelsOf } from "../../shared/describe.ts";
import { explain } from "../../shared/errors.ts";
import { inspectAll } from "../../shared/inspect-all.ts";
import { inParallel } from "../../shared/in-parallel.ts";
import type { Labels } from "../../shared/labels.ts";
import type { ImageRef } from "../../shared/image-ref.ts";
import type { ImagePayload } from "../../shared/payloads.ts";
import type { Bus } from "./bus.ts";
import type { Doorbell } from "./gate/doorbell.ts";
import type { Counters } from "./journal/counters.ts";
import type { Fence } from "./journal/fence.ts";
import type { Gate } from "./gate/gate.ts";
import type { Helped } from "./self/helper-container.ts";
import type { Journal } from "./journal/journal.ts";
import type { Stopped } from "./journal/marker.ts";
import type { Notices } from "./journal/notices.ts";
import type { Participants } from "./gate/participants.ts";
import type { Semaphore } from "./swap/places.ts";
import type { References } from "./swap/references.ts";
import type { SagaOutcome } from "./swap/saga.ts";
import type { Swap, SwapStep } from "./swap/swap.ts";
import { parseSwapName } from "../../shared/swap-names.ts";

/** While dependencies are stopped nobody is waited for longer. Milliseconds. */
export const AT_MOST_WHILE_STOPPED = 300_000;

export interface Updater {
  readonly bus: Bus;
  readonly fence: Fence;
  readonly participants: Participants;
  readonly doorbell: Doorbell;
  /** The host's swap places: how many containers are down for an update at a time. */
  readonly places: Semaphore;
  /** Creating by a tag that is moved for a moment: one at a time. */
  readonly making: Semaphore;
  readonly references: References;
  readonly counters: Counters;
  /** The steps of a replacement; the product's are `swapSteps`. */
  readonly steps: readonly SwapStep[];
  /** How often the Engine did not answer about containers, by run and names. */
  readonly silences: Map<string, number>;
  /** How often a plan failed as a whole, by run. */
  readonly tries: Map<string, number>;
  /** Aborts STOP_GRACE after the service was told to stop. */
  readonly hardStop: AbortSignal;
}

/** For one run, which is given up where NATS stays away while something is stopped (plan/cut-off.ts). */
export interface Connected extends Updater {
  /** From the first stop until all that was stopped runs. */
  readonly whileStopped: () => Disposable;
}

export interface Run extends Connected {
  /** How many groups may have stopped dependencies at a time. */
  readonly turns: Semaphore;
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
  readonly recovered: ReadonlyMap<string, Recovered>;
  /** What recovery could not put right of the run, by container name, and why. */
  readonly stuck: ReadonlyMap<string, string>;
  /** What the helper said that an earlier process started. */
  readonly helped: Helped | undefined;
}

/** A swap that an earlier process left after the names were exchanged, and how going on with it went. */
export interface Recovered {
  readonly swap: Swap;
  readonly outcome: SagaOutcome;
  /** Name of the container in whose transaction it was. */
  readonly parent?: string;
}

export interface UpdateEntry {
  readonly facts: Facts;
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
  readonly facts: Facts;
  readonly inspect: ContainerInspectInfo;
  /** Why the Engine could not show the image that it runs: which of its labels count is not known then. */
  readonly imageUnseen?: string;
}

/**
 * All containers of the Engine but those that a swap has named. Dependencies that an earlier process of the run
 * stopped count as running: they ran before.
 */
export async function lookAround(
  engine: Engine,
  stoppedBefore: readonly Stopped[],
): Promise<InspectedContainer[]> {
  const { there } = await inspectAll(engine); // of those that it cannot show nothing is known
  const own = there.filter((inspect) => parseSwapName(inspect.Name.slice(1)) === undefined);
  const { labels, unseen } = await imageLabels(engine, own);
  const all = withNeeds(
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
      const image = await ifThere(docker.getImage(id).inspect());
      if (image !== undefined) labels.set(id, labelsOf(image));
    };
    await look()
      .catch(look)
      .catch((error: unknown) => unseen.set(id, explain(error)));
  });
  if (unseen.size > 0) await docker.listContainers({ limit: 1 }); // or is it the Engine?
  return { labels, unseen };
}
