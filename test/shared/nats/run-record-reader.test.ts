import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { makeRunRecordReader } from "../../../shared/nats/run-record-reader.ts";

const body = (host: string, run: string): string =>
  JSON.stringify({
    ...{ writer: "w", n: 1, at: "2026-01-01T00:00:00Z", host, run },
    ...{ kind: "finished", ends: {}, ms: 1 },
  });

function readAll(...messages: readonly (readonly [subject: string, text: string])[]) {
  const logged: string[] = [];
  const log = { warn: () => logged.push("warn"), debug: () => logged.push("debug") };
  const read = makeRunRecordReader(log as never);
  const hosts = messages.map(([subject, text]) => read({ subject, string: () => text })?.host);
  return { hosts, logged };
}

describe("a record of a journal", () => {
  it("is taken from the subject of its host and run", () => {
    const { hosts, logged } = readAll(["ouroboros.run.web=2E1.r1", body("web.1", "r1")]);
    assert.deepEqual([hosts, logged], [["web.1"], []]);
  });

  for (const [sentence, host, run] of [
    ["another host", "h2", "r1"],
    ["another run", "h1", "r2"],
    ["no host", "", "r1"],
  ] as const)
    it(`is ignored where it names ${sentence}, and the log warns once`, () => {
      const message = ["ouroboros.run.h1.r1", body(host, run)] as const;
      const { hosts, logged } = readAll(message, message);
      assert.deepEqual(
        [hosts, logged],
        [
          [undefined, undefined],
          ["warn", "debug"],
        ],
      );
    });

  it("is not what is none", () => {
    const { hosts, logged } = readAll(["ouroboros.run.h1.open", "{}"], ["ouroboros.run.h1.r1", "x"]);
    assert.deepEqual([hosts, logged], [[undefined, undefined], []]);
  });
});
