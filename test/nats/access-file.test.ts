import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runOperatorCommand } from "../support/run-operator-command.ts";
import { type Process, startProcess } from "../support/stack.ts";
import { until } from "../support/until.ts";

const program = join(import.meta.dirname, "../../cli/main.js");

describe("a command beside an Ouroboros with a private NATS", () => {
  let dataDir = "";
  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), "access-"));
  });
  afterEach(() => rm(dataDir, { recursive: true }));

  const file = () => join(dataDir, "nats/access.json");
  const list = (env: NodeJS.ProcessEnv = {}) =>
    runOperatorCommand({ DATA_DIR: dataDir, ...env }, ["participant", "list", "-o", "json"]);
  /** Without an Engine: its services wait for one, its NATS does not. */
  const start = async (): Promise<Process> => {
    const env = {
      PATH: process.env["PATH"] ?? "",
      DATA_DIR: dataDir,
      DOCKER_SOCKETS: `unix://${dataDir}/none`,
    };
    const running = startProcess(program, env);
    await until("it has left its access", () => stat(file()).catch(() => undefined), {
      explain: running.log,
    });
    return running;
  };

  it("needs no settings, and reads what only the program's user can read", async () => {
    await using running = await start();
    assert.equal((await stat(file())).mode & 0o777, 0o600);
    assert.deepEqual(await list(), { code: 0, out: "[]\n", err: "" });
    const { nkey } = JSON.parse(await readFile(file(), "utf8")) as { nkey: string };
    assert.match(nkey, /^SU/);
    running.kill("SIGTERM");
    await running.exited;
    assert.ok(!running.log().includes(nkey));
  });

  it("is told that none runs, where none does any more", async () => {
    await using running = await start();
    running.kill("SIGTERM");
    assert.equal(await running.exited, 0);
    const { code, out, err } = await list();
    assert.deepEqual([code, out], [3, ""]);
    assert.match(
      err,
      /NATS_URL is not set, and no Ouroboros with a NATS of its own runs on DATA_DIR \/.*access-/,
    );
  });

  it("is told that the file is stale, where the program was killed", async () => {
    await using running = await start();
    const { nkey } = JSON.parse(await readFile(file(), "utf8")) as { nkey: string };
    running.kill("SIGKILL");
    await running.exited;
    const { code, err } = await until("its NATS is gone, too", async () => {
      const said = await list();
      return said.code === 0 ? undefined : said;
    });
    assert.equal(code, 3);
    assert.match(
      err,
      /the private NATS at nats:\/\/127\.0\.0\.1:\d+ does not answer: the Ouroboros that left .*access\.json/,
    );
    assert.ok(!err.includes(nkey));
    await using again = await start();
    assert.equal(await until("the new one answers", async () => (await list()).code === 0), true);
    again.kill("SIGTERM");
    await again.exited;
  });

  it("is told where the file cannot be understood", async () => {
    await mkdir(join(dataDir, "nats"));
    await writeFile(file(), "{");
    const { code, err } = await list();
    assert.equal(code, 3);
    assert.match(err, /access\.json cannot be understood: start Ouroboros again, or set NATS_URL/);
  });

  it("does as NATS_URL says where it is set, and tells no password", async () => {
    await using _running = await start();
    const { code, err } = await list({ NATS_URL: "nats://someone:h0rse@127.0.0.1:1" });
    assert.equal(code, 3);
    assert.match(err, /NATS at nats:\/\/…@127\.0\.0\.1:1 cannot be used/);
    assert.ok(!err.includes("h0rse"));
  });

  it("minds no setting that is not for it", async () => {
    await using _running = await start();
    assert.equal((await list({ INTERVAL: "soon", DOCKER_SOCKETS: "nowhere" })).code, 0);
  });
});
