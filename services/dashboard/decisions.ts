// What people do on the page, by the ordinary means of an operator: a verdict on its subject, a command to the host's
// poller, an entry that the notifier reads. The name of who did it goes along.
import * as z from "zod";
import { VerdictWord } from "../../shared/contract/messages.ts";
import { SnoozeEntry, snoozeKey } from "../../shared/contract/notifier-state.ts";
import { OPERATOR } from "../../shared/contract/participants.ts";
import { RequestResult } from "../../shared/contract/request-result.ts";
import { subjects } from "../../shared/contract/subjects.ts";
import { askService } from "../../shared/nats/ask-service.ts";
import { publish } from "../../shared/nats/jetstream.ts";
import type { Observing } from "../../shared/runtime/run-observer.ts";
import type { Person } from "./auth/person.ts";
import type { FleetView } from "./model/fleet-view.ts";
import { type Refusal, refusal } from "./refusals.ts";

const host = z.string().min(1).max(255);
const container = z.string().min(1).max(255);

export const VerdictRequest = z.object({
  host,
  event: z.string().min(1).max(1000),
  verdict: VerdictWord,
  reason: z.string().max(10_000).default(""),
  retry_after_s: z
    .number()
    .positive()
    .max(365 * 86_400)
    .optional(),
});
export const ContainerRequest = z.object({ host, container });
export const CheckRequest = z.object({ host, container: container.optional() });
export const SnoozeRequest = z.object({
  what: z.string().min(1).max(500),
  /** 0 lets notifications come again. */
  for_s: z
    .number()
    .min(0)
    .max(365 * 86_400),
});

/** `ok` false: nothing was done. */
export type ActionResult =
  { readonly ok: true; readonly [more: string]: unknown } | { readonly ok: false; readonly refused: Refusal };

interface ActionContext {
  readonly observing: Observing;
  readonly view: FleetView;
  readonly person: Person;
}

const PUBLISH_MS = 5000;
/** The poller first finishes its current cycle, then asks a registry. */
const POLLER_MS = 120_000;

/** Decides a pending event as `ouroboros verdict` does. @throws the NATS client's error. */
export async function giveVerdict(
  { observing, view, person }: ActionContext,
  { host: where, event, verdict, reason, retry_after_s }: z.infer<typeof VerdictRequest>,
): Promise<ActionResult> {
  const pending = view.pendingEvent(where, event);
  if (pending === undefined) return { ok: false, refused: refusal("notPending") };
  if (pending.only_proceed && verdict !== "proceed")
    return { ok: false, refused: refusal("onlyProceed", { hook: pending.hook }) };
  if (verdict !== "proceed" && reason.trim() === "") return { ok: false, refused: refusal("noReason") };
  const body = {
    verdict,
    reason: signReason(reason, person),
    ...(verdict === "defer" && retry_after_s !== undefined && { retry_after_s }),
  };
  const { js, clock, signal, log } = observing;
  const via = { js, clock, signal: clock.deadline(PUBLISH_MS, signal) };
  await publish(via, { subject: subjects.verdict(pending.host, OPERATOR, event), body });
  log.info({ event, host: pending.host, verdict, by: person.name }, "verdict given on the dashboard");
  return { ok: true };
}

/** The journal has a place for the reason of a verdict, and none for the person: so the name is in the reason. */
export const signReason = (reason: string, { name }: Pick<Person, "name">): string =>
  reason.trim() === "" ? `by ${name}` : `${reason.trim()} (by ${name})`;

/** Updates a container now, or goes back to the image before. */
export async function requestRun(
  { observing: { nats, log }, person }: ActionContext,
  command: "update" | "rollback",
  wanted: z.infer<typeof ContainerRequest>,
): Promise<ActionResult> {
  const more = { container: wanted.container, by: person.name };
  log.info({ ...wanted, by: person.name }, `${command} asked for on the dashboard`);
  const reply = await askService({ nats }, wanted.host, ["poller", command], { more, timeout: POLLER_MS });
  const answer = RequestResult.safeParse(reply).data;
  if (answer === undefined) return { ok: false, refused: whyUnanswered(reply) };
  return { ok: true, ...answer };
}

const Looked = z.object({
  containers: z.array(
    z.object({
      container: z.string(),
      state: z.string(),
      because: z.string(),
      digest: z.string().nullable(),
    }),
  ),
});

/** Asks the registries now; nothing is updated. */
export async function checkNow(
  { observing: { nats, log }, person }: ActionContext,
  wanted: z.infer<typeof CheckRequest>,
): Promise<ActionResult> {
  log.info({ ...wanted, by: person.name }, "check asked for on the dashboard");
  const more = { fresh: true, ...(wanted.container !== undefined && { container: wanted.container }) };
  const reply = await askService({ nats }, wanted.host, ["poller", "look"], { more, timeout: POLLER_MS });
  const looked = Looked.safeParse(reply).data;
  if (looked === undefined) return { ok: false, refused: whyUnanswered(reply) };
  return { ok: true, containers: looked.containers };
}

/** Silences the notifications about a container or an image, as `ouroboros snooze` does. */
export async function snooze(
  { observing: { state, clock, log }, person }: ActionContext,
  { what, for_s }: z.infer<typeof SnoozeRequest>,
): Promise<ActionResult> {
  const until = clock.now() + for_s * 1000;
  if (for_s === 0) await state.delete(snoozeKey(what));
  else await state.put(snoozeKey(what), JSON.stringify({ what, until } satisfies SnoozeEntry));
  log.info({ what, for_s, by: person.name }, "notifications silenced on the dashboard");
  return { ok: true, until };
}

function whyUnanswered(reply: unknown): Refusal {
  if (reply === undefined) return refusal("pollerSilent");
  const { error, because } = z
    .object({ error: z.string().optional(), because: z.string().optional() })
    .catch({})
    .parse(reply);
  return { because: error ?? because ?? "its poller's answer cannot be used" };
}
