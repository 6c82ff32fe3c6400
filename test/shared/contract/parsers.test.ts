/**
 * Whatever comes from outside, no parser does more than say no: nothing is thrown but what its comment says, nothing
 * takes long, and what is accepted is what its schema says.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, it } from "mocha";
import {
  combineVerdicts,
  shortenToFit,
  readScriptVerdict,
} from "../../../services/hook-executor/script-verdicts.ts";
import { parseChallenges } from "../../../services/poller/registry/challenge.ts";
import { HostRecord } from "../../../services/poller/host-record.ts";
import { retryAfterMs } from "../../../services/poller/registry/registry-error.ts";
import { ConcernedContainers } from "../../../services/updater/gate/concerned-containers.ts";
import { parsePlan } from "../../../services/updater/plan/plan-message.ts";
import { readVerificationTimes } from "../../../services/updater/swap/verification-times.ts";
import { backupName, parseSwapName, successorName } from "../../../shared/containers/swap-names.ts";
import { verdictFrom } from "../../../services/webhook/endpoint-verdict.ts";
import { readCheckLabel } from "../../../shared/containers/check-label.ts";
import { findCredentials } from "../../../shared/registry/credentials.ts";
import { CannotStart, Permanent } from "../../../shared/errors.ts";
import { HeldEntry } from "../../../shared/contract/held-entry.ts";
import { parseImageRef } from "../../../shared/registry/image-ref.ts";
import { labels, readNameList } from "../../../shared/settings/labels.ts";
import { CloudEvent, VerdictWord, parseJson, parseVerdict } from "../../../shared/contract/messages.ts";
import { Participant, matchesContainer, matchesPattern } from "../../../shared/contract/participants.ts";
import { readFlags, readSettings } from "../../../shared/settings/read-settings.ts";
import { OpenRecord, RunRecord } from "../../../shared/contract/run-records.ts";
import { type SettingName, settings } from "../../../shared/settings/settings.ts";
import { isToken, encodeToken, decodeToken } from "../../../shared/contract/subject-tokens.ts";
import { exampleEvent } from "../../docs/example-event.ts";
import { isFullRun } from "../../support/full-run.ts";

const RUNS = isFullRun ? 300 : 60;
/** Of processor time: others may want the processors. */
const LONG_MS = 5000;

/** Text of every kind: any characters, bytes that are no UTF-8, JSON, deep JSON, and what looks like the real thing. */
const plain = fc.oneof(
  fc.string({ unit: "binary", maxLength: 300 }),
  fc.uint8Array({ maxLength: 300 }).map((bytes) => new TextDecoder().decode(bytes)),
  fc.json({ maxDepth: 6 }),
  fc.nat(20_000).map((depth) => "[".repeat(depth)),
  fc.nat(20_000).map((depth) => `{"verdict":${"[".repeat(depth)}${"]".repeat(depth)}}`),
  fc.constantFrom(
    "null",
    "__proto__",
    '{"__proto__":{"verdict":"proceed"}}',
    '{"verdict":"refuse","reason":{}}',
    "\0",
    "\u{feff}{}",
  ),
  fc
    .tuple(fc.constantFrom("a", "-", ".", ":", "/", "a-", '\\"', '"', " ", "=,", "*a"), fc.nat(20_000))
    .map(([unit, n]) => unit.repeat(n)),
);

/** A real document, with one thing in it replaced, or cut off. */
const damaged = (document: unknown): fc.Arbitrary<string> =>
  fc.tuple(fc.jsonValue({ maxDepth: 3 }), fc.nat(), fc.boolean()).map(([value, at, cut]) => {
    const copy = structuredClone(document);
    const places: [Record<string, unknown>, string][] = [];
    collect(copy, places);
    const [parent, key] = places[at % places.length] ?? [];
    if (parent !== undefined && key !== undefined) parent[key] = value;
    const text = JSON.stringify(copy);
    return cut ? text.slice(0, at % text.length) : text;
  });

function collect(value: unknown, places: [Record<string, unknown>, string][]): void {
  if (typeof value !== "object" || value === null) return;
  for (const key of Object.keys(value)) {
    places.push([value as Record<string, unknown>, key]);
    collect((value as Record<string, unknown>)[key], places);
  }
}

