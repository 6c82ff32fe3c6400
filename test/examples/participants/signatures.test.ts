import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "mocha";
import type { CloudEvent, Verdict } from "../../../shared/contract/messages.ts";
import { type PushedImage, hubControl, pushApp } from "../../bed/bed.ts";
import { cloudEvent, container, image } from "../../services/hook-executor/scene.ts";
import { type Stage, openStage } from "../../services/hook-executor/stage.ts";
import { type Signature, makeKeyPair, signImage } from "../../support/cosign.ts";
import type { Process } from "../../support/stack.ts";
import { importLib } from "./import-lib.ts";
import { startExample } from "./run-example.ts";

const NAME = "signatures";
const [ours, theirs] = [makeKeyPair(), makeKeyPair()];
const elsewhere = `sha256:${"e".repeat(64)}`;

const { readReference } = await importLib<{ readReference: (text: string) => Record<string, string> }>(
  "registry.mjs",
);

describe("the reference of an image by its digest", () => {
  const digest = elsewhere;
  for (const [text, host, repository] of [
    ["nginx", "registry-1.docker.io", "library/nginx"],
    ["ann/app", "registry-1.docker.io", "ann/app"],
    ["docker.io/library/nginx", "registry-1.docker.io", "library/nginx"],
    ["docker.io/nginx", "registry-1.docker.io", "library/nginx"],
    ["ghcr.io/acme/web/app", "ghcr.io", "acme/web/app"],
    ["registry.lab:5000/app", "registry.lab:5000", "app"],
    ["localhost/app", "localhost", "app"],
  ] as const)
    it(`${text} is ${repository} at ${host}`, () => {
      assert.deepEqual(readReference(`${text}@${digest}`), { host, repository, digest });
    });
  for (const text of ["nginx", "nginx@sha256:12", "nginx@sha256:../../x", `nginx@md5:${"a".repeat(64)}`])
    it(`${text} is none`, () => {
      assert.throws(() => readReference(text), /has no digest/);
    });
});

