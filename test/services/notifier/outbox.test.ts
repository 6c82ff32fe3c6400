// What an outbox does with each notification, and when what is in it is due: pure.
import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { notify } from "../../../shared/settings/notify-setting.ts";
import { type DeliveryRules, dueBatches, nextDigest } from "../../../services/notifier/due.ts";
import type { Notification } from "../../../services/notifier/notification.ts";
import {
  EMPTY_OUTBOX,
  GIVE_UP_MS,
  Outbox,
  add,
  claim,
  delivered,
  failed,
  finish,
} from "../../../services/notifier/outbox.ts";
import { targetsFrom, withoutSecrets } from "../../../services/notifier/target.ts";

const NOW = Date.parse("2026-05-05T07:30:00Z");
const told = (id: string, more: Partial<Notification> = {}): Notification => ({
  ...{ id, kind: "updated", at: new Date(NOW).toISOString(), host: "h1", run: "01a", name: "web" },
  ...more,
});
const withPending = (...pending: readonly Notification[]): Outbox => ({
  ...EMPTY_OUTBOX,
  pending: [...pending],
});
const rules = (NOTIFY = ""): DeliveryRules => ({
  deliveries: notify.parse(NOTIFY),
  digest: "0 8 * * *",
  zone: "UTC",
});
const noted = (outbox: Outbox, ...ids: readonly string[]): Outbox =>
  delivered(outbox, { ids, isSummary: false, by: "a", now: NOW });
const kindsDue = (outbox: Outbox, given = rules(), now = NOW): string[] =>
  dueBatches(outbox, given, now).map(
    ({ kind, notifications }) => `${kind} ${notifications.map(({ id }) => id).join()}`,
  );

