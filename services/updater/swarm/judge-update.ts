// Where the update of a service stands, by what the Engine shows: the service, its UpdateStatus and its tasks. Pure.
//   J1  The image in the spec tells whose turn it is: the digest of the update, the digest before it, or another, which
//       is somebody else's.
//   J2  The update has proved itself once the Engine calls it completed and enough tasks run with the new image.
//   J3  A rollback that had begun before the update was sent is none of this update.
import { reasonOf } from "../../../shared/catalogue/entry.ts";
import { serviceFailures } from "../../../shared/catalogue/swarm-reasons.ts";
import {
  type ServiceDocument,
  type TaskDocument,
  digestOfImage,
  imageOfService,
  modeOfService,
} from "../../../shared/swarm/service-document.ts";

/** What was sent to the Engine. */
export interface SentUpdate {
  readonly from: string;
  readonly to: string;
  /** When the service's last rollback before the update began. */
  readonly rolledBackAt?: string | undefined;
}

export interface ServiceState {
  /** Undefined where the service is gone. */
  readonly service: ServiceDocument | undefined;
  readonly tasks: readonly TaskDocument[];
}

export type UpdateStanding =
  | { readonly kind: "under way" }
  | { readonly kind: "too few"; readonly because: string }
  /** `running` are the ids of the tasks that prove it. */
  | { readonly kind: "proved"; readonly running: readonly string[] }
  /** The spec is still the new one. */
  | { readonly kind: "failed"; readonly because: string }
  /** The Engine goes back to the previous spec. */
  | { readonly kind: "reverting"; readonly because: string }
  | { readonly kind: "reverted"; readonly because: string }
  | { readonly kind: "stuck"; readonly because: string }
  /** The image before is in the spec, and no rollback of this update put it there: it was not sent, or not by us. */
  | { readonly kind: "not sent" }
  | { readonly kind: "changed"; readonly because: string };

export function judgeUpdate(state: ServiceState, sent: SentUpdate): UpdateStanding {
  const { service, tasks } = state;
  if (service === undefined) return GONE;
  return judgeImage(state, sent) ?? judgeSent(service, tasks, sent);
}

const GONE = { kind: "changed", because: reasonOf(serviceFailures.gone) } as const satisfies UpdateStanding;

type WithoutImage = Extract<
  UpdateStanding,
  { kind: "reverting" | "reverted" | "stuck" | "not sent" | "changed" }
>;

/** J1: whose turn it is where the new image is not in the spec; undefined where it is. */
export function judgeImage({ service, tasks }: ServiceState, sent: SentUpdate): WithoutImage | undefined {
  if (service === undefined) return GONE;
  const digest = digestOfImage(imageOfService(service.Spec));
  if (digest === sent.to) return undefined;
  if (digest === sent.from) return judgeReverted(service, tasks, sent);
  return { kind: "changed", because: reasonOf(serviceFailures.changed) };
}

function judgeSent(
  { Spec, UpdateStatus }: ServiceDocument,
  tasks: readonly TaskDocument[],
  sent: SentUpdate,
): UpdateStanding {
  const state = UpdateStatus?.State;
  if (state === "updating" || state === "rollback_started") return { kind: "under way" };
  if (state === "paused" || state === "rollback_paused")
    return {
      kind: "failed",
      because: reasonOf(serviceFailures.tasksFail, {
        message: UpdateStatus?.Message ?? state,
        why: whyTasksFail(tasks, sent.to),
      }),
    };
  const counted = state === undefined ? tasks : tasksOn(tasks, sent.to);
  const running = tasksOn(counted, sent.to).filter(
    (task) => isWanted(task) && task.Status.State === "running",
  );
  const needed = tasksNeeded(Spec, counted);
  if (running.length >= needed) return { kind: "proved", running: running.map(({ ID }) => ID) };
  if (state === undefined) return { kind: "under way" }; // the swarm has not begun yet
  const why = whyTasksFail(tasks, sent.to);
  return {
    kind: "too few",
    because: reasonOf(serviceFailures.tooFewRun, { running: running.length, needed, why }),
  };
}

