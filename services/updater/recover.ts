// What an updater that was killed left behind is put right from the Engine alone: names, inspect, marker volumes.
//   R1  The successor still bears its temporary name: not committed. It goes, and the old container runs again.
//   R2  The successor bears the real name, the backup is there: it is started and proved; if that fails, R1's way.
//   R3  A backup without a successor: it takes its name again and runs.
//   R4  Dependencies that a marker lists run again, if they exist; with the journal at hand the run does it itself.
// Recovering twice does nothing more than once.
import type { ContainerInspectInfo } from "dockerode";
import { ALREADY_SO, GONE, ifThere, tolerating } from "../../shared/engine.ts";
import { explain } from "../../shared/errors.ts";
import type { Context, Host } from "../../shared/run-service.ts";
import type { ContainerDocument, ImageDocument } from "./inspect.ts";
import { type Marker, findMarkers, removeMarker } from "./marker.ts";
import { runSteps, undoSteps } from "./saga.ts";
import { type Swap, removeBackup, stepsOfHalfSwap, stepsOfSwappedNames } from "./swap.ts";
import { parseSwapName } from "./swap-names.ts";
import { Timed } from "./timed.ts";
import type { Recovered } from "./updater.ts";

export interface RecoveredHost {
  /** R2: swaps whose names were exchanged, by the container's name, with how starting and proving went. */
  readonly swaps: ReadonlyMap<string, Recovered>;
  readonly markers: readonly Marker[];
}

interface Parts {
  readonly name: string;
  readonly run: string;
  readonly current: ContainerInspectInfo | undefined;
  readonly successor: ContainerInspectInfo | undefined;
  readonly backup: ContainerInspectInfo | undefined;
}

type Recovering = Pick<Context, "settings" | "log" | "clock"> & {
  readonly host: Host;
  readonly hardStop: AbortSignal;
};

export async function recoverHost(it: Recovering): Promise<RecoveredHost> {
  const swaps = new Map<string, Recovered>();
  await Promise.all((await findParts(it.host)).map((parts) => recoverOne(it, parts, swaps)));
  return { swaps, markers: await findMarkers(it.host.engine) };
}

/** Ends by the Engine alone what no run goes on with: proved successors stay, dependencies run. */
export async function settleAlone(
  it: Recovering,
  recovered: RecoveredHost,
  exceptRun: string | undefined,
): Promise<void> {
  for (const [name, { swap, outcome }] of recovered.swaps) {
    if (swap.run === exceptRun) continue;
    if (outcome.kind === "done") await removeBackup(swap);
    it.log.warn(
      { container: name, end: outcome.kind === "done" ? "updated" : "rolled_back" },
      "swap of a lost run ended",
    );
  }
  for (const { run, stopped } of recovered.markers.filter((marker) => marker.run !== exceptRun)) {
    for (const id of stopped) {
      const container = it.host.engine.docker.getContainer(id);
      await tolerating([ALREADY_SO, GONE], container.start()).catch((error: unknown) => {
        it.log.error({ container: id, because: explain(error) }, "dependency could not be started");
      });
    }
    await removeMarker(it.host.engine, run);
  }
}

