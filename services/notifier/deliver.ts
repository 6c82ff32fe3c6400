// Delivers what is due in the outboxes: renders each message and hands it to Apprise. One notifier at a time delivers to a
// target; the others of a fleet leave it to the one that holds the claim. Targets do not wait for each other.
import { randomUUID } from "node:crypto";
import { hostname as ownHostname } from "node:os";
import type { Logger } from "pino";
import { explain } from "../../shared/errors.ts";
import { retryUntilAnswered } from "../../shared/nats/jetstream.ts";
import { isOneCycle } from "../../shared/runtime/one-cycle.ts";
import { isTimeZone } from "../../shared/settings/cron.ts";
import type { MessageType, NotificationMessage, Sender } from "./apprise.ts";
import { type Batch, type DeliveryRules, dueBatches, nextDigest, withoutDelay } from "./due.ts";
import { messageValues } from "./message-values.ts";
import type { Notification } from "./notification.ts";
import { type Notifier, memoryOf, outboxOf, readHosts } from "./notifier.ts";
import { type Outbox, claim, delivered, failed, finish } from "./outbox.ts";
import { type StoredValue, changeValue, readValue } from "./stored-value.ts";
import type { Target } from "./target.ts";
import type { Templates } from "./templates.ts";

export interface Delivering extends Notifier {
  readonly sender: Sender;
  readonly templates: Templates;
}

/** How long a message that is being sent may still take after the stop signal. One that is cut off is sent again. */
const STOP_MS = 5000;
/** The same where the program ends with its run, which nobody waits for; and how long all that is left may take there. */
const LAST_MS = 20_000;
/** For how long a delivery is tried to be noted while NATS is away. */
const NOTE_WITHIN_MS = 30_000;
/** After so many failures the other messages for a target are tried too: the first may be one that it never takes. */
const TRIES_IN_ORDER = 5;

/** One delivery to a target. */
interface TargetDelivery {
  readonly target: Target;
  readonly stored: StoredValue<Outbox>;
  readonly rules: DeliveryRules;
  /** Names the claim. */
  readonly by: string;
  /** The program ends: a pause after a failure does not count. */
  readonly isLast: boolean;
  readonly signal: AbortSignal;
}

export class Deliverer {
  readonly #context: Delivering;
  readonly #rules: DeliveryRules;
  readonly #running = new Map<string, Promise<void>>();
  /** Targets to which a delivery was to begin while another was under way. */
  readonly #again = new Set<string>();
  readonly #stop = new AbortController();

  constructor(context: Delivering) {
    this.#context = context;
    const { settings, clock, signal } = context;
    this.#rules = {
      deliveries: settings.NOTIFY,
      digest: settings.NOTIFY_DIGEST,
      zone: isTimeZone(settings.TZ) ? settings.TZ : "UTC",
    };
    const within = isOneCycle(settings) ? LAST_MS : STOP_MS;
    const stopSoon = (): void => void clock.sleep(within).then(() => this.#stop.abort());
    signal.addEventListener("abort", stopSoon, { once: true });
  }

