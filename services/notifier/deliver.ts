// Delivers what is due in the outboxes: renders each message and hands it to Apprise. One notifier at a time delivers to a
// target; the others of a fleet leave it to the one that holds the claim.
import { randomUUID } from "node:crypto";
import { hostname as ownHostname } from "node:os";
import type { Logger } from "pino";
import { explain } from "../../shared/errors.ts";
import { isTimeZone } from "../../shared/settings/cron.ts";
import type { NotificationMessage, MessageType, Sender } from "./apprise.ts";
import { type Batch, type DeliveryRules, dueBatches, nextDigest } from "./due.ts";
import { messageValues } from "./message-values.ts";
import { type Notifier, memoryOf, outboxOf, readHosts } from "./notifier.ts";
import { type Outbox, claim, delivered, failed, release } from "./outbox.ts";
import { type StoredValue, changeValue, readValue } from "./stored-value.ts";
import type { Target } from "./target.ts";
import type { Templates } from "./templates.ts";

export interface Delivering extends Notifier {
  readonly sender: Sender;
  readonly templates: Templates;
}

export class Deliverer {
  readonly #by = randomUUID();
  readonly #context: Delivering;
  readonly #rules: DeliveryRules;

  constructor(context: Delivering) {
    this.#context = context;
    const { NOTIFY: deliveries, NOTIFY_DIGEST: digest, TZ } = context.settings;
    this.#rules = { deliveries, digest, zone: isTimeZone(TZ) ? TZ : "UTC" };
  }

  /** `all`: the program ends, so what waits for a run or a digest is sent too. */
  async deliverDue({ all = false } = {}): Promise<void> {
    await Promise.all(this.#context.targets.map((target) => this.#deliverTo(target, all)));
  }

  async #deliverTo(target: Target, all: boolean): Promise<void> {
    const { clock } = this.#context;
    const stored = outboxOf(this.#context, target);
    const rules: DeliveryRules = all
      ? { ...this.#rules, deliveries: mapAll(this.#rules.deliveries) }
      : this.#rules;
    const now = clock.now();
    const before = await readValue(stored);
    if (before.digest_at === null && nextDigest(rules, now) !== null) await this.#planDigest(stored, now);
    if (dueBatches(before, rules, now).length === 0) return this.#skipDigest(stored, before, now);
    let isClaimed = false;
    const outbox = await changeValue(stored, (current) => {
      const claimed = claim(current, this.#by, clock.now());
      isClaimed = claimed !== undefined;
      return claimed;
    });
    if (!isClaimed) return;
    await this.#sendBatches(target, stored, { outbox, batches: dueBatches(outbox, rules, clock.now()) });
    await this.#planDigest(stored, clock.now());
  }

  async #sendBatches(
    target: Target,
    stored: StoredValue<Outbox>,
    { outbox, batches }: { readonly outbox: Outbox; readonly batches: readonly Batch[] },
  ): Promise<void> {
    const { clock, log } = this.#context;
    for (const batch of batches) {
      const because = await this.#send(target, batch, outbox.dropped);
      if (because === undefined) {
        await changeValue(stored, (current) =>
          delivered(
            current,
            batch.notifications.map(({ id }) => id),
          ),
        );
        continue;
      }
      const after = await changeValue(stored, (current) => failed(current, because, clock.now()));
      if (after.failing?.tries === 1 || after.dead?.at === after.failing?.since)
        logFailure(log, target, after);
      return;
    }
    if (outbox.failing !== null) log.info({ target: target.name }, "the target takes notifications again");
    await changeValue(stored, (current) => (current.claim?.by === this.#by ? release(current) : undefined));
  }

  /** Why the message was not delivered; undefined where it was, or where its template makes nothing of it. */
  async #send(target: Target, { kind, notifications }: Batch, dropped: number): Promise<string | undefined> {
    const { sender, templates, settings, clock, log } = this.#context;
    try {
      const values = messageValues(notifications, {
        memory: await readValue(memoryOf(this.#context)),
        hosts: await readHosts(this.#context),
        hostname: settings.HOSTNAME === "" ? ownHostname() : settings.HOSTNAME,
        zone: this.#rules.zone,
        locale: settings.LANGUAGE === "es_ES" ? "es" : "en",
        now: clock.now(),
        dropped,
      });
      const text = await templates.render(kind, values);
      if (text === undefined) return undefined;
      const message: NotificationMessage = { ...text, type: typeOf(notifications.map((one) => one.kind)) };
      const because = await sender.send(target, message);
      if (because === undefined)
        log.info({ target: target.name, notifications: notifications.length }, "notification sent");
      return because;
    } catch (error) {
      return `the message could not be made: ${explain(error)}`;
    }
  }

  async #planDigest(stored: StoredValue<Outbox>, now: number): Promise<void> {
    await changeValue(stored, (outbox) => {
      if (outbox.digest_at !== null && outbox.digest_at > now) return undefined;
      if (outbox.failing !== null) return undefined; // it is due until it is delivered
      const digest_at = nextDigest(this.#rules, now);
      return digest_at === outbox.digest_at ? undefined : { ...outbox, digest_at };
    });
  }

  /** A digest of nothing is not sent. */
  async #skipDigest(stored: StoredValue<Outbox>, { digest_at }: Outbox, now: number): Promise<void> {
    if (digest_at !== null && digest_at <= now) await this.#planDigest(stored, now);
  }
}

const mapAll = (deliveries: DeliveryRules["deliveries"]): DeliveryRules["deliveries"] =>
  Object.fromEntries(Object.keys(deliveries).map((kind) => [kind, "now"])) as DeliveryRules["deliveries"];

function logFailure(log: Logger, { name }: Target, { failing, dead, pending }: Outbox): void {
  if (dead !== null && dead.at === failing?.since)
    log.error(
      { target: name, given_up: dead.count, because: dead.because },
      "the target has taken no notification for days: what waited for it is given up",
    );
  else
    log.warn(
      { target: name, waiting: pending.length, because: failing?.because },
      "the target does not take notifications; they are kept and tried again",
    );
}

const BAD: readonly string[] = ["failed", "rolled_back", "stuck"];
const WARN: readonly string[] = ["refused", "deferred", "waiting", "registry", "host"];

function typeOf(kinds: readonly string[]): MessageType {
  if (kinds.some((kind) => BAD.includes(kind))) return "failure";
  if (kinds.some((kind) => WARN.includes(kind))) return "warning";
  return kinds.includes("updated") ? "success" : "info";
}
