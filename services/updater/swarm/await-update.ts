// Waits until the Engine has ended what it does with a service: an update, or the way back. The Engine's own monitor
// and failure action decide about tasks; this file only bounds the wait.
import { reasonOf } from "../../../shared/catalogue/entry.ts";
import { serviceFailures } from "../../../shared/catalogue/swarm-reasons.ts";
import { Suspended } from "../../../shared/errors.ts";
import type { ServiceSpec } from "../../../shared/swarm/service-document.ts";
import { readVerificationTimes } from "../swap/verification-times.ts";
import type { Run } from "../updater.ts";
import {
  type RevertStanding,
  type SentUpdate,
  type ServiceState,
  type UpdateStanding,
  judgeRevert,
  judgeUpdate,
  whyTasksFail,
} from "./judge-update.ts";
import { lookAtService } from "./service-engine.ts";
import { SwarmAbsence } from "./swarm-absence.ts";
import { TaskProgress } from "./task-progress.ts";

export type UpdateEnd = Exclude<UpdateStanding, { kind: "under way" | "too few" }>;
export type RevertEnd = Exclude<RevertStanding, { kind: "under way" }>;

const LOOK_MS = 1000;
/** How long no task may get further, where HEALTH_TIMEOUT does not say. */
const PATIENCE_MS = 600_000;
/** How long the swarm itself waits for an old task to stop, such as one that no node has taken. */
const OLD_TASK_MS = 60_000;
/** How long the proof may take after the Engine has completed an update; a task that restarts comes and goes. */
const PROOF_MS = 30_000;

/** @throws Suspended, Expired */
export async function awaitUpdate(run: Run, id: string, sent: SentUpdate): Promise<UpdateEnd> {
  const { clock } = run.bus;
  let proof: { readonly tasks: string; readonly since: number } | undefined;
  let completedAt: number | undefined;
  let tooFew = "";
  for await (const { state, stalledMs } of looks(run, id, { work: "update", to: sent.to })) {
    const standing = judgeUpdate(state, sent);
    const now = clock.monotonic();
    if (standing.kind === "under way") {
      if (stalledMs > 0) return { kind: "failed", because: describeStall(state, sent.to, stalledMs) };
      completedAt = undefined;
    } else if (standing.kind === "proved") {
      const tasks = standing.running.toSorted().join();
      if (proof?.tasks !== tasks) proof = { tasks, since: now };
      if (now - proof.since >= ownMonitorMs(state, sent)) return standing;
    } else if (standing.kind === "too few") {
      proof = undefined;
      tooFew = standing.because;
    } else return standing;
    if (standing.kind !== "under way") completedAt ??= now;
    if (completedAt !== undefined && now - completedAt >= PROOF_MS + ownMonitorMs(state, sent))
      return { kind: "failed", because: tooFew };
  }
  throw new Suspended("stopped while the Engine updated a service");
}

/** @throws Suspended, Expired */
export async function awaitRevert(run: Run, id: string, sent: SentUpdate): Promise<RevertEnd> {
  for await (const { state, stalledMs } of looks(run, id, { work: "revert", to: sent.from })) {
    const standing = judgeRevert(state, sent);
    if (standing.kind !== "under way") return standing;
    if (stalledMs > 0) return { kind: "stuck", because: describeStall(state, sent.from, stalledMs) };
  }
  throw new Suspended("stopped while the Engine rolled a service back");
}

interface ServiceLook {
  readonly state: ServiceState;
  /** For how long no task has got further; 0 while that is within the time that it may take. */
  readonly stalledMs: number;
}

type ServiceWork = "update" | "revert";

/** Looks at the service every second until the service stops. @throws Expired if this node manages the swarm no more. */
async function* looks(
  run: Run,
  id: string,
  { work, to }: { readonly work: ServiceWork; readonly to: string },
): AsyncGenerator<ServiceLook> {
  const { bus } = run;
  const progress = new TaskProgress(to);
  let since = bus.clock.monotonic();
  const absence = new SwarmAbsence(run);
  while (!bus.signal.aborted) {
    try {
      const state = await lookAtService(bus.host.engine, id);
      const now = bus.clock.monotonic();
      if (progress.note(state)) since = now;
      const stalledMs = now - since;
      yield { state, stalledMs: stalledMs > patienceMs(run, state, work) ? stalledMs : 0 };
      absence.end();
    } catch (error) {
      await absence.note(error);
      since = bus.clock.monotonic();
    }
    await bus.clock.sleep(LOOK_MS, bus.signal);
  }
}

const msOf = (nanoseconds: number | null | undefined): number => (nanoseconds ?? 0) / 1e6;

/** The pauses of the service and of the swarm come on top. The way back has nothing behind it, so it may take longer. */
function patienceMs({ bus }: Run, { service }: ServiceState, work: ServiceWork): number {
  const { Labels, UpdateConfig, RollbackConfig, TaskTemplate } =
    service?.Spec ?? ({} as Partial<ServiceSpec>);
  const { healthTimeout = PATIENCE_MS } = readVerificationTimes(Labels ?? {}, bus.context.settings);
  const pauses = [UpdateConfig, RollbackConfig].map((config) => msOf(config?.Delay) + msOf(config?.Monitor));
  const own = work === "update" ? healthTimeout : Math.max(healthTimeout, PATIENCE_MS);
  return own + OLD_TASK_MS + Math.max(...pauses) + msOf(TaskTemplate?.ContainerSpec.StopGracePeriod ?? 1e10);
}

/**
 * With the failure action `continue` the Engine watches no task, and one that failed after its time may be between two
 * starts: so the tasks must run for its monitor time here.
 */
function ownMonitorMs({ service, tasks }: ServiceState, { to }: SentUpdate): number {
  const { FailureAction, Monitor } = service?.Spec.UpdateConfig ?? {};
  const isUnwatched = FailureAction === "continue" || whyTasksFail(tasks, to) !== "";
  return isUnwatched ? msOf(Monitor ?? 5e9) : 0;
}

function describeStall({ tasks }: ServiceState, digest: string, stalledMs: number): string {
  const states = [
    ...new Set(
      tasks.filter(({ DesiredState }) => DesiredState === "running").map(({ Status }) => Status.State),
    ),
  ];
  const why = `its tasks are ${states.join(", ") || "not made"}${whyTasksFail(tasks, digest)}`;
  return reasonOf(serviceFailures.noProgress, { seconds: Math.round(stalledMs / 1000), why });
}
