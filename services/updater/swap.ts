// How a container is replaced. The order is the design:
//   U1  Nothing is stopped before its successor exists and was checked.
//   U2  The old container is not removed before the new one has proved itself and after_update agreed.
//   U3  Between "stop the old container" and "prove" nothing waits for NATS.
//   U4  Names and inspect documents alone tell which steps were done (swap-names.ts); a crash needs no journal.
// Engine API: ContainerCreate, -Stop, -Rename, -Update, -Start, -Delete.
import type { Clock } from "../../shared/clock.ts";
import {
  ALREADY_SO,
  type Engine,
  GONE,
  ifThere,
  isOlder,
  statusOf,
  tolerating,
} from "../../shared/engine.ts";
import { parseImageRef } from "../../shared/image-ref.ts";
import { labelOf } from "../../shared/labels.ts";
import type { ContainerDocument, ImageDocument } from "./inspect.ts";
import { type Proof, prove } from "./prove.ts";
import type { Step } from "./saga.ts";
import { makeSuccessor } from "./successor.ts";
import { backupName, successorName } from "./swap-names.ts";

export interface Swap {
  readonly engine: Engine;
  readonly clock: Clock;
  readonly run: string;
  /** The name its user gave it. */
  readonly name: string;
  readonly old: ContainerDocument;
  readonly oldImage: ImageDocument;
  readonly newImage: ImageDocument;
  readonly proof: Omit<Proof, "engine" | "clock">;
  /** Before the first thing that hurts: takes the swap place, checks the fence, writes the journal. */
  readonly beforeStop: (successor: string) => Promise<void>;
  /** The new container's id, once it is made. */
  successor: string | undefined;
}

export type SwapStep = Step<Swap>;

const oldOf = ({ engine, old }: Swap) => engine.docker.getContainer(old.Id);
const successorOf = ({ engine, name, run, successor }: Swap) =>
  engine.docker.getContainer(successor ?? successorName(name, run));

const create: SwapStep = {
  name: "create the successor",
  do: async (swap) => {
    const { name, run, ...rest } = swap;
    swap.successor = await makeSuccessor({ ...rest, replaced: new Map(), name: successorName(name, run) });
    await swap.beforeStop(swap.successor);
  },
  undo: (swap) => tolerating([GONE], successorOf(swap).remove({ force: true })),
};

const stop: SwapStep = {
  name: "stop the old container",
  do: (swap) => stopContainer(swap.engine, swap.clock, swap.old),
  undo: async (swap) => {
    const there = await ifThere(oldOf(swap).inspect());
    await startPatiently(swap, there?.Id ?? (await recreateOld(swap)));
  },
};

const moveAside: SwapStep = {
  name: "move the old container's name aside",
  do: (swap) => rename(swap.engine, swap.old.Id, backupName(swap.name, swap.run)),
  undo: (swap) => rename(swap.engine, swap.old.Id, swap.name),
};

const takeName: SwapStep = {
  name: "give the name to the successor",
  do: (swap) => rename(swap.engine, successorOf(swap).id, swap.name),
  undo: (swap) => rename(swap.engine, successorOf(swap).id, successorName(swap.name, swap.run)),
};

/** After a restart of the Engine a stopped `always` container would be started beside the new one. */
const parkPolicy: SwapStep = {
  name: "park the old container's restart policy",
  do: async (swap) => {
    if (restartsByItself(swap.old)) await oldOf(swap).update({ RestartPolicy: { Name: "no" } });
  },
  undo: async (swap) => {
    if (restartsByItself(swap.old))
      await tolerating([GONE], oldOf(swap).update({ RestartPolicy: policyOf(swap.old) }));
  },
};

const start: SwapStep = {
  name: "start the successor",
  do: (swap) => tolerating([ALREADY_SO], successorOf(swap).start()),
  undo: async (swap) => {
    const inspect = await ifThere(successorOf(swap).inspect());
    if (inspect?.State.Running)
      await stopContainer(swap.engine, swap.clock, inspect as unknown as ContainerDocument);
  },
};

const proveIt: SwapStep = {
  name: "prove the successor",
  do: (swap) => prove(successorOf(swap).id, { ...swap.proof, engine: swap.engine, clock: swap.clock }),
};

