// The participants of examples/participants/ that docs/cookbook.md shows, beside a real updater.
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, describe, it } from "mocha";
import { engine, hubControl } from "../bed/bed.ts";
import { startExample } from "../examples/participants/run-example.ts";
import { startAlertmanager } from "../support/alertmanager.ts";
import { deploy, overview, release } from "../support/containers.ts";
import { type Signature, makeKeyPair, signImage } from "../support/cosign.ts";
import { startEndpoint } from "../support/endpoint.ts";
import { runOuroboros } from "../support/participants.ts";
import { readHold, update } from "../support/runs.ts";
import { type Process, type Stack, startStack } from "../support/stack.ts";
import { until } from "../support/until.ts";

const h1 = engine(1);

/** As the head of each file says it is added and started. */
async function addExample(
  stack: Stack,
  file: string,
  hooks: string,
  env: Readonly<Record<string, string>>,
): Promise<Process> {
  const HEARS = "update_finished,run_finished";
  const name = file.replace(".mjs", "");
  const added = await runOuroboros(stack, "participant", "add", name, "--hooks", hooks, "--hears", HEARS);
  assert.equal(added.code, 0, added.err);
  return startExample(file, name, { ...stack.access, ...env });
}

describe("update-window.mjs beside a real updater", () => {
  afterEach(() => h1.clean());

  it("lets that container be updated whose window is open, and holds the other until its own opens", async () => {
    const later = new Date(Date.now() + 5 * 3_600_000);
    const label = (window: string) => ({ create: { Labels: { "com.example.window": window } } });
    await deploy(h1, "always", label("always"));
    await deploy(h1, "usual");
    await deploy(h1, "later", label(`${later.getUTCMinutes()} ${later.getUTCHours()} * * * 1h UTC`));
    await using stack = await startStack({ engine: h1 });
    await stack.check();
    const file = join(stack.folder, "windows.json");
    await writeFile(file, JSON.stringify({ hosts: { [stack.host]: "always", "*": "never" } }));
    await using _windows = await addExample(stack, "update-window.mjs", "updates_enumerated,before_update", {
      WINDOWS_FILE: file,
    });
    for (const name of ["always", "usual", "later"]) await release(`apps/${name}`, "2");
    assert.deepEqual(await update(stack), { always: "updated", usual: "updated", later: "deferred" });
    assert.deepEqual(await overview(h1), ["always running 2", "later running 1", "usual running 2"]);
    const hold = await readHold(stack, "later");
    assert.match(hold?.because ?? "", /its update window opens at/);
    const offset = (hold?.until ?? 0) - later.getTime();
    assert.ok(Math.abs(offset) < 120_000, `held ${offset} ms beside the opening`);
  });
});

describe("mute-alertmanager.mjs and mute-webhook.mjs beside a real updater", () => {
  afterEach(() => h1.clean());

  it("mute each container for as long as it is down, a dependency too", async () => {
    await using alertmanager = await startAlertmanager();
    await using other = await startEndpoint(() => [204]);
    await deploy(h1, "cart");
    await deploy(h1, "shop", { create: { Labels: { "com.ouroboros.depends_on": "cart" } } });
    await using stack = await startStack({ engine: h1 });
    await stack.check();
    // What is silenced while both are down: the old shop is stopped, and cart is not started yet.
    const seen = "wget -qO- $ALERTMANAGER/api/v2/silences > seen.new; mv seen.new seen";
    await stack.script("after_update/see", `#!/bin/sh\nALERTMANAGER=${alertmanager.url}\n${seen}\n`);
    await using _mute = await addExample(
      stack,
      "mute-alertmanager.mjs",
      "before_stop_depends_container,before_update",
      { ALERTMANAGER_URL: alertmanager.url },
    );
    await using _other = await addExample(
      stack,
      "mute-webhook.mjs",
      "before_stop_depends_container,before_update",
      { MUTE_URL: `${other.url}/mute`, UNMUTE_URL: `${other.url}/unmute` },
    );
    await release("apps/shop", "2");
    assert.deepEqual(await update(stack), { shop: "updated" });
    const seenThen = await readFile(join(stack.folder, "hooks/after_update/seen"), "utf8");
    const silenced = JSON.parse(seenThen) as { comment: string; status: { state: string } }[];
    assert.deepEqual(
      silenced.map(({ comment, status }) => `${comment.split(" ")[0] ?? ""} ${status.state}`).sort(),
      ["cart active", "shop active"],
    );
    await until("both are told again", async () =>
      (await alertmanager.silences()).every(({ status }) => status.state === "expired"),
    );
    const told = () =>
      other.requests.map(({ path, body }) => {
        const { container = "the run" } = JSON.parse(body) as { container?: string };
        return `${path} ${container}`;
      });
    await until("the run is unmuted", () => told().length === 4);
    assert.deepEqual(told().sort(), ["/mute cart", "/mute shop", "/unmute shop", "/unmute the run"]);
  });
});

