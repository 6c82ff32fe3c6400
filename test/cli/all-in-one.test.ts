import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as pause } from "node:timers/promises";
import { bedCommand, engine, engineSocket, pushApp, startNats } from "../bed/bed.ts";
import { checkout } from "../support/checkout.ts";
import { until } from "../support/until.ts";
import { itInFullRun } from "../support/full-run.ts";

const program = join(import.meta.dirname, "../../cli/main.js");
const host = engine(1);
const docker = (...args: string[]) => bedCommand("docker", "1", ...args);

describe("ouroboros without a sub-command", () => {
  let dataDir = "";
  const running: ChildProcess[] = [];

  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), "all-"));
  });
  afterEach(async () => {
    for (const child of running.splice(0)) await ended(child, "SIGKILL");
    await rm(dataDir, { recursive: true, force: true });
    await host.clean();
  });

  it("does one cycle with RUN_ONCE, all services in one process, and ends with 0", async () => {
    await outdated("web");
    assert.equal(await ended(start({ RUN_ONCE: "true" })), 0);
    assert.equal(await colourOf("web"), "new");
  });

  it("is what `npm start` runs", async () => {
    await outdated("web");
    const env = { RUN_ONCE: "true", npm_config_update_notifier: "false" };
    assert.equal(await ended(start(env, ["npm", "start", "--silent"])), 0);
    assert.equal(await colourOf("web"), "new");
  });

  itInFullRun(
    "is called by `npx ouroboros` beside `npm start`, with the settings that docs/install.md shows",
    async () => {
      await outdated("web");
      const env = { npm_config_update_notifier: "false", npm_config_yes: "false" };
      const once = start(env, ["sh", "-c", 'RUN_ONCE=true MONITOR="web db" npm start --silent']);
      assert.equal(await ended(once), 0);
      assert.equal(await colourOf("web"), "new");
      const sockets = `DOCKER_SOCKETS="unix://${engineSocket(1)} unix://${engineSocket(2)}" exec npm start --silent`;
      const service = start(env, ["sh", "-c", sockets]);
      const status = async (): Promise<string> => {
        const call = start(env, ["npx", "ouroboros", "status"]);
        const said: string[] = [];
        call.stdout.on("data", (data: Buffer) => said.push(data.toString()));
        await ended(call);
        return said.join("");
      };
      try {
        const answering = /^\S+ +2\.\S+ +answers/gm;
        await until(
          "both hosts answer",
          async () => (await status()).match(answering)?.length === 2 || undefined,
        );
      } finally {
        await ended(service, "SIGTERM"); // npm hands it on
      }
    },
  );

  itInFullRun("ends with 1 when an update was rolled back", async () => {
    await outdated("web", { health: "false" });
    assert.equal(await ended(start({ RUN_ONCE: "true", HEALTH_TIMEOUT: "2" })), 1);
    assert.equal(await colourOf("web"), "old");
  });

  itInFullRun("takes DRY_RUN for one cycle too, and touches nothing", async () => {
    await outdated("web");
    assert.equal(await ended(start({ DRY_RUN: "true" })), 0);
    assert.equal(await colourOf("web"), "old");
  });

  itInFullRun("works on one Engine while another one does not answer", async () => {
    await outdated("web");
    const child = start({ DOCKER_SOCKETS: `unix://${dataDir}/dead.sock unix://${engineSocket(1)}` });
    const deadline = Date.now() + 30_000;
    while ((await colourOf("web")) !== "new") {
      assert.ok(Date.now() < deadline, "not updated");
      await pause(200);
    }
    assert.equal(await ended(child, "SIGTERM"), 0);
  });

  it("runs no hook-executor with HOOK_EXECUTOR=off", async () => {
    await outdated("web");
    const child = start({ RUN_ONCE: "true", HOOK_EXECUTOR: "off" });
    const lines: string[] = [];
    child.stdout.on("data", (data: Buffer) => lines.push(data.toString()));
    assert.equal(await ended(child), 0);
    assert.equal(await colourOf("web"), "new");
    assert.doesNotMatch(lines.join(""), /"service":"hook-executor"/);
  });

  it("ends with the error of a service", async () => {
    await using nats = await startNats({ config: "authorization { user: someone, password: else }" });
    const child = start({ NATS_URL: nats.url });
    const complaints = text(child.stderr);
    assert.equal(await ended(child), 1);
    assert.match(await complaints, /^ouroboros: NATS at nats:.* cannot be used: .*Authorization/m);
  });

  function start(env: Readonly<Record<string, string>>, words = [process.execPath, program]) {
    const [command = "", ...args] = words;
    const base = { DATA_DIR: dataDir, SETTLE_TIME: "500ms", DOCKER_SOCKETS: `unix://${engineSocket(1)}` };
    const child = spawn(command, args, {
      cwd: checkout,
      env: { ...process.env, NATS_URL: "", ...base, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    child.stdout.resume();
    running.push(child);
    return child;
  }
});

/** The exit code, once it has ended by itself or by this signal. */
async function ended(child: ChildProcess, signal?: NodeJS.Signals): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) {
    const end = once(child, "exit");
    if (signal !== undefined) child.kill(signal);
    await end;
  }
  return child.exitCode;
}

/** A container that runs an image whose tag has moved on meanwhile. */
async function outdated(name: string, newer: { readonly health?: string } = {}): Promise<void> {
  const { reference } = await pushApp(name, "latest", { env: ["COLOUR=old"] });
  await docker("run", "-d", "--name", name, reference);
  await pushApp(name, "latest", { env: ["COLOUR=new"], ...newer });
}

/** Of the container that bears the name; empty while none does. */
const colourOf = (name: string): Promise<string> =>
  docker("exec", name, "sh", "-c", "echo $COLOUR").catch(() => "");
