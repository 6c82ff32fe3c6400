// Updates one service of a run: asks, has the Engine update it, waits for the proof, asks again, and keeps it or has
// the Engine roll it back. Whatever kills this process, the next one goes on from the journal and from what the Engine
// shows.
import { reasonOf } from "../../../shared/catalogue/entry.ts";
import { serviceFailures } from "../../../shared/catalogue/swarm-reasons.ts";
import { eventId } from "../../../shared/contract/subjects.ts";
import { Expired } from "../../../shared/errors.ts";
import { whyNotActing } from "../../../shared/swarm/read-services.ts";
import type { ServiceDocument } from "../../../shared/swarm/service-document.ts";
import { type ResultDetails, finishContainer, resultOfVerdict, verdictAt } from "../plan/finish-container.ts";
import { expectBelowFailureLimit } from "../plan/failure-limit.ts";
import type { Run, UpdateEntry } from "../updater.ts";
import { applyUpdate, awaitService, awaitSwarm, findApplying } from "./apply-update.ts";
import { type UpdateEnd, awaitUpdate } from "./await-update.ts";
import { type SentUpdate, judgeImage, runsNowhere } from "./judge-update.ts";
import { findReverting, recordReverting, revertUpdate } from "./revert-update.ts";
import { findRollbackDigest } from "./rollback-digest.ts";
import { lookAtService } from "./service-engine.ts";
import { askAfterServiceUpdate, askBeforeServiceUpdate } from "./service-hooks.ts";

/** @throws Suspended, Fenced, Expired, FailureLimitReached */
export async function updateService(run: Run, entry: UpdateEntry): Promise<void> {
  const { name } = entry.facts;
  const applying = findApplying(run, name);
  const to = applying?.to ?? (await findTarget(run, entry));
  if (applying === undefined && !(await isAllowed(run, entry, to))) return;
  const { sent, end } = await rollOut(run, entry, to);
  await conclude(run, entry, sent, end);
}

/** The digest that the service gets. @throws Error that says why there is no way back */
const findTarget = (run: Run, entry: UpdateEntry): Promise<string> =>
  run.isRollback ? findRollbackDigest(run, entry) : Promise.resolve(entry.digest);

async function isAllowed(run: Run, entry: UpdateEntry, to: string): Promise<boolean> {
  expectBelowFailureLimit(run);
  const from = entry.facts.imageId;
  const state = await awaitSwarm(run, () => lookAtService(run.bus.host.engine, entry.facts.id));
  const { service } = state;
  if (service === undefined) throw new Expired(reasonOf(serviceFailures.gone));
  if (runsNowhere(state)) {
    const because = reasonOf(serviceFailures.runsNowhere);
    await finishContainer(run, entry, { end: "expired", because, by: "updater", isPutOff: true });
    return false;
  }
  const decided = await askBeforeServiceUpdate(run, { entry, service, from, to });
  if (decided.verdict === "proceed") return true;
  await finishContainer(run, entry, { ...resultOfVerdict(decided), ...changeOf(entry, { from, to }) });
  return false;
}

async function expectThere(run: Run, { facts }: UpdateEntry): Promise<ServiceDocument> {
  const service = await awaitService(run, facts.id);
  if (service === undefined) throw new Expired(reasonOf(serviceFailures.gone));
  return service;
}

interface RollOut {
  readonly sent: SentUpdate;
  readonly end: UpdateEnd;
}

/** Holds a slot of SWAPS until the Engine is done, and not while a gate waits. */
async function rollOut(run: Run, entry: UpdateEntry, to: string): Promise<RollOut> {
  using _slot = await run.swapSemaphore.take();
  if (findApplying(run, entry.facts.name) === undefined) await expectActing(run);
  const sent = await applyUpdate(run, entry, to);
  const reverting = findReverting(run, entry.facts.name);
  if (reverting !== undefined) return { sent, end: { kind: "failed", because: reverting.because } };
  const began = run.bus.clock.monotonic();
  const end = await awaitUpdate(run, entry.facts.id, sent);
  await recordSteps(run, entry, run.bus.clock.monotonic() - began);
  return { sent, end };
}

