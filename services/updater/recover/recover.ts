// What an updater that was killed left behind is put right from the Engine alone: names, inspect, marker volumes.
//   R1  The successor still bears its temporary name: not committed. It goes, and the old container runs again.
//   R2  The successor bears the real name, the backup is there: it is started and proved; if that fails, R1's way.
//   R3  A backup without a successor: it takes its name again and runs.
//   R4  Dependencies that a marker lists run again, if they exist; with the journal at hand the run does it itself.
//   R5  A dependant that was recreated stays with its parent: proved with it, put back with it, kept if that is over.
// Recovering twice does nothing more than once.
import type { ContainerInspectInfo } from "dockerode";
import { ALREADY_SO, tolerating } from "../../../shared/engine.ts";
import { explain } from "../../../shared/errors.ts";
import type { End } from "../../../shared/payloads.ts";
import type { Context, Host } from "../../../shared/run-service.ts";
import { byHand } from "../swap/by-hand.ts";
import { commit, letDependantsRun, ranBefore } from "../swap/dependants.ts";
import type { Helped } from "../self/helper-container.ts";
import { dropDocument } from "../journal/documents.ts";
import type { ContainerDocument, ImageDocument } from "../create/inspect.ts";
import { type Marker, findMarkers, removeMarker } from "../journal/marker.ts";
import { proofOf } from "../swap/prove.ts";
import { References } from "../swap/references.ts";
import { type Outcome, runSteps, undoSteps } from "../swap/saga.ts";
import type { Places } from "../swap/places.ts";
import { type Swap, create, removeBackup, start, stop } from "../swap/swap.ts";
import { ofHalfSwap, ofOurselves, ofSwappedNames } from "../swap/swap-steps.ts";
import { startPatiently } from "../swap/start-patiently.ts";
import { type Parts, findParts } from "../swap/swap-parts.ts";
import { Timed } from "../swap/timed.ts";
import type { Recovered } from "../updater.ts";

export interface RecoveredHost {
  /** R2: swaps whose names were exchanged, by the container's name, with how starting and proving went. */
  readonly swaps: ReadonlyMap<string, Recovered>;
  readonly markers: readonly Marker[];
  /** R1, R3, R5: what is over already. */
  readonly restored: readonly Restored[];
  /** What the helper said that an earlier process started. */
  readonly helped?: Helped | undefined;
}

/** How a swap that was left behind ended. */
export interface Restored {
  readonly container: string;
  readonly run: string;
  readonly end: Extract<End, "updated" | "rolled_back" | "stuck">;
  readonly because: string;
  /** The container that was replaced; undefined for a dependant, which has no update of its own. */
  readonly swap: Swap | undefined;
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
  const found = await recoverParts({ ...it, ran }, await findParts(it.host.engine));
  return { ...found, markers };
}

/** Ends by the Engine alone what no run goes on with: proved successors stay, dependencies run. */
export async function settleAlone(
  it: Recovering,
  recovered: RecoveredHost,
  exceptRun: string | undefined,
): Promise<Restored[]> {
  const ended = [...recovered.restored];
  for (const { swap, outcome } of recovered.swaps.values()) {
    if (swap.run === exceptRun) continue;
    if (outcome.kind === "done") await commit(swap);
    if (outcome.kind !== "stuck") await dropDocument(it.settings.DATA_DIR, swap.run, swap.name);
    ended.push({ container: swap.name, run: swap.run, ...endOf(swap, outcome), swap });
  }
  const lost = recovered.markers.filter((marker) => marker.run !== exceptRun);
  await startMarked(it, lost);
  const alone = ended.filter(({ run }) => run !== exceptRun);
  for (const { container, run, end, because } of alone)
    it.log[end === "stuck" ? "error" : "warn"]({ container, run, end, because }, "swap of a lost run ended");
  return alone;
}

function endOf(swap: Swap, outcome: Outcome): Pick<Restored, "end" | "because"> {
  switch (outcome.kind) {
    case "done":
      return { end: "updated", because: "the new container proved itself" };
    case "undone":
      return { end: "rolled_back", because: `"${outcome.failed}" failed: ${explain(outcome.cause)}` };
    case "stuck":
      return { end: "stuck", because: byHand(swap, outcome) };
  }
}

/** R4. */
async function startMarked(it: Recovering, markers: readonly Marker[]): Promise<void> {
  for (const { run, stopped } of markers) {
    await startPatiently({ ...it, engine: it.host.engine }, stopped);
    if (it.hardStop.aborted) return; // the next start reads the marker
    await removeMarker(it.host.engine, run);
  }
}

interface Begun extends Parts {
  readonly old: ContainerInspectInfo;
  readonly next: ContainerInspectInfo;
}

/** A dependant keeps its image; a container that is updated gets another one. */
const isDependant = ({ old, next }: Begun): boolean => old.Image === next.Image && old.Id !== next.Id;

async function recoverParts(
  it: RecoveringSwaps,
  all: readonly Parts[],
): Promise<Pick<RecoveredHost, "swaps" | "restored">> {
  const restored: Restored[] = [];
  const begun: Begun[] = [];
  for (const parts of all) {
    const old = parts.backup ?? parts.current;
    const next = parts.successor ?? (parts.backup === undefined ? undefined : parts.current);
    if (old === undefined) restored.push(...(await takeOver(it, parts)));
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
  for (const parts of parentsFirst) {
    const start = !(isDependant(parts) && goingOn.includes(parts.run));
    restored.push(await putBack(it, parts, { start }));
  }
  const swaps = new Map<string, Recovered>();
  await Promise.all(exchanged.filter((parts) => !isDependant(parts)).map((parts) => goOn(it, parts, swaps)));
  const taken = [...swaps.values()].flatMap(({ swap }) => swap.dependants.map(({ old }) => old.Id));
  for (const parts of exchanged.filter(isDependant)) {
    if (!taken.includes(parts.old.Id)) restored.push(await keepRecreated(it, parts));
  }
  return { swaps, restored };
}

/** R1, R3. */
async function putBack(
  it: RecoveringSwaps,
  parts: Begun,
  how: { readonly start: boolean },
): Promise<Restored> {
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
  if (failures.length === 0) await dropDocument(it.settings.DATA_DIR, run, name);
  const cause = "the updater ended in the middle of it";
  return {
    container: name,
    run,
    swap: isDependant(parts) ? undefined : swap,
    ...(failures.length > 0
      ? {
          end: "stuck",
          because: byHand(swap, { failed: "put the old container back", cause, left: failures }),
        }
      : { end: "rolled_back", because: `${cause}; the old container was put back` }),
  };
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
async function keepRecreated(it: RecoveringSwaps, parts: Begun): Promise<Restored> {
  const { name: container, run } = parts;
  const swap = await swapFrom(it, parts);
  if (ranBefore(swap))
    await tolerating([ALREADY_SO], it.host.engine.docker.getContainer(parts.next.Id).start());
  await removeBackup(swap);
  it.log.warn({ container, run }, "a dependant that was recreated is kept");
  return { container, run, end: "updated", because: "it was recreated with its parent", swap: undefined };
}

/** Somebody removed the old container meanwhile: the new one is all there is. */
async function takeOver({ host }: RecoveringSwaps, { name, run, successor }: Parts): Promise<Restored[]> {
  if (successor === undefined) return [];
  const container = host.engine.docker.getContainer(successor.Id);
  await container.rename({ name });
  await tolerating([ALREADY_SO], container.start());
  const because = "somebody removed the old container; the new one is all there is";
  return [{ container: name, run, end: "updated", because, swap: undefined }];
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
