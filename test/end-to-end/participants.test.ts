import assert from "node:assert/strict";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { Kvm } from "@nats-io/kv";
import { setTimeout as sleep } from "node:timers/promises";
import { after, afterEach, before, describe, it } from "mocha";
import type { HookName } from "../../shared/contract/hooks.ts";
import type { DecisionRecord, UpdateResult } from "../../shared/contract/run-records.ts";
import { BUCKETS, STREAMS, heldKey } from "../../shared/contract/subjects.ts";
import { engine } from "../bed/bed.ts";
import { deploy, overview, release } from "../support/containers.ts";
import {
  type Answer,
  type RegisteredParticipant,
  runOuroboros,
  addParticipant,
} from "../support/participants.ts";
import { awaitResults, readHold, skippedContainers, requestPlan, update } from "../support/runs.ts";
import { SEPARATE_PROCESSES, type Stack, startStack } from "../support/stack.ts";
import { until } from "../support/until.ts";
import { itInFullRun } from "../support/full-run.ts";

const h1 = engine(1);
const LONG = { within: 120_000 };
const SHORT = ["--timeout", "10s"];

/** What a participant does for the container of its name; for the others it says proceed. */
interface Behaviour {
  readonly says: string;
  readonly flags?: readonly string[];
  readonly answer: (stack: Stack, ...of: Parameters<Answer>) => unknown;
  readonly end: UpdateResult;
  readonly verdict: RegExp;
}

const silence = (): undefined => undefined;
const OUT_OF_TIME = /gave no verdict and no sign of progress in time/;

/** Those for which NATS and the Engine matter; all other rules of a wait: test/services/updater/gate. */
const behaviours: Readonly<Record<string, Behaviour>> = {
  deferring: {
    says: "that is silent too long counts as defer",
    flags: SHORT,
    answer: silence,
    end: "deferred",
    verdict: OUT_OF_TIME,
  },
  proceeding: {
    says: "that is silent too long counts as proceed where it was registered so, and has no say afterwards",
    flags: [...SHORT, "--on-timeout", "proceed"],
    answer: async (stack, { id }) => {
      await until("it is decided", () => decided(stack, id), LONG);
      return "refuse: too late";
    },
    end: "updated",
    verdict: OUT_OF_TIME,
  },
  slow: {
    says: "that reports progress is waited for",
    flags: SHORT,
    answer: async (_stack, _event, { progress }) => {
      await progressing(progress, 12_000);
      return "refuse: after long thought";
    },
    end: "refused",
    verdict: /^after long thought$/,
  },
  flooded: {
    says: "whose subject others fill with a thousand messages a second is heard, and holds nobody",
    answer: async (stack, { id }, { verdictSubject }) => {
      const rival = verdictSubject.replace("flooded", "=41");
      await flood(stack, [verdictSubject, rival, verdictSubject.replace(id, `${id}x`)], 3000);
      return { verdict: "refuse", reason: "above the noise" };
    },
    end: "refused",
    verdict: /^above the noise$/,
  },
  abused: {
    says: "for whom others make the server write is heard for itself",
    answer: async (stack, event, { verdictSubject }) => {
      await makeServerWrite(stack, event.id, verdictSubject);
      return "proceed";
    },
    end: "updated",
    verdict: /^$/,
  },
  patient: {
    says: "that waits for one container holds no other",
    answer: async (stack) => {
      const others = Object.keys(behaviours).filter((name) => name !== "patient");
      const isOver = () =>
        others.every((name) => stack.records.some((r) => r.kind === "ended" && r.container === name));
      await until("all others have ended", isOver, LONG);
      return "proceed";
    },
    end: "updated",
    verdict: /^$/,
  },
};