function judgeReverted(
  { UpdateStatus }: ServiceDocument,
  tasks: readonly TaskDocument[],
  { to, rolledBackAt }: SentUpdate,
): WithoutImage {
  const message = UpdateStatus?.Message ?? "";
  const because = reasonOf(serviceFailures.tasksFail, { message, why: whyTasksFail(tasks, to) });
  if (rolledBackAt !== undefined && UpdateStatus?.StartedAt === rolledBackAt) return { kind: "not sent" }; // J3
  switch (UpdateStatus?.State) {
    case "rollback_started":
      return { kind: "reverting", because };
    case "rollback_completed":
      return { kind: "reverted", because };
    case "rollback_paused":
      return { kind: "stuck", because: reasonOf(serviceFailures.rollbackPaused, { message }) };
    case "updating":
    case "paused":
    case "completed":
    case undefined:
      return { kind: "not sent" };
  }
}

/** Whether the Engine took the update, as far as the service shows: the new image is there, or was put back. */
export function isTaken(service: ServiceDocument | undefined, sent: SentUpdate): boolean {
  const left = judgeImage({ service, tasks: [] }, sent);
  return left === undefined || (left.kind !== "not sent" && left.kind !== "changed");
}

/** Where the way back stands, once it was begun or decided. */
export type RevertStanding =
  | { readonly kind: "to send" }
  | { readonly kind: "under way" }
  | { readonly kind: "reverted" }
  | { readonly kind: "stuck"; readonly because: string }
  | { readonly kind: "changed"; readonly because: string };

export function judgeRevert({ service, tasks }: ServiceState, { from, to }: SentUpdate): RevertStanding {
  if (service === undefined) return GONE;
  const { State: state, Message: message } = service.UpdateStatus ?? {};
  const digest = digestOfImage(imageOfService(service.Spec));
  if (digest === to) return { kind: "to send" };
  if (digest !== from) return { kind: "changed", because: reasonOf(serviceFailures.changed) };
  switch (state) {
    case "updating":
    case "rollback_started":
      return { kind: "under way" };
    case "paused":
    case "rollback_paused":
      return {
        kind: "stuck",
        because: reasonOf(serviceFailures.rollbackPaused, { message: message ?? state }),
      };
    case "completed":
    case "rollback_completed":
      return { kind: "reverted" };
    case undefined: // where the image alone goes back, the swarm may not have begun yet
      return { kind: tasksOn(tasks, to).some(isWanted) ? "under way" : "reverted" };
  }
}

/** A global service that no node runs: no task could prove an image, and the swarm would not begin an update of it. */
export const runsNowhere = ({ service, tasks }: ServiceState): boolean =>
  service !== undefined &&
  modeOfService(service.Spec) === "global" &&
  tasks.every(({ DesiredState }) => ["shutdown", "remove"].includes(DesiredState));

/** When the rollback began that the service shows now. */
export const rollbackStartOf = ({ UpdateStatus }: ServiceDocument): string | undefined =>
  UpdateStatus?.State?.startsWith("rollback_") === true ? (UpdateStatus.StartedAt ?? undefined) : undefined;

const tasksOn = (tasks: readonly TaskDocument[], digest: string): TaskDocument[] =>
  tasks.filter(({ Spec }) => digestOfImage(Spec.ContainerSpec?.Image ?? "") === digest);

const isWanted = ({ DesiredState }: TaskDocument): boolean => DesiredState === "running";

/** The Engine counts in 32 bits: 0.7 of 10 are 7 there, and not 6.99. */
const ROUNDING = 1e-6;

/**
 * A global service needs as many of these tasks as the swarm wants to run: once it calls the update completed, those with the
 * new image, as a node whose availability is `pause` keeps its old task. MaxFailureRatio lets some fail, and not all. Only a
 * service that somebody scaled to 0 meanwhile needs none.
 */
function tasksNeeded(spec: ServiceDocument["Spec"], tasks: readonly TaskDocument[]): number {
  const isGlobal = modeOfService(spec) === "global";
  const wanted = isGlobal ? tasks.filter(isWanted).length : (spec.Mode.Replicated?.Replicas ?? 1);
  if (wanted === 0 && !isGlobal) return 0;
  const mayFail = Math.floor(wanted * (spec.UpdateConfig?.MaxFailureRatio ?? 0) + ROUNDING);
  return Math.max(1, wanted - mayFail);
}

/** What its tasks with this image say of themselves, where some have failed: `; task: non-zero exit (1)`. */
export function whyTasksFail(tasks: readonly TaskDocument[], digest: string): string {
  const errors = tasksOn(tasks, digest).flatMap(({ Status }) => Status.Err || []);
  const unique = [...new Set(errors)].slice(0, 3);
  return unique.length === 0 ? "" : `; ${unique.join("; ")}`;
}
