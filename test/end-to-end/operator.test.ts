// An operator decides what is waited for, by the program's commands: the participant is never heard, the wait ends at
// once, and everyone who watches sees by whom.
import assert from "node:assert/strict";
import { after, before, describe, it } from "mocha";
import {
  DecidedRecord,
  EventLine,
  HistoryEntry,
  PendingEvent,
  Status,
} from "../../cli/output/output-schemas.ts";
import { engine } from "../bed/bed.ts";
import { runOperatorCommand } from "../support/run-operator-command.ts";
import { deploy, overview, release } from "../support/containers.ts";
import { type RegisteredParticipant, addParticipant } from "../support/participants.ts";
import { type Stack, startStack } from "../support/stack.ts";
import { until } from "../support/until.ts";

const h1 = engine(1);
const NAMES = ["defers", "proceeds", "refuses"];

describe("the operator", () => {
  let stack: Stack;
  let asleep: RegisteredParticipant;
  const stop = new AbortController();
  const run = (...words: string[]) => runOperatorCommand({ NATS_URL: stack.server.url }, words);
  const json = async (...words: string[]): Promise<unknown> =>
    JSON.parse((await run(...words, "-o", "json")).out);
  const pending = async () => PendingEvent.array().parse(await json("pending"));
  let following: ReturnType<typeof runOperatorCommand>;

  before(async () => {
    for (const name of NAMES) await deploy(h1, name);
    stack = await startStack({ engine: h1 });
    await stack.check();
    asleep = await addParticipant(
      stack,
      "asleep",
      { hooks: ["before_update"], flags: ["--timeout", "10m"] },
      () => undefined,
    );
    following = runOperatorCommand({ NATS_URL: stack.server.url }, ["events", "--follow", "-o", "json"], {
      signal: stop.signal,
    });
    for (const name of NAMES) await release(`apps/${name}`, "2");
    await stack.check();
    const onlyAsleep = async (): Promise<boolean> => {
      const all = await pending();
      return all.length === NAMES.length && all.every(({ waiting_for: left }) => left.length === 1);
    };
    await until("the scripts have answered", onlyAsleep);
  });
  after(async () => {
    stop.abort();
    await asleep[Symbol.asyncDispose]();
    await stack[Symbol.asyncDispose]();
    await h1.clean();
  });

  it("sees who is waited for, since when and until when", async () => {
    const all = await pending();
    assert.deepEqual(all.map(({ container }) => container).sort(), NAMES);
    for (const { hook, host, waiting_for, answered, since, until: at, at_most, updater } of all) {
      assert.deepEqual([hook, host, updater], ["before_update", stack.host, true]);
      const [one, ...more] = waiting_for;
      assert.deepEqual([one?.participant, one?.on_timeout, more], ["asleep", "defer", []]);
      assert.deepEqual(answered, [{ participant: `exec_${stack.host}`, verdict: "proceed" }]);
      assert.equal(Date.parse(at) - Date.parse(since), 600_000);
      assert.equal(Date.parse(at_most) - Date.parse(since), 3_600_000);
    }
    const lines = (await run("pending")).out.split("\n");
    assert.match(lines[0] ?? "", /^HOST +HOOK +CONTAINER +WAITING FOR +SINCE +ELSE +EVENT$/);
    assert.match(
      lines[1] ?? "",
      /^h1 +before_update +\w+ +asleep +(now|\d+ (s|min) ago) +defer in \d min +\w+-before_update-\w+$/,
    );
  });

  it("sees the host wait, too", async () => {
    const { hosts, participants } = Status.parse(await json("status"));
    assert.deepEqual(participants, ["asleep"]);
    const [host] = hosts;
    assert.deepEqual(
      [host?.host, host?.poller, host?.updater, host?.pending, host?.last_run?.ends],
      [stack.host, true, "busy", 3, null],
    );
    assert.match((await run("status")).out, /^h1 +\S+ +answers +.*busy +under way, .* +3 +0$/m);
  });

  it("is told what is meant where a word is not clear", async () => {
    const [first] = await pending();
    const unclear = await run("verdict", first?.run ?? "", "proceed");
    assert.equal(unclear.code, 1);
    for (const name of NAMES)
      assert.match(unclear.err, new RegExp(`before_update-${name} {2}\\(before_update of ${name} on`));
    const wrong = await run("verdict", "proceed", "proceed");
    assert.deepEqual([wrong.code, wrong.out], [1, ""]);
    assert.match(wrong.err, /no event proceed is pending; did you mean proceeds/);
    const elsewhere = await run("verdict", "proceeds", "proceed", "--host", "h11");
    assert.match(elsewhere.err, /there is no host h11; did you mean h1\?/);
  });

  const cases = [
    ["proceeds", ["proceed"], "updated", /^before_update of proceeds on h1: proceed by operator\n$/],
    ["refuses", ["refuse", "--reason", "not today"], "refused", /: refuse by operator: not today\n$/],
    [
      "defers",
      ["defer", "--reason", "lunch", "--retry-after", "2h"],
      "deferred",
      /: defer by operator: lunch\n$/,
    ],
  ] as const;
  for (const [name, words, end, says] of cases)
    it(`${name} by the container's name or the start of the event's id`, async () => {
      const event = (await pending()).find(({ container }) => container === name)?.event ?? "";
      const said = await run("verdict", name === "refuses" ? event.slice(0, -2) : name, ...words);
      assert.deepEqual([said.err, said.code], ["", 0]);
      assert.match(said.out, says);
      await stack.expectResult(name, end);
      const again = await run("verdict", event, "proceed");
      assert.equal(again.code, 1);
      assert.match(again.err, new RegExp(`${event} was decided already: ${words[0]} by operator`));
    });

  it("has held what was refused and put off, as the status says", async () => {
    const status = await until("the run is over", async () => {
      const { hosts } = Status.parse(await json("status"));
      return hosts[0]?.last_run?.ends ? hosts[0] : undefined;
    });
    assert.deepEqual(status.last_run?.ends, { defers: "deferred", proceeds: "updated", refuses: "refused" });
    const held = status.held.map(({ container, by, because, until: at }) => [
      container,
      by,
      because,
      at !== null,
    ]);
    assert.deepEqual(held.sort(), [
      ["defers", "operator", "lunch", true],
      ["refuses", "operator", "not today", false],
    ]);
    assert.deepEqual(
      (await overview(h1)).filter((line) => NAMES.some((name) => line.startsWith(`${name} `))),
      ["defers running 1", "proceeds running 2", "refuses running 1"],
    );
  });

  it("finds nothing wrong in what somebody refused or put off", async () => {
    const { code, out } = await run("status", "--trouble");
    assert.equal(code, 0);
    assert.match(out, /^1 host, nothing wrong; Ouroboros \d\S+\n$/);
  });

  it("has seen it all by following, as it can be replayed afterwards", async () => {
    stop.abort();
    const followed = linesOf((await following).out);
    const replayed = linesOf((await run("events", "-o", "json")).out);
    assert.deepEqual(followed.map(nameOf).sort(), replayed.map(nameOf).sort());
    const decided = followed.filter((line) => "kind" in line).filter(({ by }) => by === "operator");
    assert.deepEqual(decided.map(({ container, verdict }) => `${container ?? ""} ${verdict}`).sort(), [
      "defers defer",
      "proceeds proceed",
      "refuses refuse",
    ]);
    const only = linesOf(
      (await run("events", "-o", "json", "--container", "refuses", "--hook", "before_update")).out,
    );
    assert.deepEqual(only.map(nameOf), [
      "ouroboros.before_update.v1 refuses",
      "decided before_update refuses",
    ]);
    const { out } = await run("events");
    assert.match(out, /h1 +before_update +refuses +-> refuse by operator: not today$/m);
    assert.match(out, /h1 +update_finished +refuses +refused: not today$/m);
    assert.match(out, /h1 +update_finished +proceeds +updated \S+ → \S+, down for [\d.]+ s: \S/m);
    assert.match(out, /h1 +run_finished +\(the run\) +1 \w+, 1 \w+, 1 \w+, after [\d.]+ s$/m);
  });

  it("finds the ends in the history", async () => {
    const all = HistoryEntry.array().parse(await json("history"));
    assert.deepEqual(all.map(({ container, end }) => `${container} ${end}`).sort(), [
      "defers deferred",
      "proceeds updated",
      "refuses refused",
    ]);
    const [one, ...more] = HistoryEntry.array().parse(await json("history", "refuses"));
    assert.deepEqual([one?.because, more], ["not today", []]);
    const none = await run("history", "refused");
    assert.equal(none.code, 1);
    assert.match(none.err, /no run with a container refused ended in the last 30d; did you mean refuses\?/);
  });
});

type Line = ReturnType<typeof EventLine.parse>;

const linesOf = (out: string): Line[] =>
  out
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => EventLine.parse(JSON.parse(line)));

const nameOf = (line: Line): string => {
  const decided = DecidedRecord.safeParse(line).data;
  if (decided !== undefined) return `decided ${decided.hook} ${decided.container ?? ""}`.trim();
  return "type" in line ? `${line.type} ${line.subject}`.trim() : "";
};