describe("a participant on another machine", () => {
  const names = Object.keys(behaviours);
  let stack: Stack;
  let asked: RegisteredParticipant[];
  let ends: Record<string, UpdateResult>;

  before(async () => {
    for (const name of names) await deploy(h1, name);
    stack = await startStack({ engine: h1, env: { SWAPS: "4" } });
    await stack.check();
    asked = await Promise.all(
      Object.entries(behaviours).map(async ([name, { flags = [], answer }]) =>
        addParticipant(stack, name, { hooks: ["before_update"], flags }, async (event, tools) => {
          if (event.subject === name) return answer(stack, event, tools);
          if (name === "proceeding" && event.subject === "patient") await sleep(11_000); // its time is over
          return "proceed";
        }),
      ),
    );
    for (const name of names) await release(`apps/${name}`, "2");
    ends = await awaitResults(stack, await requestPlan(stack), LONG.within);
  });
  after(async () => {
    for (const one of asked) await one[Symbol.asyncDispose]();
    await stack[Symbol.asyncDispose]();
    await h1.clean();
  });

  for (const [name, { says, end, verdict }] of Object.entries(behaviours)) {
    it(says, () => {
      assert.equal(ends[name], end);
      const said = decidedFor(stack, "before_update", name).verdicts.find(
        ({ participant }) => participant === name,
      );
      assert.match(said?.reason ?? "", verdict);
      assert.equal(said?.timed_out ?? false, verdict === OUT_OF_TIME);
    });
  }

  it("is recorded as late where it answered after the decision", async () => {
    const event = decidedFor(stack, "before_update", "proceeding").event;
    await until("it is recorded", () =>
      stack.records.some(
        (r) =>
          r.kind === "late" && r.event === event && r.participant === "proceeding" && r.verdict === "refuse",
      ),
    );
  });

  it("is recorded as late where its time was over while another was still waited for", async () => {
    const { event, verdicts } = decidedFor(stack, "before_update", "patient");
    assert.ok(verdicts.some((one) => one.participant === "proceeding" && one.timed_out === true));
    await until("it is recorded", () =>
      stack.records.some((r) => r.kind === "late" && r.event === event && r.participant === "proceeding"),
    );
  });

  it("is asked once for each container", () => {
    for (const { asked: heard } of asked) assert.equal(new Set(heard).size, heard.length);
  });
});

