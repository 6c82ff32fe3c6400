// Runs one plan, from the poller's message to the last record: begin, ask, pull, groups side by side, finish. A run
// that an earlier process left is gone through again; what is recorded is not asked or done a second time.
import type { ImageInspection } from "../../../shared/docker/inspect-documents.ts";
import { kindOfEnd } from "../../../shared/contract/update-end.ts";
import { isUp } from "../../../shared/containers/container-facts.ts";
import { isOwnPart } from "../../../shared/containers/self-update-policy.ts";
import { settleAll } from "../settle-all.ts";
import { toEarlierTag } from "./rollback-image.ts";
import { resultInTransaction } from "./linked-updates.ts";
import { finishCommittedUpdate } from "./finish-committed.ts";
import { askUpdatesEnumerated } from "./ask-updates-enumerated.ts";
import { finishContainer, resultOfRefusedUpdate } from "./finish-container.ts";
import { startMarkedDependencies } from "./run-dependencies.ts";
import { runGroup } from "./run-group.ts";
import {
  type GroupedEntries,
  findIndependent,
  findEntry,
  groupEntries,
  findNeededDependencies,
} from "./group-entries.ts";
import { Journal } from "../journal/journal.ts";
import { recordLateVerdicts } from "../gate/late-verdicts.ts";
import { type MarkedContainer, makeMarker, removeMarker } from "../journal/run-marker.ts";
import { effectiveMode } from "./mode.ts";
import { Notices, reportResultsAgain, reportRunFinished } from "../journal/notices.ts";
import { dropSnapshotsOfRun } from "../journal/snapshot-store.ts";
import { snapshotStoreOf } from "./swap-resources.ts";
import type { Plan } from "./plan-message.ts";
import { type Pulls, startPulls } from "./pull-images.ts";
import type { HostRecovery } from "../recover/recover-host.ts";
import { reportGroups } from "./report-groups.ts";
import {
  type ConnectedUpdater,
  type UpdateEntry,
  type Run,
  type InspectedContainer,
  type Updater,
  inspectUserContainers,
} from "../updater.ts";
import { createRun } from "./create-run.ts";
import { removeUnusedVolumes, findUnusedVolumes } from "./unused-volumes.ts";
import { revalidatePlan } from "./revalidate-plan.ts";
import { reportServices, revalidateServices, updateServices } from "../swarm/update-services.ts";

const QUARTER_OF_AN_HOUR_MS = 900_000;

/** @throws Suspended when the service stops: the run stays open. @throws Fenced when another updater took over. */
export async function runPlan(updater: ConnectedUpdater, plan: Plan, recovered: HostRecovery): Promise<void> {
  const { bus, fence } = updater;
  const began = bus.clock.monotonic();
  const journal = await Journal.open(bus, plan.run);
  const isFinished = journal.recordsOf("finished").length > 0;
  if (isFinished && fence.open?.run !== plan.run) return;
  const mode = effectiveMode(plan, bus.context.settings);
  const notices = new Notices(bus, { run: plan.run, mode });
  reportResultsAgain(notices, journal);
  if (isFinished) return closeRun(updater, { journal, notices });
  await fence.begin({ run: plan.run, plan: plan.event });
  const isNew = journal.records.length === 0;
  if (isNew)
    await journal.write({
      kind: "begun",
      plan: plan.event,
      mode,
      containers: plan.containers.map(({ name }) => name),
    });
  const run = createRun(updater, { journal, notices, mode, plan, recovered });
  run.log.info({ mode, containers: plan.containers.length, resumed: !isNew }, "run begun");
  recordLateVerdicts(run);
  const marker = recovered.markers.find((candidate) => candidate.run === plan.run);
  const unused = await findUnusedVolumes(run);
  await runEntries(run, plan, { isNew, stoppedBefore: marker?.stopped });
  if (marker !== undefined) await startMarkedDependencies(run, marker);
  await removeUnusedVolumes(run, unused);
  const ends = Object.fromEntries(journal.recordsOf("ended").map(({ container, end }) => [container, end]));
  if (run.notStarted.size === 0) await removeMarker(bus.host.engine, plan.run);
  if (run.notStarted.size === 0 && !Object.values(ends).includes("stuck"))
    await dropSnapshotsOfRun(snapshotStoreOf(run), plan.run); // e.g. of a dependant whose owner replaced its parent
  await bus.lease.release();
  const results = { ends, ...(run.isRollback && { rollback: true as const }) };
  await journal.write({ kind: "finished", ...results, ms: Math.round(bus.clock.monotonic() - began) });
  run.log.info(results, "run finished");
  await closeRun(updater, run);
}