/** The first step that hurts is `stop`; `swapSteps` from there on need the host's swap place. */
export const swapSteps: readonly SwapStep[] = [create, stop, moveAside, takeName, parkPolicy, start, proveIt];
/** Steps that a process before this one did if the names are swapped, and those that are left then. */
export const stepsOfSwappedNames = {
  done: [create, stop, moveAside, takeName],
  left: [parkPolicy, start, proveIt],
} as const;
/** What must be undone if the successor exists and the old container bears its own or the backup name. */
export const stepsOfHalfSwap: readonly SwapStep[] = [create, stop, moveAside, parkPolicy];
/** From the first of these to the last the container is down. */
export const DOWN = { from: stop.name, to: start.name } as const;

/** U2: only after the verdict. Its volumes stay. */
export const removeBackup = (swap: Pick<Swap, "engine" | "old">): Promise<void> =>
  tolerating([GONE], swap.engine.docker.getContainer(swap.old.Id).remove({ v: false, force: true }));

const restartsByItself = (container: ContainerDocument): boolean =>
  ["always", "on-failure"].includes(container.HostConfig.RestartPolicy?.Name ?? "");

const policyOf = (container: ContainerDocument) => container.HostConfig.RestartPolicy ?? { Name: "no" };

async function rename(engine: Engine, id: string, name: string): Promise<void> {
  const inspect = await ifThere(engine.docker.getContainer(id).inspect());
  if (inspect === undefined || inspect.Name === `/${name}`) return;
  await engine.docker.getContainer(id).rename({ name });
}

const STOP_MARGIN_MS = 30_000;
const DEFAULT_STOP_S = 10;

/** With its own signal and timeout, or the signal of the label com.ouroboros.stop_signal. */
export async function stopContainer(
  engine: Engine,
  clock: Clock,
  container: ContainerDocument,
): Promise<void> {
  const seconds = (container.Config["StopTimeout"] as number | null | undefined) ?? DEFAULT_STOP_S;
  const abortSignal = clock.deadline(seconds * 1000 + STOP_MARGIN_MS);
  const signal = labelOf(container.Config.Labels ?? {}, "com.ouroboros.stop_signal");
  const target = engine.patient.getContainer(container.Id);
  if (signal !== undefined && isOlder(engine.api, "1.42"))
    await killAndWait(engine, clock, container, signal);
  await tolerating([ALREADY_SO], target.stop({ abortSignal, ...(signal !== undefined && { signal }) }));
}

/** Before API 1.42 stop takes no signal, and a killed container is restarted by its policy. */
async function killAndWait(
  engine: Engine,
  clock: Clock,
  container: ContainerDocument,
  signal: string,
): Promise<void> {
  const target = engine.patient.getContainer(container.Id);
  const seconds = (container.Config["StopTimeout"] as number | null | undefined) ?? DEFAULT_STOP_S;
  await target.update({ RestartPolicy: { Name: "no" } });
  await tolerating([409], target.kill({ signal }));
  await target
    .wait({ condition: "not-running", abortSignal: clock.deadline(seconds * 1000) })
    .catch(() => undefined);
}

const START_TRIES = 5;

/** Somebody removed the old container meanwhile: it is made again from its inspect document, on its own image. */
async function recreateOld(swap: Swap): Promise<string> {
  const { engine, old, oldImage, newImage, name } = swap;
  const ref = parseImageRef(old.Config.Image);
  const tag = { repo: ref?.name ?? "", tag: ref?.tag ?? "" };
  await engine.docker.getImage(oldImage.Id).tag(tag);
  try {
    return await makeSuccessor({ engine, old, oldImage, newImage: oldImage, replaced: new Map(), name });
  } finally {
    await engine.docker.getImage(newImage.Id).tag(tag);
  }
}

/** A third party may hold its port or address for a moment; what may not be is a container left down for that. */
async function startPatiently({ engine, clock }: Swap, id: string): Promise<void> {
  for (let pause = 200, tries = 1; ; pause *= 2, tries++) {
    try {
      await tolerating([ALREADY_SO], engine.docker.getContainer(id).start());
      return;
    } catch (error) {
      if (tries >= START_TRIES || statusOf(error) === GONE) throw error;
      await clock.sleep(pause);
    }
  }
}