describe("an outbox", () => {
  it("takes each notification once, also after its delivery", () => {
    const first = add(EMPTY_OUTBOX, { notifications: [told("1")] }) ?? EMPTY_OUTBOX;
    assert.equal(add(first, { notifications: [told("1")] }), undefined);
    assert.equal(add(finish(noted(first, "1")), { notifications: [told("1")] }), undefined);
  });

  it("is bounded, and counts what it drops", () => {
    const many = Array.from({ length: 310 }, (_, n) => told(String(n)));
    const after = add(EMPTY_OUTBOX, { notifications: many });
    assert.deepEqual([after?.pending.length, after?.pending[0]?.id, after?.dropped], [300, "10", 10]);
  });

  it("is delivered by one notifier at a time, and by another after the first one's time", () => {
    const claimed = claim(EMPTY_OUTBOX, { by: "a", now: NOW }) ?? EMPTY_OUTBOX;
    assert.equal(claim(claimed, { by: "b", now: NOW + 1000 }), undefined);
    assert.equal(claim(claimed, { by: "b", now: NOW + 91_000 })?.claim?.by, "b");
  });

  it("stays with the notifier that delivers until all that is due is delivered", () => {
    const claimed = claim(withPending(told("1"), told("2")), { by: "a", now: NOW }) ?? EMPTY_OUTBOX;
    const half = noted(claimed, "1");
    assert.equal(claim(half, { by: "b", now: NOW }), undefined);
    assert.notEqual(claim(finish(noted(half, "2")), { by: "b", now: NOW }), undefined);
  });

  it("knows the runs that ended last, for what is told of them late", () => {
    const over = add(EMPTY_OUTBOX, { notifications: [], over: "h1 01a" }) ?? EMPTY_OUTBOX;
    const late = add(over, { notifications: [told("1")] }) ?? EMPTY_OUTBOX;
    assert.deepEqual(kindsDue(late), ["run 1"]);
  });

  it("says in the next summary what was too many to keep, and in no other message", () => {
    const outbox = { ...withPending(told("1", { isOver: true })), dropped: 7 };
    assert.deepEqual(kindsDue(outbox), ["digest 1"]);
    assert.equal(noted(outbox, "1").dropped, 7);
    assert.equal(delivered(outbox, { ids: ["1"], isSummary: true, by: "a", now: NOW }).dropped, 0);
  });

  it("keeps what a newer notifier has put in, and leaves out what cannot be read", () => {
    const stored = { ...EMPTY_OUTBOX, pending: [told("1"), { ...told("2"), kind: "later" }, { id: "3" }, 7] };
    const { pending } = Outbox.parse(stored);
    assert.deepEqual(
      pending.map(({ id }) => id),
      ["1", "2"],
    );
    assert.deepEqual(kindsDue(withPending(...pending.slice(1))), ["run 2"]);
  });

  it("pauses longer after each failure, and gives up what waits after three days", () => {
    const once = failed(withPending(told("1")), "503", NOW);
    assert.equal(claim(once, { by: "a", now: NOW + 5000 }), undefined);
    assert.notEqual(claim(once, { by: "a", now: NOW + 10_000 }), undefined);
    assert.notEqual(claim(once, { by: "a", now: NOW + 5000, isLast: true }), undefined);
    const later = failed(once, "503", NOW + GIVE_UP_MS - 1);
    assert.equal(later.pending.length, 1);
    const last = failed(later, "gone", NOW + GIVE_UP_MS);
    assert.deepEqual([last.pending, last.dead?.count, last.dead?.because], [[], 1, "gone"]);
    assert.equal(finish(last).failing, null);
  });

  it("sends the updates of a run when it is over, in one message; what is urgent at once", () => {
    const all = [told("1"), told("2", { name: "db" }), told("3", { kind: "stuck" })];
    assert.deepEqual(kindsDue(withPending(...all)), ["alert 3"]);
    const over = add(withPending(...all), { notifications: [], over: "h1 01a" }) ?? EMPTY_OUTBOX;
    assert.deepEqual(kindsDue(over), ["run 1,2", "alert 3"]);
    assert.deepEqual(kindsDue(withPending(told("1")), rules(), NOW + 86_400_001), ["run 1"]);
  });

  it("makes one summary of more than five messages", () => {
    const runs = ["a", "b", "c", "d", "e", "f"].map((run) => told(run, { run }));
    const over = withPending(...runs.map((update) => ({ ...update, isOver: true })));
    assert.deepEqual(kindsDue(over), ["digest a,b,c,d,e,f"]);
  });

  it("sends a digest at its time, of all hosts", () => {
    const daily = rules("*=digest stuck=now");
    assert.equal(nextDigest(daily, NOW), Date.parse("2026-05-05T08:00:00Z"));
    assert.equal(nextDigest(rules(), NOW), null);
    const outbox = { ...withPending(told("1"), told("2", { host: "h2" })), digest_at: NOW + 1000 };
    assert.deepEqual(kindsDue(outbox, daily), []);
    assert.deepEqual(kindsDue(outbox, daily, NOW + 1000), ["digest 1,2"]);
  });
});

describe("NOTIFY", () => {
  it("names kinds and when each is told; the others as by default, or as `*` says", () => {
    const { updated, stuck, refused } = notify.parse("updated=never *=digest stuck=now");
    assert.deepEqual([updated, stuck, refused], ["never", "now", "digest"]);
    assert.equal(notify.parse("").updated, "run");
  });

  for (const wrong of ["update=now", "updated", "updated=soon", "updated=now=run"])
    it(`refuses ${wrong}, and says what is allowed`, () => {
      const issues = notify.safeParse(wrong).error?.issues ?? [];
      assert.match(issues[0]?.message ?? "", new RegExp(`"${wrong}" is none of them; allowed are KIND=WHEN`));
    });
});

describe("a target", () => {
  it("is told by its scheme alone, and keeps its outbox whatever stands beside it", () => {
    const [mail, chat] = targetsFrom(["mailto://me:secret@example.com", "slack://token/other"]);
    assert.deepEqual([mail?.name, chat?.name], ["mailto (1 of 2)", "slack (2 of 2)"]);
    assert.equal(targetsFrom(["slack://token/other"])[0]?.id, chat?.id);
  });

  it("leaves none of its parts in what is said about it", () => {
    const url = "mailto://someone:p%40ssword@example.com/?to=other@example.com";
    const text = withoutSecrets("login of someone with p@ssword or p%40ssword at example.com failed", url);
    assert.equal(text, "login of … with … or … at … failed");
  });
});
