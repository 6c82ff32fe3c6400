// What an updater that was killed left behind is put right from the Engine alone: names, inspect, marker volumes.
//   R1  The successor still bears its temporary name: not committed. It goes, and the old container runs again.
//   R2  The successor bears the real name, the backup is there: it is started and proved; if that fails, R1's way.
//   R3  A backup without a successor: it takes its name again and runs.
//   R4  Dependencies that a marker lists run again, if they exist; with the journal at hand the run does it itself.
//   R5  A dependant that was recreated stays with its parent: proved with it, put back with it, kept if that is over.
// Recovering twice does nothing more than once.
import type { ContainerInspectInfo } from "dockerode";
import { ALREADY_SO, ifThere, tolerating } from "../../shared/engine.ts";
import { explain } from "../../shared/errors.ts";
import type { Context, Host } from "../../shared/run-service.ts";
import { commit, letDependantsRun, ranBefore } from "./dependants.ts";
import type { Helped } from "./helper-container.ts";
import type { ContainerDocument, ImageDocument } from "./inspect.ts";
import { type Marker, findMarkers, removeMarker } from "./marker.ts";
import { proofOf } from "./prove.ts";
import { References } from "./references.ts";
import { runSteps, undoSteps } from "./saga.ts";
import type { Places } from "./places.ts";
import { type Swap, create, removeBackup, start, stop } from "./swap.ts";
import { ofHalfSwap, ofOurselves, ofSwappedNames } from "./swap-steps.ts";
import { parseSwapName } from "./swap-names.ts";
import { startPatiently } from "./start-patiently.ts";
import { Timed } from "./timed.ts";
import type { Recovered } from "./updater.ts";

export interface RecoveredHost {
  /** R2: swaps whose names were exchanged, by the container's name, with how starting and proving went. */
  readonly swaps: ReadonlyMap<string, Recovered>;
  readonly markers: readonly Marker[];
  /** What the helper said that an earlier process started. */
  readonly helped?: Helped | undefined;
}

export interface Parts {
  readonly name: string;
  readonly run: string;
  readonly current: ContainerInspectInfo | undefined;
  readonly successor: ContainerInspectInfo | undefined;
  readonly backup: ContainerInspectInfo | undefined;
}

export type Recovering = Pick<Context, "settings" | "log" | "clock"> & {
  readonly host: Host;
  readonly hardStop: AbortSignal;
  readonly making: Places;
};

export type RecoveringSwaps = Recovering & {
  /** Ids that a marker lists. */
  readonly ran: ReadonlySet<string>;
};

export async function recoverHost(it: Recovering): Promise<RecoveredHost> {
  const markers = await findMarkers(it.host.engine);
  const ran = new Set(markers.flatMap(({ stopped }) => stopped));
  return { swaps: await recoverParts({ ...it, ran }, await findParts(it.host)), markers };
}

const ENDS = { done: "updated", undone: "rolled_back", stuck: "stuck" } as const;

/** Ends by the Engine alone what no run goes on with: proved successors stay, dependencies run. */
export async function settleAlone(
  it: Recovering,
  recovered: RecoveredHost,
  exceptRun: string | undefined,
): Promise<void> {
  for (const [name, { swap, outcome }] of recovered.swaps) {
    if (swap.run === exceptRun) continue;
    if (outcome.kind === "done") await commit(swap);
    it.log.warn({ container: name, end: ENDS[outcome.kind] }, "swap of a lost run ended");
  }
  for (const { run, stopped } of recovered.markers.filter((marker) => marker.run !== exceptRun)) {
    await startPatiently({ ...it, engine: it.host.engine }, stopped);
    if (it.hardStop.aborted) return; // the next start reads the marker
    await removeMarker(it.host.engine, run);
  }
}

/** A container that others link to is listed under their names for it too: `/linker/alias`. */
const ownName = (names: readonly string[]): string =>
  (names.find((name) => name.lastIndexOf("/") === 0) ?? "").slice(1);