describe("participants at updates_enumerated", () => {
  afterEach(() => h1.clean());

  it("stop all of a plan by a plain no, and are asked again when their time is over", async () => {
    await deploy(h1, "one");
    await deploy(h1, "two");
    await using stack = await startStack({ engine: h1 });
    await stack.check();
    const answers = [{ verdict: "defer", reason: "at lunch", retry_after_s: 600 }, "proceed"];
    await using judge = await addParticipant(stack, "judge", { hooks: ["updates_enumerated"] }, () =>
      answers.shift(),
    );
    await release("apps/one", "2");
    await release("apps/two", "2");
    assert.deepEqual(await update(stack), { one: "deferred", two: "deferred" });
    assert.match(
      (await skippedContainers(stack))["one"] ?? "",
      /^held: updates_enumerated: at lunch \(judge\), until 2/,
    );
    for (const name of ["one", "two"]) await letTimePass(stack, name);
    assert.deepEqual(await update(stack), { one: "updated", two: "updated" });
    assert.deepEqual(judge.asked, ["updates_enumerated", "updates_enumerated"]);
    assert.equal(await readHold(stack, "one"), undefined);
  });

  it("whose entry cannot be understood put off what it may concern, until it is mended", async () => {
    await deploy(h1, "web");
    await using stack = await startStack({ engine: h1 });
    await stack.check();
    const bucket = await new Kvm(stack.nats).open(BUCKETS.participants);
    const newer = { hooks: ["before_update", "before_teleport"], hosts: [stack.host] };
    await bucket.put("newer", JSON.stringify(newer));
    await bucket.put("elsewhere", JSON.stringify({ hooks: ["before_teleport"], hosts: ["elsewhere"] }));
    await release("apps/web", "2");
    assert.deepEqual(await update(stack), { web: "deferred" });
    assert.match(
      (await skippedContainers(stack))["web"] ?? "",
      /^held: updates_enumerated: the entry of participant newer cannot be understood: .* before_teleport; mend it/,
    );
    assert.match(
      (await runOuroboros(stack, "participant", "list")).out,
      /newer +unreadable: .* before_teleport/,
    );
    assert.match((await runOuroboros(stack, "status")).out, /The entry of newer cannot be understood/);
    const said = /participant's entry cannot be understood; what it may concern is put off/g;
    assert.equal(stack.services.updater?.log().match(said)?.length, 2, "once for each");
    assert.equal((await runOuroboros(stack, "participant", "remove", "newer")).code, 0);
    await bucket.put("junk", "PubAck");
    await letTimePass(stack, "web");
    assert.deepEqual(await update(stack), { web: "deferred" });
    await bucket.delete("junk");
    await letTimePass(stack, "web");
    assert.deepEqual(await update(stack), { web: "updated" });
  });

  itInFullRun(
    "are those who were registered before the plan; who was removed is not asked any more",
    async () => {
      await deploy(h1, "web");
      await using stack = await startStack({ engine: h1, services: SEPARATE_PROCESSES });
      await stack.check();
      const hooks = ["--hooks", "updates_enumerated,before_update"];
      assert.equal((await runOuroboros(stack, "participant", "add", "left", ...hooks)).code, 0);
      stack.services.updater?.kill("SIGTERM");
      await stack.services.updater?.exited;
      await release("apps/web", "2");
      assert.equal((await runOuroboros(stack, "participant", "remove", "left")).code, 0);
      const run = await requestPlan(stack);
      assert.equal(
        (await runOuroboros(stack, "participant", "add", "joined", "--hooks", "updates_enumerated")).code,
        0,
      );
      stack.start("updater");
      assert.deepEqual(await awaitResults(stack, run), { web: "updated" });
      assert.deepEqual(await overview(h1), ["web running 2"]);
    },
  );
});

describe("participants with a policy of their own", () => {
  let stack: Stack;
  let asked: RegisteredParticipant[];
  let ends: Record<string, UpdateResult>;

  before(async () => {
    for (const name of ["web", "db"]) await deploy(h1, name, { create: { Labels: { tier: name } } });
    stack = await startStack({ engine: h1 });
    await stack.check();
    const ops = ["--group", "ops", "--needs", "2"];
    const ask = (name: string, flags: readonly string[], hook: HookName, answer: Answer) =>
      addParticipant(stack, name, { hooks: [hook], flags: ["--timeout", "20s", ...flags] }, answer);
    asked = await Promise.all([
      ask("chooser", ["--containers", "w?b*"], "before_update", () => "refuse: mine"),
      ask("planner", ["--labels", "tier=web"], "updates_enumerated", () => "refuse: not now"),
      ask("adviser", ["--advisory"], "before_update", () => "refuse: I would not"),
      ask("ann", ops, "after_update", () => "refuse: slow"),
      ask("ben", ops, "after_update", () => "proceed"),
      ask("cem", ops, "after_update", () => "proceed"),
    ]);
    for (const name of ["web", "db"]) await release(`apps/${name}`, "2");
    ends = await update(stack);
  });
  after(async () => {
    for (const one of asked) await one[Symbol.asyncDispose]();
    await stack[Symbol.asyncDispose]();
    await h1.clean();
  });

  it("speak for the containers of their choice, advise, and outvote each other", async () => {
    assert.deepEqual(ends, { web: "refused", db: "updated" });
    assert.deepEqual(await overview(h1), ["db running 2", "web running 1"]);
  });

  it("are waited for where they have a say, and recorded where they have none", () => {
    const before = decidedFor(stack, "before_update", "db");
    assert.deepEqual(before.verdicts.map(({ participant, verdict }) => `${participant} ${verdict}`).sort(), [
      "adviser refuse",
      "exec_h1 proceed",
    ]);
    assert.equal(decidedFor(stack, "after_update", "db").verdict, "proceed");
  });

  it("see in the event why they are asked: mode, reason, who else, and what was decided before", () => {
    const { data } = stack.events.find(({ hook }) => hook === "after_update")?.event ?? {};
    assert.deepEqual(data?.["mode"], "update");
    assert.ok(data["reason"]);
    assert.deepEqual((data["asked"] as string[]).sort(), ["ann", "ben", "cem", "exec_h1"]);
    assert.deepEqual(data["verdicts"], [
      { hook: "updates_enumerated", container: null, verdict: "proceed" },
      { hook: "before_update", container: "db", verdict: "proceed" },
    ]);
  });
});