/** Reports and counts before it closes the run: after a crash in between, the next process does both again. */
export async function closeRun(
  { bus, fence, counters }: Updater,
  { journal, notices }: Pick<Run, "journal" | "notices">,
): Promise<void> {
  await bus.lease.release();
  reportRunFinished(notices, journal);
  await notices.waitUntilStored();
  const updated = journal.recordsOf("ended").filter((ended) => kindOfEnd(ended) === "updated");
  await counters.count(
    journal.run,
    updated.map(({ container }) => container),
  );
  await fence.end();
}

interface EarlierProcess {
  readonly isNew: boolean;
  /** The list of the marker volume, if an earlier process of the run made that. */
  readonly stoppedBefore: readonly MarkedContainer[] | undefined;
}

async function runEntries(run: Run, plan: Plan, before: EarlierProcess): Promise<void> {
  const limit = Math.max(2 * run.bus.context.settings.INTERVAL, QUARTER_OF_AN_HOUR_MS);
  const first = await revalidateEntries(run, plan, { ...before, limit });
  const services = await revalidateServices(run, plan, { ...before, limit });
  if (first.entries.length + services.length === 0) return;
  const agreed = await askUpdatesEnumerated(run, plan, [...first.entries, ...services]);
  const allowed = agreed.filter(({ facts }) => facts.service === undefined);
  const allowedServices = agreed.filter((entry) => !allowed.includes(entry));
  if (run.mode !== "update")
    return settleAll([
      ...reportGroups(run, await groupEntries(run, allowed, first.seen), first.seen),
      ...reportServices(run, allowedServices),
    ]);
  const left = allowed.filter(({ facts }) => run.journal.findResult(facts.name) === undefined);
  const alone = findIndependent(left, allowed, first.seen).filter(
    ({ facts }) => !isOwnPart(facts, run.bus.host),
  );
  const pulls = startPulls(run, left);
  const others = {
    ...plan,
    containers: plan.containers.filter(
      ({ name, isService }) => !isService && !alone.some(({ facts }) => facts.name === name),
    ),
  };
  let ours: readonly PlanPart[] = [];
  await settleAll([
    ...(await updateServices(run, allowedServices)),
    ...alone.map((entry) => () => updateAlone(run, entry, pulls)),
    async () => {
      ours = await updateTogether(run, others, { ...before, pulls });
    },
  ]);
  for (const updateOne of ours) await updateOne();
}

/** The entry neither stops nor recreates another container, so it waits for no image but its own. */
async function updateAlone(run: Run, entry: UpdateEntry, pulls: Pulls): Promise<void> {
  const newImage = await pulls.get(entry.facts.name);
  if (newImage === undefined) return;
  const ensureMarker = () => Promise.resolve(); // the group stops nothing
  await runGroup(run, { updates: [{ ...entry, newImage }], dependencies: [], hard: [], ensureMarker });
}

/**
 * Waits for all images of the run before the first update stops anything: a tag may be moved for a moment while a
 * dependant is recreated. Resolves with Ouroboros' own updates, which come last.
 */
async function updateTogether(
  run: Run,
  plan: Plan,
  { pulls, ...before }: EarlierProcess & { readonly pulls: Pulls },
): Promise<readonly PlanPart[]> {
  if (plan.containers.length === 0) return [];
  const images = new Map<string, ImageInspection>();
  await Promise.all(
    [...pulls].map(async ([name, pulling]) => {
      const image = await pulling;
      if (image !== undefined) images.set(name, image);
    }),
  );
  // the gate and the pulls took their time
  const revalidated = await revalidateEntries(run, plan, { ...before, limit: Number.POSITIVE_INFINITY });
  for (const { facts } of revalidated.seen) if (isUp(facts)) run.ran.add(facts.id);
  const isOver = ({ facts }: UpdateEntry): boolean => run.journal.findResult(facts.name) !== undefined;
  const isMarked = before.stoppedBefore !== undefined;
  const ready = revalidated.entries.filter(
    (entry) => images.has(entry.facts.name) || (isMarked && isOver(entry)),
  );
  const grouped = await groupEntries(run, ready, revalidated.seen);
  const { others, ours } = updateGroups(run, grouped, { images, isMarked });
  await settleAll(others);
  return ours;
}