/** Once, also where several processes waited. */
async function recordSteps({ journal }: Run, { facts: { name } }: UpdateEntry, ms: number): Promise<void> {
  if (journal.recordsOf("did").some(({ container }) => container === name)) return;
  await journal.write({ kind: "did", container: name, step: "update by the swarm", ms: Math.round(ms) });
}

/** The gate took its time: another manager may lead by now. */
async function expectActing({ bus }: Run): Promise<void> {
  const not = await whyNotActing(bus.host.engine);
  if (not !== undefined) throw new Expired(reasonOf(serviceFailures.notLeading, { because: not.because }));
}

async function conclude(run: Run, entry: UpdateEntry, sent: SentUpdate, end: UpdateEnd): Promise<void> {
  const change = changeOf(entry, sent);
  switch (end.kind) {
    case "proved":
      return confirm(run, entry, sent);
    case "failed":
    case "reverting":
    case "reverted":
      return rollBack(run, entry, sent, { end: "rolled_back", because: end.because, by: "updater" });
    case "stuck":
      return finishContainer(run, entry, { end: "stuck", because: end.because, by: "updater", ...change });
    case "not sent":
      return finishExpired(run, entry, reasonOf(serviceFailures.changed));
    case "changed":
      return finishExpired(run, entry, end.because);
  }
}

const finishExpired = (run: Run, entry: UpdateEntry, because: string): Promise<void> =>
  finishContainer(run, entry, { end: "expired", because, by: "updater" });

/** Its tasks run with the new image: after_service_update decides whether they stay. */
async function confirm(run: Run, entry: UpdateEntry, sent: SentUpdate): Promise<void> {
  const service = await expectThere(run, entry);
  const decided = await askAfterServiceUpdate(run, { entry, service, ...sent });
  if (decided.verdict !== "proceed") {
    const because = `${verdictAt(decided, "after_service_update")}: ${decided.reason ?? "no reason given"}`;
    return rollBack(run, entry, sent, { end: "rolled_back", because, by: decided.by ?? "", decided });
  }
  const left = judgeImage({ service: await awaitService(run, entry.facts.id), tasks: [] }, sent);
  if (left !== undefined) return conclude(run, entry, sent, left); // somebody was faster than the answer
  return finishContainer(run, entry, {
    end: "updated",
    because: "the swarm completed the update, and its tasks run",
    by: "updater",
    ...changeOf(entry, sent),
  });
}

async function rollBack(
  run: Run,
  entry: UpdateEntry,
  sent: SentUpdate,
  ending: ResultDetails,
): Promise<void> {
  using _slot = await run.swapSemaphore.take();
  const { because, by } = await recordReverting(run, entry.facts.name, ending);
  const end = await revertUpdate(run, entry, sent);
  if (end.kind === "changed") await finishExpired(run, entry, end.because);
  else
    await finishContainer(run, entry, {
      ...(end.kind === "stuck"
        ? { end: "stuck", because: `${because}; ${end.because}`, by: "updater" }
        : { ...withVerdict(run, entry, ending), because, by }),
      ...changeOf(entry, sent),
    });
}

/** A later process finds the verdict in the journal. */
function withVerdict(
  { journal }: Run,
  { facts: { name } }: UpdateEntry,
  ending: ResultDetails,
): ResultDetails {
  const decided = journal.findDecision(eventId(journal.run, "after_service_update", name));
  return decided === undefined || decided.verdict === "proceed" ? ending : { ...ending, decided };
}

/** The digests stand for the ids of images, which only the nodes have. */
const changeOf = ({ ref }: UpdateEntry, { from, to }: Pick<SentUpdate, "from" | "to">) => ({
  from,
  to,
  from_digest: `${ref.name}@${from}`,
  to_digest: `${ref.name}@${to}`,
});
