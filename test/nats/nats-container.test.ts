/** On a machine without a nats-server: the program runs inside host 1, where the Engine's loopback is its own. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { bed, bedCommand, engine, engineSocket, pushApp } from "../bed/bed.ts";
import { docker } from "../support/ouroboros-image.ts";

const program = join(import.meta.dirname, "../../cli/main.js");
const host = engine(1);
const IMAGE = "nats:2.12-alpine";

describe("ouroboros without a nats-server in PATH", () => {
  let folder = "";

  before("a stand-in for the official image", async () => {
    folder = await mkdtemp(join(tmpdir(), "nats-container-"));
    await bedCommand("base-image", "1");
    await mkdir(join(folder, "image"));
    await writeFile(
      join(folder, "image/Dockerfile"),
      'FROM node:24-trixie-slim\nENTRYPOINT ["nats-server"]\n',
    );
    await docker("build", "-t", IMAGE, join(folder, "image"));
    await mkdir(join(folder, "bin"));
    await symlink("/usr/bin/env", join(folder, "bin/env"));
  });
  after(async () => {
    await host.clean();
    await rm(folder, { recursive: true, force: true });
  });

  it("runs its image as a container, keeps it for nobody else, and finds it again", async () => {
    const { reference } = await pushApp("web", "latest", { env: ["COLOUR=old"] });
    await docker("run", "-d", "--name", "web", reference);
    await pushApp("web", "latest", { env: ["COLOUR=new"] });
    const first = await runOnce();
    assert.match(first, /NATS runs as a container/);
    assert.match(await docker("exec", "web", "sh", "-c", "echo $COLOUR"), /new/);
    const format =
      '{{.Id}} {{.State.Status}} {{index .Config.Labels "com.ouroboros.role"}} {{json .HostConfig.PortBindings}}';
    const made = await docker("inspect", "--format", format, "ouroboros-nats");
    assert.match(
      made,
      /^\w{64} exited nats \{"4222\/tcp":\[\{"HostIp":"127\.0\.0\.1","HostPort":"\d+"\}\]\}$/,
    );
    await docker("start", "ouroboros-nats");
    const [, port = ""] = /"HostPort":"(\d+)"/.exec(made) ?? [];
    await assert.rejects(onHost({ NATS_URL: `nats://127.0.0.1:${port}` }, "status"), /Authorization/i);
    await runOnce();
    assert.equal(await docker("inspect", "--format", format, "ouroboros-nats"), made);
    assert.match(await docker("volume", "ls", "--quiet"), /ouroboros-nats/);
  });

  it("does the same where the nats-server in PATH is too old", async () => {
    await writeFile(join(folder, "bin/nats-server"), "#!/bin/sh\necho nats-server: v2.9.25\n", {
      mode: 0o755,
    });
    const said = await runOnce();
    await rm(join(folder, "bin/nats-server"));
    assert.match(said, /nats-server 2\.9\.25 in PATH is too old[^\n]*; running its image as a container/);
    assert.match(said, /NATS runs as a container/);
  });

  it("makes it anew where the key to it is lost, and says so where another's container bears the name", async () => {
    await rm(join(folder, "data"), { recursive: true });
    const before = await docker("inspect", "--format", "{{.Id}}", "ouroboros-nats");
    await runOnce();
    assert.notEqual(await docker("inspect", "--format", "{{.Id}}", "ouroboros-nats"), before);
    await docker("rm", "--force", "ouroboros-nats");
    await docker("run", "-d", "--name", "ouroboros-nats", "registry.lab:5000/web:latest");
    await assert.rejects(
      runOnce(),
      /There is no nats-server in PATH: set NATS_URL .*container ouroboros-nats already, which is not ours/,
    );
  });

  it("says in one sentence how to get one where the image cannot be had", async () => {
    await docker("rm", "--force", "ouroboros-nats");
    await docker("rmi", "--force", IMAGE);
    await assert.rejects(
      runOnce(),
      /There is no nats-server in PATH: set NATS_URL to a NATS of yours, install nats-server 2\.10 or newer, or run the image of Ouroboros/,
    );
  });

  const runOnce = (): Promise<string> => onHost({ RUN_ONCE: "true", SETTLE_TIME: "500ms" });

  /** What it said. */
  async function onHost(env: Readonly<Record<string, string>>, ...args: readonly string[]): Promise<string> {
    const base = {
      PATH: join(folder, "bin"),
      DATA_DIR: join(folder, "data"),
      DOCKER_SOCKETS: `unix://${engineSocket(1)}`,
    };
    const pairs = Object.entries({ ...base, ...env }).map((pair) => pair.join("="));
    const words = [
      bed().script,
      "on",
      "1",
      "/usr/bin/env",
      "-i",
      ...pairs,
      process.execPath,
      program,
      ...args,
    ];
    const { stdout, stderr } = await promisify(execFile)("bash", words, { maxBuffer: 16 << 20 });
    return stdout + stderr;
  }
});