export async function findParts({ engine }: Host): Promise<Parts[]> {
  const listed = await engine.docker.listContainers({ all: true });
  const named = listed.map(({ Names, Id }) => ({ id: Id, name: ownName(Names) }));
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

interface Begun extends Parts {
  readonly old: ContainerInspectInfo;
  readonly next: ContainerInspectInfo;
}

/** A dependant keeps its image; a container that is updated gets another one. */
const isDependant = ({ old, next }: Begun): boolean => old.Image === next.Image && old.Id !== next.Id;

async function recoverParts(it: RecoveringSwaps, all: readonly Parts[]): Promise<Map<string, Recovered>> {
  const begun: Begun[] = [];
  for (const parts of all) {
    const old = parts.backup ?? parts.current;
    const next = parts.successor ?? (parts.backup === undefined ? undefined : parts.current);
    if (old === undefined) await takeOver(it, parts);
    else begun.push({ ...parts, old, next: next ?? old });
  }
  const uncommitted = begun.filter(
    ({ successor, old, next }) => successor !== undefined || old.Id === next.Id,
  );
  const exchanged = begun.filter((one) => !uncommitted.includes(one));
  const parentsFirst = uncommitted.toSorted(
    (one, other) => Number(isDependant(one)) - Number(isDependant(other)),
  );
  // What refers to a container that goes on is recreated with it; it could not start before.
  const goingOn = exchanged.filter((parts) => !isDependant(parts)).map(({ run }) => run);
  for (const parts of parentsFirst)
    await putBack(it, parts, { start: !(isDependant(parts) && goingOn.includes(parts.run)) });
  const swaps = new Map<string, Recovered>();
  await Promise.all(exchanged.filter((parts) => !isDependant(parts)).map((parts) => goOn(it, parts, swaps)));
  const taken = [...swaps.values()].flatMap(({ swap }) => swap.dependants.map(({ old }) => old.Id));
  for (const parts of exchanged.filter(isDependant)) {
    if (!taken.includes(parts.old.Id)) await keepRecreated(it, parts);
  }
  return swaps;
}

/** R1, R3. */
async function putBack(it: RecoveringSwaps, parts: Begun, how: { readonly start: boolean }): Promise<void> {
  const { name, run, old, next } = parts;
  const log = it.log.child({ container: name, run });
  log.warn("a swap that was not committed is put back");
  const swap = await swapFrom(it, parts);
  await letDependantsRun.do(swap);
  const onlyBackup = old.Id === next.Id;
  const isStarted = how.start && (onlyBackup || wasStoppedByUs(parts));
  const steps = ofHalfSwap.filter((step) => {
    if (step === create || step === start) return !onlyBackup;
    return isStarted || (step !== stop && step !== letDependantsRun);
  });
  const failures = await undoSteps(steps, swap, new Timed({ clock: it.clock, log, hardStop: it.hardStop }));
  for (const { step, error } of failures)
    log.error({ step, because: explain(error) }, "recovery: undo failed");
}

/** R2. */
async function goOn(it: RecoveringSwaps, parts: Begun, swaps: Map<string, Recovered>): Promise<void> {
  const log = it.log.child({ container: parts.name, run: parts.run });
  const swap = await swapFrom(it, parts);
  const isOwn = it.host.own.includes(parts.next.Id);
  const { left, done } = isOwn ? { left: ofOurselves, done: [] } : ofSwappedNames;
  const outcome = await runSteps(
    left,
    swap,
    new Timed({ clock: it.clock, log, hardStop: it.hardStop }),
    done,
  );
  log.warn({ outcome: outcome.kind }, "a swap whose names were exchanged was taken up");
  swaps.set(parts.name, { swap, outcome });
}

/** R5. */
async function keepRecreated(it: RecoveringSwaps, parts: Begun): Promise<void> {
  const swap = await swapFrom(it, parts);
  if (ranBefore(swap))
    await tolerating([ALREADY_SO], it.host.engine.docker.getContainer(parts.next.Id).start());
  await removeBackup(swap);
  it.log.warn({ container: parts.name, run: parts.run }, "a dependant that was recreated is kept");
}

/** Somebody removed the old container meanwhile: the new one is all there is. */
async function takeOver({ host }: RecoveringSwaps, { name, successor }: Parts): Promise<void> {
  if (successor === undefined) return;
  const container = host.engine.docker.getContainer(successor.Id);
  await container.rename({ name });
  await tolerating([ALREADY_SO], container.start());
}

/**
 * Only what ran gets a successor, but for dependants: one that somebody had stopped before stays stopped. The times are
 * the Engine's; a clock that was set back in between must not keep more than that down.
 */
const wasStoppedByUs = (parts: Begun): boolean =>
  !isDependant(parts) ||
  parts.old.State.Running ||
  Date.parse(parts.old.State.FinishedAt) >= Date.parse(parts.next.Created);

export async function swapFrom(it: RecoveringSwaps, { name, run, old, next }: Begun): Promise<Swap> {
  const { engine } = it.host;
  const { RestartPolicy } = next.HostConfig;
  const unparked = { ...old, HostConfig: { ...old.HostConfig, ...(RestartPolicy && { RestartPolicy }) } };
  const document = unparked as unknown as ContainerDocument;
  return {
    engine,
    clock: it.clock,
    run,
    name,
    old: document,
    oldImage: (await engine.docker.getImage(old.Image).inspect()) as unknown as ImageDocument,
    newImage: (await engine.docker.getImage(next.Image).inspect()) as unknown as ImageDocument,
    proof: proofOf(document, it),
    replaced: new Map([[old.Id, next.Id]]),
    making: it.making,
    references: new References(),
    ran: it.ran,
    resumedSince: next.Created,
    beforeStop: () => Promise.resolve(),
    successor: next.Id,
    dependants: [],
  };
}