function holds(texts: fc.Arbitrary<string>, parse: (text: string) => unknown, numRuns = RUNS): void {
  fc.assert(
    fc.property(texts, (text) => {
      const began = process.cpuUsage();
      parse(text);
      const { user, system } = process.cpuUsage(began);
      const ms = Math.round((user + system) / 1000);
      assert.ok(ms < LONG_MS, `it took ${ms} ms of processor time, more than ${LONG_MS} ms`);
    }),
    { numRuns },
  );
}

/** What `parse` gives; what it throws has to be one of these kinds. */
function orThrows<T>(
  parse: () => T,
  ...kinds: readonly (abstract new (...args: never) => Error)[]
): T | undefined {
  try {
    return parse();
  } catch (error) {
    if (kinds.some((kind) => error instanceof kind)) return undefined;
    throw error;
  }
}

const record = { writer: "w", n: 1, at: "2026-03-01T04:00:00Z", host: "h", run: "r" };
const asked = { name: "a", timeout_ms: 1, max_ms: 1, on_timeout: "defer" };
const about = { event: "e", hook: "before_update", container: "web" };
const waiting = { ...record, ...about, kind: "waiting", participants: [asked] };
const decided = {
  ...record,
  ...about,
  kind: "decided",
  verdict: "defer",
  verdicts: [{ participant: "a", verdict: "defer", ms: 1 }],
};
const entry = {
  hooks: ["before_update"],
  hosts: ["*"],
  containers: ["w*"],
  labels: ["a=b"],
  group: "g",
  needs: 2,
};
const verdict = {
  verdict: "defer",
  reason: "busy",
  retry_after_s: 60,
  containers: { web: "refuse", db: { verdict: "defer" } },
};

