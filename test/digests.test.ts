// The images that ours is made of and runs beside: by tag for who reads, by digest for what is taken.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { pushApp } from "./bed/bed.ts";
import { checkout } from "./support/checkout.ts";

const read = (file: string): string => readFileSync(join(checkout, file), "utf8");
const NATS = /\bnats:[\w.-]+@sha256:[0-9a-f]{64}/;

describe("an image of others", () => {
  it("is named by tag and digest", () => {
    const [, node = ""] = /^ARG NODE=(.*)$/m.exec(read("Dockerfile")) ?? [];
    assert.match(node, /^node:[\w.-]+@sha256:[0-9a-f]{64}$/);
    const bases = [...read("Dockerfile").matchAll(/^FROM (?:--\S+ )?(\S+)/gm)].map(([, base]) => base);
    assert.deepEqual([...new Set(bases)], ["$NODE", "system"]);
  });

  it("is the same NATS in compose.yaml and where Ouroboros starts one", () => {
    const [composed, started] = ["compose.yaml", "nats/nats-container.ts"].map(
      (file) => NATS.exec(read(file))?.[0],
    );
    assert.ok(composed !== undefined);
    assert.equal(started, composed);
  });

  it("is looked up at Docker Hub before a release, which says what has changed", async () => {
    const nats = await pushApp("docker.io/library/nats", "2.12-alpine");
    const node = await pushApp("docker.io/library/node", "24-trixie-slim");
    const script = promisify(execFile)(process.execPath, [join(checkout, ".ci/digests.mjs")]);
    await assert.rejects(script, (end: { code: number; stdout: string; stderr: string }) => {
      const { code, stdout, stderr } = end;
      assert.deepEqual([code, stderr], [1, ""]);
      assert.ok(stdout.includes(`compose.yaml: nats:2.12-alpine is ${nats.digest} now, not sha256:`), stdout);
      assert.ok(
        stdout.includes(`Dockerfile: node:24-trixie-slim is ${node.digest} now, not sha256:`),
        stdout,
      );
      return true;
    });
  });
});
