/** Ouroboros replaces its own containers, by the image as it is, on a real Engine. */
import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CONFLICT, NOT_FOUND, ignoreStatuses } from "../../shared/docker/engine.ts";
import { bed, engine } from "../bed/bed.ts";
import { assertLeft } from "../support/containers.ts";
import {
  LATEST,
  buildOuroborosImage,
  docker,
  containerNames,
  pushGeneration,
  releaseGeneration,
  variableOf,
} from "../support/ouroboros-image.ts";
import { until } from "../support/until.ts";
import { isFullRun, itInFullRun } from "../support/full-run.ts";

const host = engine(1);
const OURS = "ouroboros-as-built";
const HOOKS = ["before_self_update", "after_self_update", "before_self_cleanup", "after_self_cleanup"];
const within = 240_000;

describe("a self-update", function () {
  this.timeout(600_000);
  let folder = "";

  before("the images", async () => {
    await buildOuroborosImage(OURS);
    await pushGeneration("1", { ours: OURS });
    await pushGeneration("2", { ours: OURS });
    await pushGeneration("broken", { ours: OURS, lines: ['ENTRYPOINT ["false"]'] });
    if (isFullRun)
      await pushGeneration("unready", { ours: OURS, lines: ["ENV NATS_URL=nats://127.0.0.1:9"] });
  });
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "self-update-"));
    await releaseGeneration("1");
    await docker("pull", LATEST);
  });
  afterEach(async () => {
    await removeAll();
    await docker("volume", "prune", "--all", "--force");
    await rm(folder, { recursive: true, force: true });
  });
  after(() => host.clean());

  it("replaces the one container with all its services and its NATS, ports and all", async () => {
    await hooksThatNote();
    await releaseGeneration("2");
    await run("-p", "8099:8000", "-e", "CLEANUP=true");
    await is("ouroboros", "2");
    await alone();
    assert.deepEqual(
      await noted(),
      HOOKS.map((hook) => `${hook} ouroboros`),
    );
    const ports = await docker("port", "ouroboros");
    assert.match(ports, /8000\/tcp -> .*:8099/);
    await assertLeft(host, ["h1: container /ouroboros"], (thing) => thing.includes("container"));
  });

  itInFullRun("does so where its Engine is reached by TLS, as Docker's own client is told", async () => {
    await releaseGeneration("2");
    const tls = ["-v", `${join(bed().folder, "tls")}:/tls:ro`, "-e", "DOCKER_CERT_PATH=/tls"];
    const told = ["-e", "DOCKER_HOST=tcp://h1:2376", "-e", "DOCKER_TLS_VERIFY=1"];
    await run("--network", "host", ...told, ...tls);
    await is("ouroboros", "2");
    await alone();
  });

  it("leaves the old container running when the new image cannot start", async () => {
    await releaseGeneration("broken");
    await run();
    const said = await ended();
    assert.match(said, /"end":"failed".*its helper did not start/);
    await alone();
    assert.equal(await generation("ouroboros"), "1");
  });

  itInFullRun("puts the old container back when the new one does not get ready", async () => {
    await releaseGeneration("unready");
    await run("-e", "HEALTH_TIMEOUT=8");
    const said = await ended();
    assert.match(said, /"end":"rolled_back"/);
    await alone();
    assert.equal(await generation("ouroboros"), "1");
  });

  itInFullRun("puts the old container back when after_self_update is refused", async () => {
    await script("after_self_update", "echo not this one >&2; exit 1");
    await releaseGeneration("2");
    await run();
    const said = await ended();
    assert.match(said, /"end":"rolled_back".*refused at after_self_update: .*not this one/);
    await alone();
    assert.equal(await generation("ouroboros"), "1");
  });

  itInFullRun("keeps the old container, stopped, when before_self_cleanup is refused", async () => {
    await script("before_self_cleanup", "exit 1");
    await releaseGeneration("2");
    await run();
    await is("ouroboros", "2");
    const kept = await until(
      "the old container is kept",
      async () =>
        (await docker("ps", "-a", "--filter", "name=ouroboros-kept", "--format", "{{.State}} {{.Names}}")) ||
        undefined,
      { within, every: 400 },
    );
    assert.match(kept, /^exited ouroboros\.ouroboros-kept-/);
  });

  async function run(...more: readonly string[]): Promise<void> {
    const mounts = ["-v", "/var/run/docker.sock:/var/run/docker.sock", "-v", `${folder}:/hooks`];
    const settings = { SELF_UPDATE: "true", SETTLE_TIME: "1", OUROBOROS_HOST: "home" };
    const env = Object.entries(settings).flatMap(([name, value]) => ["-e", `${name}=${value}`]);
    await docker(
      "run",
      "-d",
      "--name",
      "ouroboros",
      "--restart",
      "unless-stopped",
      ...mounts,
      ...env,
      ...more,
      LATEST,
    );
  }
  async function script(hook: string, text: string): Promise<void> {
    await mkdir(join(folder, hook), { recursive: true });
    await writeFile(join(folder, hook, "10-test"), `#!/bin/sh\n${text}\n`);
    await chmod(join(folder, hook, "10-test"), 0o755);
  }
  const hooksThatNote = async (): Promise<void> => {
    for (const hook of HOOKS)
      await script(hook, 'echo "$OUROBOROS_HOOK $OUROBOROS_CONTAINER_NAME" >> /hooks/noted');
  };
  const noted = async (): Promise<string[]> =>
    (await readFile(join(folder, "noted"), "utf8")).trim().split("\n");
});

/** A helper that outlives its test makes and removes some meanwhile. */
const removeAll = () =>
  until(
    "no container is left",
    async () => {
      const all = await host.docker.listContainers({ all: true });
      await Promise.all(
        all.map(({ Id }) =>
          ignoreStatuses(
            [NOT_FOUND, CONFLICT],
            host.docker.getContainer(Id).remove({ force: true, v: true }),
          ),
        ),
      );
      return all.length === 0;
    },
    { within },
  );

const generation = (name: string): Promise<string> => variableOf(name, "GENERATION");

const is = (name: string, wanted: string) =>
  until(`${name} is of generation ${wanted}`, async () => (await generation(name)) === wanted || undefined, {
    within,
    explain: () => "see docker logs",
  });

/** No helper, no other container of a swap. */
const alone = () =>
  until("nothing else is left", async () => (await containerNames()).join() === "ouroboros", { within });

/** The line of its log that says how the update of its own container ended. */
const ended = () =>
  until(
    "the update ended",
    async () =>
      (await docker("logs", "ouroboros").catch(() => "")) // between the two renames nobody bears the name
        .split("\n")
        .find((line) => line.includes('"container ended"') && line.includes('"container":"ouroboros"')),
    { within, every: 400 },
  );
