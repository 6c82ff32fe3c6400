import assert from "node:assert/strict";
import { chmod, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "mocha";
import type { CloudEvent, Verdict } from "../../../shared/contract/messages.ts";
import { cloudEvent, container, image } from "../../services/hook-executor/scene.ts";
import { type Stage, openStage } from "../../services/hook-executor/stage.ts";
import { importLib } from "./import-lib.ts";
import { startExample } from "./run-example.ts";

const NAME = "scan";
type Finding = readonly [id: string, severity: string, name?: string];

/** As trivy documents its JSON report, of schema version 2. */
const trivy = (...findings: readonly Finding[]): string =>
  JSON.stringify({
    SchemaVersion: 2,
    ArtifactName: "app",
    ArtifactType: "container_image",
    Results: [
      { Target: "app (debian 12.5)", Class: "os-pkgs", Type: "debian", Vulnerabilities: null },
      {
        Target: "Node.js",
        Class: "lang-pkgs",
        Type: "node-pkg",
        Vulnerabilities: findings.map(([VulnerabilityID, severity, PkgName = "lodash"]) => ({
          ...{ VulnerabilityID, PkgName, InstalledVersion: "4.17.4" },
          Severity: severity.toUpperCase(),
        })),
      },
    ],
  });

/** As grype documents its own. */
const grype = (...findings: readonly Finding[]): string =>
  JSON.stringify({
    matches: findings.map(([id, severity, name = "lodash"]) => ({
      vulnerability: { id, severity: severity.replace(/^./, (first) => first.toUpperCase()), fix: {} },
      relatedVulnerabilities: [],
      artifact: { name, version: "4.17.4", type: "npm" },
    })),
    source: { type: "image" },
    descriptor: { name: "grype" },
  });

const lib = await importLib<{
  readReport: (text: string) => string[];
  whyWorse: (old: readonly string[], now: readonly string[], threshold: string) => string | undefined;
}>("vulnerabilities.mjs");

describe("the report of a scanner", () => {
  for (const [name, report] of Object.entries({ trivy, grype })) {
    it(`of ${name} tells the severity of each finding, once for each package`, () => {
      const [one, again, other] = [
        ["CVE-1", "high"],
        ["CVE-1", "high"],
        ["CVE-1", "critical", "curl"],
      ] as const;
      assert.deepEqual(lib.readReport(report(one, again, other)), ["high", "critical"]);
      assert.deepEqual(lib.readReport(report()), []);
    });
  }
  it("of trivy may have no results at all", () => {
    assert.deepEqual(lib.readReport('{"SchemaVersion":2,"ArtifactName":"scratch"}'), []);
  });
  for (const text of ["", "no JSON", "{}", "[]", '{"matches":{}}', '{"matches":[{}]}', '{"SchemaVersion":3}'])
    it(`is none: ${text || "nothing"}`, () => {
      assert.throws(() => lib.readReport(text));
    });
});

describe("a new image", () => {
  const cases: readonly (readonly [
    sentence: string,
    old: string,
    now: string,
    threshold: string,
    worse?: string,
  ])[] = [
    ["with the same findings is not worse", "critical high", "critical high", "high"],
    ["with fewer is not worse", "critical high", "high", "low"],
    ["with one more is worse", "high", "high high", "high", "2 high or worse instead of 1"],
    ["with one more below the threshold is not worse", "high", "high medium low unknown", "high"],
    ["with one more at the threshold is worse", "", "low", "low", "1 low or worse instead of 0"],
    ["whose finding became worse is worse", "high", "critical", "high", "1 critical instead of 0"],
    ["whose finding became milder is not worse", "critical", "high", "high"],
  ];
  for (const [sentence, old, now, threshold, worse] of cases)
    it(sentence, () => {
      const list = (text: string) => text.split(" ").filter(Boolean);
      assert.equal(lib.whyWorse(list(old), list(now), threshold), worse);
    });
});

describe("examples/participants/vulnerability-gate.mjs", () => {
  let stage: Stage;
  beforeEach(async () => {
    stage = await openStage();
    await stage.makeConsumer({ participant: NAME });
  });
  afterEach(() => stage[Symbol.asyncDispose]());

  /** A scanner that reports what lies in the file that is named like the image's digest, and notes what it was asked. */
  const start = async (env: Readonly<Record<string, string>> = {}) => {
    const lines = [
      'echo "$*" >> asked',
      'env > "environment"',
      '[ "$(cat "${3##*:}")" != slow ] || exec sleep 60',
      'cat "${3##*:}"',
      '[ -s "${3##*:}" ] || { echo "no such image" >&2; exit 3; }',
    ];
    await writeFile(scanner(), `#!/bin/sh\ncd "${stage.folder.path}"\n${lines.join("\n")}\n`);
    await chmod(scanner(), 0o755);
    return startExample("vulnerability-gate.mjs", NAME, {
      NATS_URL: stage.server.url,
      SCAN: `${scanner()} image --json {image}`,
      ...env,
    });
  };
  const scanner = () => join(stage.folder.path, "scanner");
  const reports = async (old: string, now: string) => {
    await stage.folder.put("a".repeat(64), old);
    await stage.folder.put("b".repeat(64), now);
  };
  const before = (run: string, oldDigests?: string[], newDigests?: string[]): CloudEvent =>
    cloudEvent(
      "before_update",
      {
        old_container: container("app"),
        old_image: { ...image("a"), ...(oldDigests && { digests: oldDigests }) },
        new_image: { ...image("b"), ...(newDigests && { digests: newDigests }) },
      },
      { run },
    );
  const written = (file: string) => readFile(join(stage.folder.path, file), "utf8");
  const answer = async (event: CloudEvent): Promise<Verdict> => {
    await stage.publish(event);
    return stage.verdictOn(event, NAME);
  };

  for (const [name, report] of Object.entries({ trivy, grype }))
    it(`refuses an image that is worse, by the report of ${name}, and lets the others pass`, async () => {
      await using _participant = await start({ NATS_PASSWORD: "canary" });
      await reports(report(["CVE-1", "high"]), report(["CVE-1", "high"], ["CVE-2", "critical"]));
      assert.deepEqual(await answer(before("run-1")), {
        verdict: "refuse",
        reason:
          "app: vulnerabilities of its new image: 1 critical instead of 0, 2 high or worse instead of 1",
      });
      await reports(report(["CVE-1", "high"]), report(["CVE-3", "high"], ["CVE-4", "medium"]));
      assert.deepEqual(await answer(before("run-2")), { verdict: "proceed" });
      const repository = "image --json registry.lab:5000/app@sha256:";
      const asked = await written("asked");
      assert.deepEqual(asked.split("\n").slice(0, 2), [
        `${repository}${"a".repeat(64)}`,
        `${repository}${"b".repeat(64)}`,
      ]);
      assert.doesNotMatch(await written("environment"), /canary/);
    });

  it("takes what no registry has to be without findings, and defers where the new image has no digest", async () => {
    await using _participant = await start();
    await reports("", trivy(["CVE-1", "high"]));
    assert.equal((await answer(before("run-1", []))).verdict, "refuse");
    assert.deepEqual(await answer(before("run-2", undefined, [])), {
      verdict: "defer",
      reason: "app: its new image has no digest to scan it by",
    });
  });

  it("defers while the scanner gives no report", async () => {
    await using _participant = await start({ SCAN_TIMEOUT_S: "1" });
    const now = `registry.lab:5000/app@sha256:${"b".repeat(64)} was not scanned:`;
    await reports(trivy(), "");
    assert.deepEqual(await answer(before("run-1")), {
      verdict: "defer",
      reason: `${now} ${scanner()} ended with 3`,
    });
    await reports(trivy(), "slow");
    assert.deepEqual(await answer(before("run-2")), {
      verdict: "defer",
      reason: `${now} ${scanner()} took longer than 1 s`,
    });
    await reports(trivy(), '{"SchemaVersion":2,"Results":[');
    const { verdict, reason = "" } = await answer(before("run-3"));
    assert.equal(verdict, "defer");
    assert.match(reason, /JSON/);
  });

  it("updates with a warning where it is told to, also where there is no scanner at all", async () => {
    await using _participant = await start({ SCAN_AWAY: "warn", SCAN: "/nowhere/trivy {image}" });
    const { verdict, reason = "" } = await answer(before("run-1"));
    assert.equal(verdict, "proceed");
    assert.match(reason, /was not scanned: spawn \/nowhere\/trivy ENOENT/);
  });

  it("says which of its settings cannot be understood", async () => {
    for (const env of [{ SCAN: "trivy image" }, { SCAN_THRESHOLD: "awful" }, { SCAN_AWAY: "proceed" }]) {
      await using participant = await start(env);
      assert.equal(await participant.exited, 2);
    }
  });
});
