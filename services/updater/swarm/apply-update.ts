// Sends the update of a service to the Engine, once.
//   A1  The journal records `applying` before the update is sent: for which version of the service, from which digest to
//       which.
//   A2  The Engine takes an update only for the version that it names, and the version counts every change. So an update
//       that is sent again for the same version is taken once.
//   A3  If the version has changed and the image has not, somebody else changed the service: it is looked at anew. Where
//       the Engine's answer was lost, or a later process looks, that cannot be told from this update being put back
//       again, so nothing is sent.
//   A4  Each time before it is sent, lease and fence are looked at: waiting for the swarm may have taken long.
import { reasonOf } from "../../../shared/catalogue/entry.ts";
import { serviceFailures } from "../../../shared/catalogue/swarm-reasons.ts";
import { isEngineUnreachable } from "../../../shared/docker/engine.ts";
import { Expired, Suspended } from "../../../shared/errors.ts";
import type { RunRecord } from "../../../shared/contract/run-records.ts";
import { isSwarmAway } from "../../../shared/swarm/read-services.ts";
import {
  type ServiceDocument,
  digestOfImage,
  imageOfService,
} from "../../../shared/swarm/service-document.ts";
import type { Run, UpdateEntry } from "../updater.ts";
import { type SentUpdate, isTaken, rollbackStartOf } from "./judge-update.ts";
import { type ServiceChange, inspectService, prepareChange, sendUpdate } from "./service-engine.ts";
import { SwarmAbsence } from "./swarm-absence.ts";

type Applying = RunRecord & { kind: "applying" };

/** What an earlier process, or this one, sent or was about to send. */
export const findApplying = ({ journal }: Pick<Run, "journal">, name: string): Applying | undefined =>
  journal.recordsOf("applying").findLast(({ container }) => container === name);

const sentUpdateOf = ({ from, to, rolled_back_at: rolledBackAt }: Applying): SentUpdate => ({
  from,
  to,
  rolledBackAt,
});

/** How often a service is looked at anew that somebody changes all the time, and an update is sent that the swarm fails. */
const MAX_TRIES = 5;
const RETRY_MS = 1000;

/** Resolves when the Engine has the update. @throws Expired, Suspended, Fenced, and the Engine's refusal. */
export async function applyUpdate(run: Run, entry: UpdateEntry, to: string): Promise<SentUpdate> {
  const before = findApplying(run, entry.facts.name);
  if (before !== undefined) {
    const service = await awaitService(run, before.service);
    if (service?.Version.Index !== before.version) return expectSent(service, sentUpdateOf(before)); // A3
  }
  const change = await prepareChange(run.bus, entry.ref, to);
  for (let tries = 0; tries < MAX_TRIES; tries += 1) {
    const service = await expectUnchanged(run, entry);
    const sent = { from: entry.facts.imageId, to, rolledBackAt: rollbackStartOf(service) };
    await recordApplying(run, entry, service, sent);
    if (await sendUntilAnswered(run, service, sent, change)) return sent;
  }
  throw new Expired(reasonOf(serviceFailures.alwaysChanging, { tries: MAX_TRIES }));
}

/** A1 */
async function recordApplying(
  run: Run,
  { facts }: UpdateEntry,
  { ID, Version }: ServiceDocument,
  { from, to, rolledBackAt }: SentUpdate,
): Promise<void> {
  if (run.bus.signal.aborted) throw new Suspended("stopped before anything was touched");
  await run.journal.write({
    kind: "applying",
    container: facts.name,
    service: ID,
    version: Version.Index,
    ...(rolledBackAt !== undefined && { rolled_back_at: rolledBackAt }),
    from,
    to,
  });
}

/**
 * A2: an answer that is lost, or that a swarm without a leader gave, is asked for again. False where another version is
 * there (A3).
 */
async function sendUntilAnswered(
  run: Run,
  service: ServiceDocument,
  sent: SentUpdate,
  change: ServiceChange,
): Promise<boolean> {
  for (let tries = 1; ; tries += 1) {
    await expectInCharge(run);
    try {
      await sendUpdate(run.bus.host.engine, service, change);
      return true;
    } catch (error) {
      const isLost = isEngineUnreachable(error);
      const now = await awaitService(run, service.ID);
      if (now?.Version.Index !== service.Version.Index)
        return isLost ? expectSent(now, sent) !== undefined : isTaken(now, sent);
      const isPassing = isLost || (isSwarmAway(error) && tries < MAX_TRIES);
      if (!isPassing) throw error;
      if (run.bus.signal.aborted) throw new Suspended("stopped while an update was sent", { cause: error });
      await run.bus.clock.sleep(RETRY_MS, run.bus.signal);
    }
  }
}

/** A4. @throws Fenced, Suspended */
export async function expectInCharge({ bus, fence }: Run): Promise<void> {
  await bus.lease.hold(bus);
  await fence.check(bus.signal);
}

/** @throws Expired if it is no longer the service that was planned and asked about. */
async function expectUnchanged(run: Run, { facts }: UpdateEntry): Promise<ServiceDocument> {
  const service = await awaitService(run, facts.id);
  if (service === undefined) throw new Expired(reasonOf(serviceFailures.gone));
  const digest = digestOfImage(imageOfService(service.Spec));
  const state = service.UpdateStatus?.State;
  if (digest !== facts.imageId || state === "updating" || state === "rollback_started")
    throw new Expired(reasonOf(serviceFailures.changed));
  return service;
}

/** A3. @throws Expired */
function expectSent(service: ServiceDocument | undefined, sent: SentUpdate): SentUpdate {
  if (service === undefined) throw new Expired(reasonOf(serviceFailures.gone));
  if (!isTaken(service, sent)) throw new Expired(reasonOf(serviceFailures.changed));
  return sent;
}

/** Waits while Engine or swarm are away. @throws Suspended, NoManagerAnyMore */
export const awaitService = (run: Run, id: string): Promise<ServiceDocument | undefined> =>
  awaitSwarm(run, () => inspectService(run.bus.host.engine, id));

/** The answer, once the Engine and the swarm give one. @throws Suspended, NoManagerAnyMore */
export async function awaitSwarm<T>(run: Run, ask: () => Promise<T>): Promise<T> {
  const { bus } = run;
  const absence = new SwarmAbsence(run);
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (bus.signal.aborted) throw new Suspended("stopped while the swarm did not answer", { cause: error });
      await absence.note(error);
      await bus.clock.sleep(RETRY_MS, bus.signal);
    }
  }
}
