// COOLDOWN_AFTER: two hosts on one NATS. Host 1 is staging and takes each image at once; host 2 is production and takes what host 1
// has proved.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "mocha";
import { CheckResult } from "../../cli/output/output-schemas.ts";
import { engine } from "../bed/bed.ts";
import { overview, pull, release } from "../support/containers.ts";
import { type OuroborosInstance, createInstance } from "../support/ouroboros-instance.ts";
import { runOperatorCommand } from "../support/run-operator-command.ts";
import { type Process, type Stack, startStack } from "../support/stack.ts";
import { until } from "../support/until.ts";

const [h1, h2] = [engine(1), engine(2)];
const containers = [
  { host: h1, name: "staging" },
  { host: h2, name: "production" },
];
const IMAGE = "apps/web";
const COOLDOWN_MS = 2000;
/** Cycles run when the test asks for one. */
const CRON = "0 0 1 1 *";
const NOT_PROVED =
  /^not proved elsewhere: sha256:[0-9a-f]{12} has lasted on 0 of the 1 hosts that are needed of h1$/;
const ROLLED_BACK = /^not proved elsewhere: sha256:[0-9a-f]{12} was rolled back on h1$/;

describe("production that takes what staging has proved", () => {
  let staging: Stack;
  let instance: OuroborosInstance;
  let production: Process;
  const startProduction = (): Process => instance.start();
  const run = (...words: string[]) => runOperatorCommand({ NATS_URL: staging.server.url }, words);
  const because = async (): Promise<string> => {
    const { out } = await run("check", "production", "--fresh", "-o", "json");
    return CheckResult.array().parse(JSON.parse(out))[0]?.because ?? "";
  };
  const waitsBecause = (reason: RegExp): Promise<boolean> =>
    until(`production waits: ${reason}`, async () => reason.test(await because()), {
      explain: production.log,
    });
  /** When the `nth` update of the container ended, by the journal. */
  const updatedAt = async (container: string, nth: number): Promise<number> => {
    const { end, at, because: why } = await staging.awaitResult(container, { nth });
    assert.equal(end, "updated", why);
    return Date.parse(at);
  };
  const takesIt = (version: string): Promise<boolean> =>
    until(`production runs ${version}`, async () => {
      await staging.check("h2");
      return (await overview(h2)).join() === `production running ${version}`;
    });

  before(async () => {
    const { reference: Image } = await release(IMAGE, "1");
    for (const { host, name } of containers) {
      await pull(host, Image);
      await (await host.docker.createContainer({ name, Image })).start();
    }
    staging = await startStack({ engine: h1, env: { CRON } });
    instance = await createInstance({
      ...{ NATS_URL: staging.server.url, OUROBOROS_HOST: "h2", DOCKER_SOCKETS: `unix://${h2.socket}` },
      ...{ COOLDOWN: `${COOLDOWN_MS}ms`, COOLDOWN_AFTER: "h1", CRON, RUN_ONCE: "false" },
    });
    production = startProduction();
    for (const host of ["h1", "h2"]) await staging.check(host);
  });
  after(async () => {
    await instance[Symbol.asyncDispose]();
    await staging[Symbol.asyncDispose]();
    for (const host of [h1, h2]) await host.clean();
  });

  it("waits for it, and says so", async () => {
    await release(IMAGE, "2");
    await waitsBecause(NOT_PROVED);
    await staging.check("h2");
    assert.match(
      (await run("explain", "production")).out,
      /has lasted on 0 of the 1 hosts that are needed of h1/,
    );
    assert.deepEqual(await overview(h2), ["production running 1"]);
  });

  it("takes it once it has lasted there for so long", async () => {
    await staging.check();
    const proved = await updatedAt("staging", 1);
    await takesIt("2");
    const taken = staging.events.findLast(({ subject }) => subject.includes(".h2."))?.event.time ?? "";
    assert.ok(Date.parse(taken) - proved >= COOLDOWN_MS, `${taken} ${proved}`);
  });

  it("takes nothing that staging still judges, or has rolled back", async () => {
    const [waits, runs] = ["waits", "runs"].map((name) => join(staging.folder, name)) as [string, string];
    await writeFile(waits, "");
    const script = `#!/bin/sh\ntouch ${runs}\nwhile [ -e ${waits} ]; do sleep 0.1; done\nexit 1\n`;
    await staging.script("after_update/judge", script);
    await release(IMAGE, "3");
    await staging.check();
    await until("the new one runs on staging", () => existsSync(runs));
    await staging.check(); // sees that it runs
    await waitsBecause(NOT_PROVED);
    const since = performance.now();
    await until("it has run for so long", () => performance.now() - since > COOLDOWN_MS);
    assert.match(await because(), NOT_PROVED);
    await rm(waits);
    assert.equal((await staging.awaitResult("staging", { nth: 2 })).end, "rolled_back");
    await waitsBecause(ROLLED_BACK);
    await staging.check("h2");
    assert.match((await run("explain", "production")).out, /was rolled back on h1/);
    assert.deepEqual(await overview(h2), ["production running 2"]);
    await rm(join(staging.folder, "hooks/after_update/judge"));
  });

  it("takes what was proved while it was down", async () => {
    production.kill("SIGTERM");
    await production.exited;
    await release(IMAGE, "4");
    await staging.check();
    await updatedAt("staging", 3);
    production = startProduction();
    await takesIt("4");
    assert.deepEqual(await overview(h1), ["staging running 4"]);
  });

  it("takes nothing that the operator has rolled back there", async () => {
    await release(IMAGE, "5");
    await staging.check();
    await updatedAt("staging", 4);
    const { code, out, err } = await run("rollback", "staging", "--wait"); // the run before may not quite be over
    assert.equal(code, 0, out + err);
    await updatedAt("staging", 5);
    await staging.check();
    await waitsBecause(ROLLED_BACK);
    await staging.check("h2");
    assert.deepEqual(
      [await overview(h1), await overview(h2)],
      [["staging running 4"], ["production running 4"]],
    );
  });
});