async function findParts({ engine }: Host): Promise<Parts[]> {
  const listed = await engine.docker.listContainers({ all: true });
  const named = listed.map(({ Names, Id }) => ({ id: Id, name: (Names[0] ?? "").replace(/^\//, "") }));
  const swaps = named.map(({ name }) => parseSwapName(name)).filter((swap) => swap !== undefined);
  const inspect = async (name: string | undefined) =>
    name === undefined ? undefined : ifThere(engine.docker.getContainer(name).inspect());
  return Promise.all(
    [...new Map(swaps.map(({ name, run }) => [`${name} ${run}`, { name, run }])).values()].map(
      async ({ name, run }) => {
        const bearing = (part: string): string | undefined =>
          named.find((one) => {
            const swap = parseSwapName(one.name);
            return swap?.name === name && swap.run === run && swap.part === part;
          })?.id;
        return {
          name,
          run,
          current: await inspect(named.find((one) => one.name === name)?.id),
          successor: await inspect(bearing("successor")),
          backup: await inspect(bearing("backup")),
        };
      },
    ),
  );
}

async function recoverOne(it: Recovering, parts: Parts, swaps: Map<string, Recovered>): Promise<void> {
  const { current, successor, backup, name } = parts;
  const log = it.log.child({ container: name, run: parts.run });
  const old = backup ?? current;
  const next = successor ?? (backup === undefined ? undefined : current);
  if (old === undefined) {
    log.warn("a successor without its predecessor: it takes the name");
    await takeOver(it, parts);
  } else if (next === undefined) {
    log.warn("a backup without its successor: it takes its name again"); // R3
    await undo(it, await swapFrom(it, parts, { old, next: old }), log);
  } else if (successor !== undefined) {
    log.warn("a swap that was not committed is put back"); // R1
    const swap = await swapFrom(it, parts, { old, next });
    if (wasStoppedByUs(old, next)) await undo(it, swap, log);
    else await tolerating([GONE], it.host.engine.docker.getContainer(next.Id).remove({ force: true }));
  } else {
    const swap = await swapFrom(it, parts, { old, next }); // R2
    const outcome = await runSteps(
      stepsOfSwappedNames.left,
      swap,
      watching(it, log),
      stepsOfSwappedNames.done,
    );
    log.warn({ outcome: outcome.kind }, "a swap whose names were exchanged was taken up");
    swaps.set(name, { swap, outcome });
  }
}

async function undo(it: Recovering, swap: Swap, log: Recovering["log"]): Promise<void> {
  const isBackupOnly = swap.successor === swap.old.Id;
  const steps = isBackupOnly
    ? stepsOfHalfSwap.filter(({ name }) => name !== "create the successor")
    : stepsOfHalfSwap;
  const failures = await undoSteps(steps, swap, watching(it, log));
  for (const { step, error } of failures)
    log.error({ step, because: explain(error) }, "recovery: undo failed");
}

/** Somebody removed the old container meanwhile: the new one is all there is. */
async function takeOver({ host }: Recovering, { name, successor }: Parts): Promise<void> {
  if (successor === undefined) return;
  const container = host.engine.docker.getContainer(successor.Id);
  await container.rename({ name });
  await tolerating([ALREADY_SO], container.start());
}

/** An old container that somebody else stopped before the successor was made stays stopped. */
const wasStoppedByUs = (old: ContainerInspectInfo, successor: ContainerInspectInfo): boolean =>
  old.State.Running || Date.parse(old.State.FinishedAt) >= Date.parse(successor.Created);

async function swapFrom(
  it: Recovering,
  parts: Parts,
  { old, next }: { old: ContainerInspectInfo; next: ContainerInspectInfo },
): Promise<Swap> {
  const { engine } = it.host;
  const { RestartPolicy } = next.HostConfig;
  const unparked = { ...old, HostConfig: { ...old.HostConfig, ...(RestartPolicy && { RestartPolicy }) } };
  return {
    engine,
    clock: it.clock,
    run: parts.run,
    name: parts.name,
    old: unparked as unknown as ContainerDocument,
    oldImage: (await engine.docker.getImage(old.Image).inspect()) as unknown as ImageDocument,
    newImage: (await engine.docker.getImage(next.Image).inspect()) as unknown as ImageDocument,
    proof: {
      healthTimeout: it.settings.HEALTH_TIMEOUT,
      settleTime: it.settings.SETTLE_TIME,
      hardStop: it.hardStop,
    },
    beforeStop: () => Promise.resolve(),
    successor: next.Id,
  };
}

const watching = (it: Recovering, log: Recovering["log"]) => new Timed({ clock: it.clock, log });