const decided = ({ records }: Stack, event: string): boolean =>
  records.some((record) => record.kind === "decided" && record.event === event);

function decidedFor({ records }: Stack, hook: string, container: string): DecisionRecord {
  const found = records.find(
    (record): record is DecisionRecord & typeof record =>
      record.kind === "decided" && record.hook === hook && record.container === container,
  );
  assert.ok(found, `${hook} of ${container} was not decided`);
  return found;
}

/** As if the ten minutes were over for which it is held. */
async function letTimePass(stack: Stack, container: string): Promise<void> {
  const entry = await readHold(stack, container);
  const left = (entry?.until ?? 0) - Date.now();
  assert.ok(left > 400_000 && left <= 600_000, String(left));
  const kv = await new Kvm(stack.nats).open(BUCKETS.held);
  await kv.put(heldKey(stack.host, container), JSON.stringify({ ...entry, until: Date.now() - 1 }));
}

async function progressing(progress: () => void, ms: number): Promise<void> {
  const ends = performance.now() + ms;
  let next = 0;
  await until(
    "it has thought long enough",
    () => {
      if (performance.now() > next) progress();
      if (performance.now() > next) next = performance.now() + 300;
      return performance.now() > ends;
    },
    { within: ms + 5000 },
  );
}

/** Junk for that long, a thousand messages a second; of every kind that a program could send by mistake. */
async function flood({ nats }: Stack, subjects: readonly string[], ms: number): Promise<void> {
  const junk = [
    "",
    "no",
    "{",
    "[".repeat(5000),
    '{"verdict":{}}',
    new Uint8Array([0xff, 0xfe]),
    "x".repeat(30_000),
  ];
  const began = performance.now();
  for (let sent = 0; performance.now() - began < ms; sent++) {
    nats.publish(subjects[sent % subjects.length] ?? "", junk[sent % junk.length]);
    if (sent > performance.now() - began) await sleep(5);
  }
  await nats.flush();
}

/** Whatever reply subject a request names, the server writes its answer there: here what looks like a refusal. */
async function makeServerWrite({ nats, host }: Stack, event: string, subject: string): Promise<void> {
  const js = jetstream(nats);
  const elsewhere = `ouroboros.verdict.${host}.nobody.${event}`;
  await js.publish(elsewhere, "refuse: forged");
  nats.publish(elsewhere, "refuse: forged again", { reply: subject });
  const get = JSON.stringify({ last_by_subj: elsewhere });
  nats.publish("$JS.API.DIRECT.GET.OUROBOROS_VERDICTS", get, { reply: subject });
  nats.publish("$JS.API.STREAM.MSG.GET.OUROBOROS_VERDICTS", get, { reply: subject });
  nats.publish("$JS.API.CONSUMER.INFO.OUROBOROS_HOOKS.gate_abused", "", { reply: subject });
  const manager = await jetstreamManager(nats);
  await until("the server wrote it", async () => {
    const { state } = await manager.streams.info(STREAMS.verdicts, { subjects_filter: subject });
    return (state.subjects?.[subject] ?? 0) === 4;
  });
}