describe("vulnerability-gate.mjs beside a real updater", () => {
  afterEach(() => h1.clean());

  it("refuses the image that is worse, by the digests of both", async () => {
    await deploy(h1, "worse");
    await deploy(h1, "same");
    await using stack = await startStack({ engine: h1 });
    await stack.check();
    const { digest } = await release("apps/worse", "2");
    await release("apps/same", "2");
    const scanner = join(stack.folder, "trivy");
    const finding = '{"VulnerabilityID":"CVE-1","PkgName":"curl","Severity":"HIGH"}';
    const report = `{"SchemaVersion":2,"Results":[{"Target":"app","Vulnerabilities":['"$found"']}]}`;
    const lines = [
      `case $1 in *@${digest}) found='${finding}' ;; *@sha256:*) found= ;; *) exit 1 ;; esac`,
      `echo '${report}'`,
    ];
    await writeFile(scanner, `#!/bin/sh\n${lines.join("\n")}\n`, { mode: 0o755 });
    await using _gate = await addExample(stack, "vulnerability-gate.mjs", "updates_enumerated", {
      SCAN: `${scanner} {image}`,
    });
    assert.deepEqual(await update(stack), { worse: "refused", same: "updated" });
    assert.deepEqual(await overview(h1), ["same running 2", "worse running 1"]);
    assert.match((await readHold(stack, "worse"))?.because ?? "", /1 high or worse instead of 0/);
  });
});

describe("signature-gate.mjs beside a real updater", () => {
  afterEach(() => h1.clean());

  it("lets only that image run which is signed with the key, and waits for a registry that is away", async () => {
    const [ours, theirs] = [makeKeyPair(), makeKeyPair()];
    const names = ["signed", "unsigned", "other", "theirs", "away"];
    for (const name of names) await deploy(h1, name, { image: imageOf(name) });
    await using stack = await startStack({ engine: h1 });
    await stack.check();
    const key = join(stack.folder, "cosign.pub");
    await writeFile(key, ours.publicKey);
    await using _gate = await addExample(stack, "signature-gate.mjs", "updates_enumerated", {
      COSIGN_KEY: key,
      PLAIN_HTTP: "registry.lab:5000",
      NODE_EXTRA_CA_CERTS: process.env["NODE_EXTRA_CA_CERTS"] ?? "",
    });
    const digests: Record<string, string> = {};
    for (const name of names) digests[name] = (await release(imageOf(name), "2")).digest;
    const sign = (name: string, signature: Signature) =>
      signImage(imageOf(name), digests[name] ?? "", [signature]);
    await sign("signed", { key: ours });
    await sign("other", { key: ours, over: digests["signed"] ?? "" });
    await sign("theirs", { key: theirs });
    await sign("away", { key: ours });
    await using _faults = await hubControl.faults([{ match: "/manifests/sha256-", status: 503 }]);
    const refused = { unsigned: "refused", other: "refused", theirs: "refused" };
    assert.deepEqual(await update(stack), { ...refused, signed: "updated", away: "deferred" });
    const because = async (name: string) => (await readHold(stack, name))?.because ?? "";
    assert.match(await because("unsigned"), /is not signed/);
    assert.match(await because("other"), /is over another image/);
    assert.match(await because("theirs"), /is not signed with/);
    assert.match(await because("away"), /ghcr\.io: status 503/);
    const left = ["away running 1", "other running 1", "signed running 2", "theirs running 1"];
    assert.deepEqual(await overview(h1), [...left, "unsigned running 1"]);
  });
});

const imageOf = (name: string): string => (name === "away" ? "ghcr.io/acme/away" : `apps/${name}`);