describe("parsers, given anything at all,", () => {
  it("verdicts: are one of three words, or none", () =>
    holds(
      fc.oneof(
        plain,
        damaged(verdict),
        fc.string().map((rest) => `refuse: ${rest}`),
      ),
      (text) => {
        const said = parseVerdict({ text, fromStream: false });
        if (said !== undefined)
          assert.ok(VerdictWord.safeParse(said.verdict).success && (said.reason?.length ?? 0) <= 12_000);
      },
    ));

  it("events and plans: are understood whole, or are given up for good", () =>
    holds(fc.oneof(plain, damaged(exampleEvent("updates_enumerated"))), (text) => {
      CloudEvent.safeParse(parseJson(text));
      const plan = orThrows(() => parsePlan(text, { publishedAt: 0, takenAt: 0 }), Permanent);
      if (plan !== undefined) assert.match(plan.run, /^[0-9a-z]{1,64}$/);
    }));

  it("what an event is about: is named, whatever its data", () =>
    holds(fc.oneof(plain, damaged(exampleEvent("updates_enumerated").data)), (text) => {
      const data = parseJson(text);
      if (typeof data !== "object" || data === null) return;
      const found = new ConcernedContainers().find("updates_enumerated", null, data);
      assert.ok(found.every(({ name }) => typeof name === "string"));
    }));

  it("records of the journal, held entries and hosts' entries: fit their schema, or are none", () =>
    holds(fc.oneof(plain, damaged(waiting), damaged(decided)), (text) => {
      for (const schema of [RunRecord, OpenRecord, HeldEntry, HostRecord]) schema.safeParse(parseJson(text));
    }));

  it("participants' entries: choose containers or are none", () =>
    holds(fc.oneof(plain, damaged(entry)), (text) => {
      const read = Participant.safeParse(parseJson(text));
      if (read.success)
        assert.equal(typeof matchesContainer(read.data, { name: text, labels: { [text]: text } }), "boolean");
    }));

  it("patterns: match themselves where they hold no wildcard", () =>
    holds(plain, (text) => {
      if (!/[*?]/.test(text)) assert.ok(matchesPattern(text, text));
      assert.ok(matchesPattern("*", text));
      matchesPattern(text.slice(0, 255), `${text}x`.slice(0, 255));
    }));

  it("labels: are read or said to be wrong", () =>
    holds(plain, (text) => {
      const all = Object.fromEntries(Object.keys(labels).map((name) => [name, text]));
      assert.ok(["none", "check", "wrong"].includes(readCheckLabel(all).kind));
      assert.ok(readNameList(all, "com.ouroboros.depends_on").every((name) => name !== ""));
      readVerificationTimes(all, { HEALTH_TIMEOUT: undefined, SETTLE_TIME: 1 });
    }));

  it("settings: are read, or named with what is allowed, and a secret is never told", () =>
    holds(
      plain,
      (text) => {
        for (const name of Object.keys(settings) as SettingName[])
          try {
            readSettings({ [name]: text }, new Map());
          } catch (error) {
            assert.ok(error instanceof CannotStart, `${name}: ${String(error)}`);
            assert.ok(error.message.includes(name));
            if ("secret" in settings[name] && text.length > 8) assert.ok(!error.message.includes(text));
          }
      },
      60,
    ));

  it("flags: are known or refused", () =>
    holds(plain, (text) => orThrows(() => readFlags(text.split(" ")), CannotStart)));

  it("image references: are read the same again", () =>
    holds(fc.oneof(plain, fc.stringMatching(/^[a-z0-9./:@_-]{1,80}$/)), (text) => {
      const ref = parseImageRef(text);
      if (ref === undefined) return;
      assert.deepEqual(parseImageRef(ref.familiar), { ...ref, digest: undefined });
    }));

  it("a registry's challenges and Retry-After: are taken apart as far as they go", () =>
    holds(
      fc.oneof(
        plain,
        fc.string().map((rest) => `Bearer realm="${rest}", x=`),
      ),
      (text) => {
        assert.ok(parseChallenges(text).every(({ scheme }) => scheme === scheme.toLowerCase()));
        assert.ok((retryAfterMs(text, 0) ?? 0) >= 0);
      },
    ));

  it("an endpoint's answer: is a verdict, or none", () =>
    holds(plain, (text) => {
      for (const status of [200, 204, 302, 409, 425, 500, 503])
        verdictFrom({ status, body: text, retryAfter: text, cut: false }, 0);
    }));

  it("what a hook script says: is a verdict that fits into a message", () =>
    holds(fc.oneof(plain, damaged(verdict)), (text) => {
      const opinions = ["a.mjs", "b.mjs"].map((script) =>
        readScriptVerdict(script, parseJson(text), "refuse"),
      );
      const size = Buffer.byteLength(JSON.stringify(shortenToFit(combineVerdicts(opinions))));
      assert.ok(size < 64 * 1024);
    }));

  it("swap names and tokens: give back what they were made of", () =>
    holds(fc.oneof(plain, fc.string({ minLength: 1 })), (text) => {
      parseSwapName(text);
      const name = text.replace(/[^a-zA-Z0-9_.-]/g, "x") || "x";
      for (const made of [successorName(name, "01abc"), backupName(name, "01abc")])
        assert.equal(parseSwapName(made)?.name, name);
      if (text !== "" && Buffer.from(text).toString() === text)
        assert.equal(decodeToken(encodeToken(text)), text);
      if (isToken(text)) orThrows(() => decodeToken(text), RangeError);
    }));

  it("a Docker client's configuration: gives credentials, none, or says that it is none", async () => {
    const folder = mkdtempSync(join(tmpdir(), "docker-config-"));
    const before = process.env["DOCKER_CONFIG"];
    process.env["DOCKER_CONFIG"] = folder;
    const auths = { auths: { "registry.lab": { auth: "dTpw", identitytoken: "t" }, "ghcr.io": {} } };
    try {
      await fc.assert(
        fc.asyncProperty(fc.oneof(plain, damaged(auths)), async (text) => {
          writeFileSync(join(folder, "config.json"), text);
          const found = await findCredentials("registry.lab", {
            REPO_USER: "",
            REPO_PASS: "",
            REPO_REGISTRY: "",
          }).catch((error: unknown) => {
            assert.match((error as Error).message, /is no Docker client configuration: /);
            return undefined;
          });
          if (found !== undefined) assert.equal(typeof found.password, "string");
        }),
        { numRuns: RUNS },
      );
    } finally {
      if (before === undefined) delete process.env["DOCKER_CONFIG"];
      else process.env["DOCKER_CONFIG"] = before;
      rmSync(folder, { recursive: true });
    }
  });
});