describe("examples/participants/signature-gate.mjs, with a real registry", () => {
  let stage: Stage;
  before(async () => {
    stage = await openStage();
    await stage.makeConsumer({ participant: NAME });
    await writeFile(join(stage.folder.path, "cosign.pub"), ours.publicKey);
  });
  after(() => stage[Symbol.asyncDispose]());

  const start = (env: Readonly<Record<string, string>> = {}) =>
    startExample("signature-gate.mjs", NAME, {
      NATS_URL: stage.server.url,
      COSIGN_KEY: join(stage.folder.path, "cosign.pub"),
      PLAIN_HTTP: "other.lab,registry.lab:5000",
      NODE_EXTRA_CA_CERTS: process.env["NODE_EXTRA_CA_CERTS"] ?? "",
      DOCKER_CONFIG: join(stage.folder.path, "docker"),
      ...env,
    });
  const beforeUpdate = (run: string, digests: string[]): CloudEvent =>
    cloudEvent(
      "before_update",
      { old_container: container("app"), old_image: image("a"), new_image: { ...image("b"), digests } },
      { run },
    );
  const answer = async (run: string, ...digests: string[]): Promise<Verdict> => {
    const event = beforeUpdate(run, digests);
    await stage.publish(event);
    return stage.verdictOn(event, NAME);
  };
  const push = async (repository: string, ...signatures: Signature[]): Promise<PushedImage> => {
    const pushed = await pushApp(repository, "1");
    if (signatures.length > 0) await signImage(repository, pushed.digest, signatures);
    return pushed;
  };
  const referenceOf = (repository: string, { digest }: PushedImage) =>
    `registry.lab:5000/${repository}@${digest}`;

  const cases: Readonly<Record<string, readonly [says: string, signatures: Signature[], because?: RegExp]>> =
    {
      ours: ["lets pass what is signed with the key", [{ key: ours }]],
      both: ["lets pass what others have signed as well", [{ key: theirs }, { key: ours }]],
      none: ["refuses what is not signed", [], /is not signed$/],
      theirs: [
        "refuses the signature of another key",
        [{ key: theirs }],
        /is not signed with .*cosign\.pub$/,
      ],
      other: [
        "refuses a signature over another image",
        [{ key: ours, over: elsewhere }],
        /is over another image$/,
      ],
      tampered: [
        "refuses a payload that was changed after it was signed",
        [{ key: ours, over: elsewhere, tamper: (text, digest) => text.replace(elsewhere, digest) }],
        /is not signed with/,
      ],
      type: [
        "refuses the signature of something else",
        [{ key: ours, type: "a cake" }],
        /is over another image$/,
      ],
    };
  describe("by what it finds there", () => {
    let participant: Process;
    before(() => {
      participant = start();
    });
    after(() => participant[Symbol.asyncDispose]());

    for (const [name, [says, signatures, because]] of Object.entries(cases))
      it(says, async () => {
        const pushed = await push(`signed/${name}`, ...signatures);
        const { verdict, reason = "" } = await answer(`run-${name}`, referenceOf(`signed/${name}`, pushed));
        assert.equal(verdict, because === undefined ? "proceed" : "refuse", reason);
        assert.match(reason, because ?? /^$/);
      });
  });

  it("does not take the signature of one image for another, though both are in the same repository", async () => {
    await using _participant = start();
    const signed = await push("signed/two", { key: ours });
    const other = await push("signed/two");
    assert.notEqual(signed.digest, other.digest);
    const [one, two] = [referenceOf("signed/two", signed), referenceOf("signed/two", other)];
    assert.equal((await answer("one-1", one)).verdict, "proceed");
    assert.equal((await answer("one-2", two)).verdict, "refuse");
    assert.equal((await answer("one-3", one, two)).verdict, "refuse");
    assert.equal((await answer("one-4")).verdict, "refuse");
  });

  it("puts the update off while the registry gives no answer, and while it wants a login that nobody has", async () => {
    await using _participant = start();
    const away = await answer("away-1", `registry.lab:59999/app@${elsewhere}`);
    assert.equal(away.verdict, "defer");
    assert.match(away.reason ?? "", /^registry\.lab:59999: .*ECONNREFUSED/);
    const { digest } = await push("ghcr.io/acme/private/app", { key: ours });
    const reference = `ghcr.io/acme/private/app@${digest}`;
    const anonymous = await answer("away-2", reference);
    assert.equal(anonymous.verdict, "defer");
    assert.match(anonymous.reason ?? "", /^ghcr\.io: /);
    const auth = Buffer.from("ann:secret").toString("base64");
    await mkdir(join(stage.folder.path, "docker"));
    await writeFile(
      join(stage.folder.path, "docker/config.json"),
      JSON.stringify({ auths: { "ghcr.io": { auth } } }),
    );
    assert.equal((await answer("away-3", reference)).verdict, "proceed");
    await using _faults = await hubControl.faults([{ match: "/manifests/sha256-", status: 503 }]);
    assert.deepEqual(await answer("away-4", reference), { verdict: "defer", reason: "ghcr.io: status 503" });
  });

  it("puts off what is not signed yet where it is told to", async () => {
    await using _participant = start({ UNSIGNED: "defer" });
    const pushed = await push("signed/later");
    const reference = referenceOf("signed/later", pushed);
    assert.equal((await answer("later-1", reference)).verdict, "defer");
    await signImage("signed/later", pushed.digest, [{ key: theirs }]);
    assert.equal((await answer("later-2", reference)).verdict, "refuse");
    await signImage("signed/later", pushed.digest, [{ key: ours }]);
    assert.equal((await answer("later-3", reference)).verdict, "proceed");
  });

  it("says that it has no key", async () => {
    await using participant = start({ COSIGN_KEY: "/nowhere/cosign.pub" });
    assert.equal(await participant.exited, 2);
  });
});