  /** Begins to deliver to each target; where that is under way it looks again afterwards. Does not wait. */
  deliverDue(): void {
    for (const target of this.#context.targets)
      if (this.#running.has(target.id)) this.#again.add(target.id);
      else this.#begin(target, { isLast: false, signal: this.#stop.signal });
  }

  /** Resolves when what is being sent is sent, or given up for now. */
  async waitForRunning(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running.values());
  }

  /** Sends everything, whenever it would be due: the program ends. */
  async deliverRest(): Promise<void> {
    await this.waitForRunning();
    const signal = this.#context.clock.deadline(LAST_MS);
    for (const target of this.#context.targets) this.#begin(target, { isLast: true, signal });
    await this.waitForRunning();
  }

  #begin(target: Target, how: Pick<TargetDelivery, "isLast" | "signal">): void {
    const rules = how.isLast ? withoutDelay(this.#rules) : this.#rules;
    const stored = outboxOf(this.#context, target);
    const running = this.#deliver({ ...how, target, stored, rules, by: randomUUID() })
      .catch((error: unknown) => {
        const because = explain(error);
        this.#context.log.debug({ target: target.name, because }, "the outbox could not be looked at");
      })
      .finally(() => {
        this.#running.delete(target.id);
        const isToGoOn = this.#again.delete(target.id) && !how.isLast && !how.signal.aborted;
        if (isToGoOn) this.#begin(target, how);
      });
    this.#running.set(target.id, running);
  }

  async #deliver(delivery: TargetDelivery): Promise<void> {
    const { stored, rules, by, isLast } = delivery;
    const { clock } = this.#context;
    await this.#planDigest(stored, clock.now(), "first");
    if (dueBatches(await readValue(stored), rules, clock.now()).length > 0) {
      let isClaimed = false;
      const outbox = await changeValue(stored, (current) => {
        const claimed = claim(current, { by, now: clock.now(), isLast });
        isClaimed = claimed !== undefined;
        return claimed;
      });
      if (!isClaimed || !(await this.#sendBatches(delivery, outbox))) return;
    }
    await this.#planDigest(stored, clock.now(), "next");
  }

  /** Whether all that was due is delivered. */
  async #sendBatches(delivery: TargetDelivery, outbox: Outbox): Promise<boolean> {
    const { target, stored, rules, by, signal } = delivery;
    const { clock, log } = this.#context;
    let because: string | undefined;
    for (const batch of dueBatches(outbox, rules, clock.now())) {
      if (signal.aborted || !(await this.#isClaimOurs(delivery))) return false;
      const failure = await this.#send(delivery, batch, outbox.dropped);
      if (failure === undefined) {
        const ids = batch.notifications.map(({ id }) => id);
        const isSummary = batch.kind === "digest";
        await this.#note(stored, (current) => delivered(current, { ids, isSummary, by, now: clock.now() }));
      } else {
        because ??= failure;
        if ((outbox.failing?.tries ?? 0) < TRIES_IN_ORDER) break;
      }
    }
    if (because === undefined) {
      await this.#note(stored, finish);
      if (outbox.failing !== null) log.info({ target: target.name }, "the target takes notifications again");
      return true;
    }
    const after = await this.#note(stored, (current) => failed(current, because, clock.now()));
    logFailure(log, target, { before: outbox, after });
    return false;
  }

  async #isClaimOurs({ stored, by }: TargetDelivery): Promise<boolean> {
    const { claim: held } = await readValue(stored);
    return held?.by === by;
  }

  /** Tries until NATS takes it: what was sent and is not noted is sent again. */
  #note(stored: StoredValue<Outbox>, change: (outbox: Outbox) => Outbox): Promise<Outbox> {
    const { clock } = this.#context;
    return retryUntilAnswered({ clock, signal: clock.deadline(NOTE_WITHIN_MS) }, () =>
      changeValue(stored, change),
    );
  }

  /** Why the message was not delivered; undefined where it was, or where its template makes nothing of it. */
  async #send(
    { target, signal }: TargetDelivery,
    { kind, notifications }: Batch,
    dropped: number,
  ): Promise<string | undefined> {
    const { sender, templates, settings, clock, log } = this.#context;
    const values = messageValues(notifications, {
      memory: await readValue(memoryOf(this.#context)),
      hosts: await readHosts(this.#context),
      hostname: settings.HOSTNAME === "" ? ownHostname() : settings.HOSTNAME,
      zone: this.#rules.zone,
      locale: settings.LANGUAGE === "es_ES" ? "es" : "en",
      now: clock.now(),
      dropped,
    });
    const text = await templates.render(kind, values, (error) =>
      log.error({ template: kind, because: explain(error) }, "the template failed; the built-in one is used"),
    );
    if (text === undefined) return undefined;
    const message: NotificationMessage = { ...text, type: typeOf(notifications) };
    const because = await sender.send(target, message, signal);
    if (because === undefined)
      log.info({ target: target.name, notifications: notifications.length }, "notification sent");
    return because;
  }

  /** `first`: where none is planned. `next`: after one that is due was delivered, or has nothing to say. */
  async #planDigest(stored: StoredValue<Outbox>, now: number, which: "first" | "next"): Promise<void> {
    const digest_at = nextDigest(this.#rules, now);
    await changeValue(stored, (outbox) => {
      const isPlanned = outbox.digest_at !== null && (which === "first" || outbox.digest_at > now);
      return (isPlanned && digest_at !== null) || digest_at === outbox.digest_at
        ? undefined
        : { ...outbox, digest_at };
    });
  }
}

function logFailure(
  log: Logger,
  { name }: Target,
  { before, after: { failing, dead, pending } }: { readonly before: Outbox; readonly after: Outbox },
): void {
  if (dead !== null && dead.at !== before.dead?.at)
    log.error(
      { target: name, given_up: dead.count, because: dead.because },
      "the target has taken no notification for days: what waited for it is given up",
    );
  else if (failing?.tries === 1)
    log.warn(
      { target: name, waiting: pending.length, because: failing.because },
      "the target does not take notifications; they are kept and tried again",
    );
}

const FAILURES: readonly string[] = ["failed", "rolled_back", "stuck"];
const WARNINGS: readonly string[] = ["refused", "deferred", "waiting", "registry", "host"];

function typeOf(notifications: readonly Notification[]): MessageType {
  const kinds = notifications.map(({ kind }) => kind);
  if (kinds.some((kind) => FAILURES.includes(kind))) return "failure";
  if (kinds.some((kind) => WARNINGS.includes(kind))) return "warning";
  return kinds.includes("updated") ? "success" : "info";
}