/** The entries that still hold; the others are ended here. */
async function revalidateEntries(
  run: Run,
  plan: Plan,
  { stoppedBefore, ...rest }: EarlierProcess & { readonly limit: number },
): Promise<{ readonly seen: readonly InspectedContainer[]; readonly entries: readonly UpdateEntry[] }> {
  const seen = await inspectUserContainers(run.bus.host.engine, stoppedBefore ?? []);
  const { entries: open, expired, committed, rolledBack } = revalidatePlan(run, plan, { ...rest, seen });
  const entries: UpdateEntry[] = [];
  for (const entry of open)
    if (!(await endStuck(run, entry))) entries.push(run.isRollback ? await toEarlierTag(run, entry) : entry);
  for (const { entry, because, isPutOff = false } of expired)
    if (!(await endStuck(run, entry)))
      await finishContainer(run, entry, { end: "expired", because, by: "updater", isPutOff });
  for (const committedEntry of committed) await finishCommittedUpdate(run, committedEntry);
  for (const { entry, decided } of rolledBack)
    await finishContainer(
      run,
      entry,
      resultInTransaction(entry.facts.name, decided.container ?? "", resultOfRefusedUpdate(decided)),
    );
  return { seen, entries: [...entries, ...[...committed, ...rolledBack].map(({ entry }) => entry)] };
}

/** Ends the entry if recovery could not put it right, and resolves with whether that was so. */
async function endStuck(run: Run, entry: UpdateEntry): Promise<boolean> {
  const because = run.stuck.get(entry.facts.name);
  if (because === undefined) return false;
  await finishContainer(run, entry, { end: "stuck", because, by: "updater" });
  return true;
}

interface PulledImages {
  /** New images by container name. */
  readonly images: ReadonlyMap<string, ImageInspection>;
  /** The marker volume of the run exists already. */
  readonly isMarked: boolean;
}

type PlanPart = () => Promise<void>;

/** Ouroboros' own containers come last, one after another, and the one that this process runs in at the very end. */
function updateGroups(
  run: Run,
  { groups, entries }: GroupedEntries,
  { images, isMarked }: PulledImages,
): { readonly others: readonly PlanPart[]; readonly ours: readonly PlanPart[] } {
  const ready = groups.map(({ updates, dependencies }) => {
    const pulled = updates.flatMap(({ id, name }) => {
      const newImage = images.get(name);
      // ended by an earlier process, before it could start what it had stopped
      const isOver = run.journal.findResult(name) !== undefined;
      return newImage === undefined && !isOver ? [] : [{ ...findEntry(entries, id), newImage }];
    });
    return { updates: pulled, ...findNeededDependencies(pulled, dependencies) };
  });
  const stopped = ready.flatMap(({ dependencies }) => dependencies);
  let marked: Promise<void> | undefined = isMarked ? Promise.resolve() : undefined;
  const ensureMarker = (): Promise<void> =>
    (marked ??= makeMarker(run.bus.host.engine, { run: run.journal.run, stopped }));
  const toParts = (chosen: typeof ready): PlanPart[] =>
    chosen.map((group) => () => runGroup(run, { ...group, ensureMarker }));
  const { host } = run.bus;
  const isOwn = ({ updates }: (typeof ready)[number]): boolean =>
    updates.some(({ facts }) => host.own.includes(facts.id));
  const ours = ready.filter(({ updates }) => updates.some(({ facts }) => isOwnPart(facts, host)));
  return {
    others: toParts(ready.filter((group) => !ours.includes(group))),
    ours: toParts(ours.toSorted((a, b) => Number(isOwn(a)) - Number(isOwn(b)))),
  };
}
