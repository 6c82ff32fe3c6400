import assert from "node:assert/strict";
import { after, beforeEach, describe, it } from "mocha";
import { type LogFields, sentenceFor } from "../../../shared/runtime/log-sentences.ts";
import { formatLogLine } from "../../../shared/runtime/pretty-log.ts";

const id = (digit: string): string => `sha256:${digit.repeat(64)}`;
const IMAGES = { from: id("a"), to: id("b") };

describe("the log for people", () => {
  const zone = process.env["TZ"];
  beforeEach(() => {
    process.env["TZ"] = "UTC";
  });
  after(() => {
    if (zone === undefined) delete process.env["TZ"];
    else process.env["TZ"] = zone;
  });

  it("has lists and maps of texts in words, and in JSON while debugging", () => {
    const fields = {
      containers: ["web", "api"],
      left: { paused: ["idle"] },
      images: { web: id("a") },
      n: [1],
    };
    const line = JSON.stringify({ time: "2026-01-01T12:00:00Z", level: "info", msg: "said", ...fields });
    const format = (everything: boolean) => formatLogLine(line, { colour: false, everything }).trimEnd();
    assert.equal(
      format(false),
      "12:00:00  info      said  containers: web, api  left: paused: idle  images: web: aaaaaaaaaaaa  n=[1]",
    );
    assert.match(format(true), / {2}containers=\["web","api"\] {2}left=\{"paused":\["idle"\]\} /);
  });

  const sentences: readonly [string, string, LogFields, string | undefined][] = [
    [
      "from which version to which a container was updated, and how long it was down",
      "container ended",
      {
        end: "updated",
        because: "x",
        ...IMAGES,
        from_version: "1.4.2",
        to_version: "1.5.0",
        downtime_ms: 212,
      },
      "updated: 1.4.2 → 1.5.0, down for 0.2 s",
    ],
    [
      "the images' ids where they name no version",
      "container ended",
      { end: "updated", because: "x", ...IMAGES, to_version: "1.5.0" },
      "updated: aaaaaaaaaaaa → bbbbbbbbbbbb",
    ],
    [
      "the ids where both name the same version",
      "container ended",
      { end: "updated", because: "x", ...IMAGES, from_version: "9", to_version: "9", downtime_ms: 90_000 },
      "updated: aaaaaaaaaaaa → bbbbbbbbbbbb, down for 90 s",
    ],
    [
      "that one was rolled back, from which version to which, where the operator asked for it",
      "container ended",
      {
        ...{ end: "updated", by: "operator", because: "rolled back by the operator; x", ...IMAGES },
        ...{ from_version: "1.5.0", to_version: "1.4.2", downtime_ms: 212 },
      },
      "rolled back by the operator: 1.5.0 → 1.4.2, down for 0.2 s",
    ],
    [
      "why one was put back",
      "container ended",
      { end: "rolled_back", because: "it is unhealthy", ...IMAGES, downtime_ms: 2500 },
      "rolled back to the old container: it is unhealthy; down for 2.5 s",
    ],
    ["why one was refused", "container ended", { end: "refused", because: "no" }, "not updated, refused: no"],
    [
      "how a run begins",
      "run begun",
      { mode: "update", containers: 1, resumed: false },
      "updates 1 container",
    ],
    [
      "that a run goes on",
      "run begun",
      { mode: "update", containers: 2, resumed: true },
      "resumes the run of an earlier process: 2 containers",
    ],
    [
      "that nothing will be touched",
      "run begun",
      { mode: "dry_run", containers: 2, resumed: false },
      "says what it would do with 2 containers",
    ],
    [
      "how a run ended",
      "run finished",
      { ends: { a: "updated", b: "updated", c: "rolled_back" } },
      "run finished: 2 updated, 1 rolled back",
    ],
    [
      "how a rollback ended",
      "run finished",
      { ends: { a: "updated", b: "refused" }, rollback: true },
      "run finished: 1 rolled back by the operator, 1 refused",
    ],
    [
      "that no registry answered",
      "cycle ended: no registry could be asked",
      { seen: 4, asked: 2, unanswered: 2, left: 0, rest: 0 },
      "no registry answered: 4 containers, 2 images asked for",
    ],
    [
      "for how many images there was no answer",
      "cycle ended: not every image could be asked for",
      { seen: 4, asked: 3, unanswered: 1, left: 3, rest: 0 },
      "nothing to update so far: no answer for 1 of 3 images",
    ],
    [
      "what a script decided",
      "script ran",
      { script: "10-not-web", verdict: "refuse", reason: "not now", ms: 210 },
      "10-not-web ran in 0.2 s: refuse: not now",
    ],
    ["what a script printed", "script output", { script: "dump.py", line: "dumped" }, "dump.py: dumped"],
    [
      "what all scripts of a hook decided",
      "hook answered",
      { hook: "before_update", verdict: "proceed" },
      "before_update: proceed",
    ],
    ["a run without containers", "run finished", { ends: {} }, "run finished: nothing to do"],
    [
      "which containers are left alone, and why",
      "containers left alone",
      { containers: { paused: ["b", "c"], "built here": ["a"] } },
      "left alone: b, c (paused); a (built here)",
    ],
    [
      "for which images a registry gave no digest",
      "registry gave no digest",
      { images: ["web", "api"], because: "registry unreachable: docker.io: no route" },
      "no digest for web, api: registry unreachable: docker.io: no route",
    ],
    [
      "which NATS is away",
      "connection to NATS lost; waiting for it",
      { server: "nats:4222" },
      "connection to NATS at nats:4222 lost; waiting for it",
    ],
    ["who asks for what", "asked for by the operator", { kind: "update" }, "the operator asks for an update"],
    [
      "who asks for what on the dashboard",
      "asked for by the operator",
      { kind: "rollback", by: "ann" },
      "ann asks for a rollback",
    ],
    [
      "that an updater ends a run of before",
      "this updater acts on the host",
      { writer: "w", resuming: "r" },
      "this updater acts on the host, and first ends the run of an earlier process",
    ],
    [
      "how the update ended that an earlier process left behind",
      "resumed a replacement whose names were exchanged already",
      { outcome: "undone", because: "it is unhealthy" },
      "the update that an earlier process left behind could not be finished: it is unhealthy",
    ],
    [
      "which target takes no notifications",
      "the target does not take notifications; they are kept and tried again",
      { target: "json (1 of 2)", waiting: 3, because: "Connection refused" },
      "json (1 of 2) takes no notifications; 3 kept and tried again: Connection refused",
    ],
    [
      "when CRON checks",
      "waiting for the first check",
      { cron: "0 4 * * *", zone: "UTC", next_at: null },
      "checks by CRON 0 4 * * * (UTC)",
    ],
    ["nothing else", "toString", {}, undefined],
  ];
  for (const [sentence, message, fields, expected] of sentences)
    it(`says ${sentence}`, () => assert.equal(sentenceFor(message, fields)?.says, expected));

  const line = JSON.stringify({
    ...{ level: "info", time: "2026-02-01T10:00:00.000Z", host: "h1", container: "web" },
    ...{ run: "r1", image: id("c"), because: "it is in use", msg: "outdated image kept" },
  });
  for (const [sentence, everything, expected] of [
    [
      "hides ids that are for machines, and shortens those of images",
      false,
      "10:00:00  info      h1 web  outdated image kept: it is in use  image=cccccccccccc\n",
    ],
    [
      "shows all of them at LOG_LEVEL=debug",
      true,
      `10:00:00  info      h1 web  outdated image kept  run=r1  image=${id("c")}  because="it is in use"\n`,
    ],
  ] as const)
    it(sentence, () => assert.equal(formatLogLine(line, { colour: false, everything }), expected));

  it("has its times in the time zone of TZ", () => {
    process.env["TZ"] = "Asia/Tokyo";
    assert.equal(lineOf({ msg: "said" }), "19:00:00  warn      said\n");
  });

  it("has no place for what concerns no container", () => {
    assert.equal(lineOf({ msg: "said", host: "h1", container: "" }), "10:00:00  warn      h1  said\n");
  });

  const lineOf = (fields: LogFields): string =>
    formatLogLine(JSON.stringify({ time: "2026-02-01T10:00:00.000Z", level: "warn", ...fields }), {
      colour: false,
      everything: false,
    });

  it("says why and what to do in the sentence", () => {
    const fault = { because: "x is not executable", mend: "chmod +x x", msg: "script is not run" };
    assert.equal(lineOf(fault), "10:00:00  warn      script is not run: x is not executable; chmod +x x\n");
  });

  it("shows the stack of an error where the program is at fault, and its message elsewhere", () => {
    const err = { type: "Error", message: "no route", stack: "Error: no route\n    at connect (x.ts:1:1)" };
    assert.equal(
      lineOf({ msg: "message given up", err }),
      "10:00:00  warn      message given up: no route\n",
    );
    assert.match(lineOf({ level: "error", msg: "NATS error", err }), /\n {4}at connect/);
  });
});
