// One self-update that is cut at some moments: what is wrong afterwards, in sentences.
import { existsSync } from "node:fs";
import { chmod, cp, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ifExists } from "../../../shared/docker/engine.ts";
import { parseJson } from "../../../shared/contract/messages.ts";
import { Status } from "../../../cli/output/output-schemas.ts";
import { bedCommand, engine } from "../../bed/bed.ts";
import { checkout } from "../../support/checkout.ts";
import {
  buildNats,
  buildOuroborosImage,
  docker,
  dockerOn,
  imageOf,
  latestOf,
  pushGeneration,
  releaseGeneration,
  repositoryOn,
} from "../../support/ouroboros-image.ts";
import { PROGRAMS_FOLDER } from "../../support/test-programs.ts";
import { until } from "../../support/until.ts";
import type { SelfUpdateCase } from "./cases.ts";

const OURS = "ouroboros-as-built";
const NATS = "registry.lab:5000/nats-stand-in:1";
/** What makes compose's keys and streams, and ends: of an image of its own, or it would keep the old one from being cleaned up. */
const SET_UP = "set-up";
const SET_UP_SERVICES = ["nats-config", "nats-prepare"];
const PROGRAM = "/app/dist/test/programs/crashing-ouroboros.js";
const HOOKS = ["before_self_update", "after_self_update", "before_self_cleanup", "after_self_cleanup"];
/** Generous: other tests want the same cores. */
const WITHIN = { within: 300_000 };

/** Each check starts a program: oftener, three Engines full of containers do little else. */
const HEALTH_INTERVAL = "4s";
/** The image's lasts half a minute with a check each second: its containers are hardly ever older here. */
const HEALTH_START_PERIOD = "1ms";

/** Its health timeout alone ends a container that starts late, not the Engine's verdict "unhealthy" before it. */
const HEALTH_RETRIES = "300";

/** In the bed's registry, as far as the cases need them; each Engine pulls them from there. */
async function publishGenerations(hosts: readonly number[], cases: readonly SelfUpdateCase[]): Promise<void> {
  const files: Record<string, string> = {};
  for (const name of (await readdir(PROGRAMS_FOLDER)).filter((name) => name.endsWith(".js")))
    files[name] = await readFile(join(PROGRAMS_FOLDER, name), "utf8");
  const entrypoint = ["/usr/bin/tini", "--", "node", PROGRAM];
  const lines = ["COPY *.js /app/dist/test/programs/", `ENTRYPOINT ${JSON.stringify(entrypoint)}`];
  const repositories = hosts.map(repositoryOn);
  await buildOuroborosImage(OURS);
  await pushGeneration("1", { ours: OURS, lines, files, repositories });
  await pushGeneration("2", { ours: OURS, lines, files, repositories });
  if (cases.some(({ next }) => next === "unready"))
    await pushGeneration("unready", {
      ours: OURS,
      lines: [...lines, "ENV NATS_URL=nats://127.0.0.1:9"],
      ...{ files, repositories },
    });
  if (!cases.some(({ form }) => form === "compose")) return;
  await pushGeneration(SET_UP, { ours: OURS, repositories });
  await buildNats(NATS);
  await docker("push", NATS);
}

/**
 * For each host, by its number, the cases it may take: each is run once, by the first that is free. Resolves when the
 * images are there, with what will be wrong with each.
 */
export async function runCases(
  queues: ReadonlyMap<number, readonly SelfUpdateCase[]>,
): Promise<ReadonlyMap<SelfUpdateCase, Promise<readonly string[]>>> {
  const all = [...new Set([...queues.values()].flat())];
  await publishGenerations([...queues.keys()], all);
  const tell = new Map<SelfUpdateCase, (wrong: readonly string[]) => void>();
  const outcomes = new Map(
    all.map((one) => [one, new Promise<readonly string[]>((resolve) => tell.set(one, resolve))] as const),
  );
  const left = new Set(all);
  const work = async (host: number, queue: readonly SelfUpdateCase[]): Promise<void> => {
    for (const one of queue) if (left.delete(one)) tell.get(one)?.(await runCase(host, one));
  };
  for (const [host, queue] of queues) void work(host, queue);
  return outcomes;
}

async function runCase(host: number, it: SelfUpdateCase): Promise<readonly string[]> {
  const folder = await mkdtemp(join(tmpdir(), "self-killed-"));
  const scene = { it, host, folder, repository: repositoryOn(host), docker: dockerOn(host, folder) };
  try {
    await prepare(scene);
    const before = await look(scene);
    await cut(scene);
    await over(scene);
    return await wrongWith(scene, before);
  } catch (error) {
    return [`${(error as Error).message}\n${await logsOf(scene)}`];
  } finally {
    await clear(scene);
    await rm(folder, { recursive: true, force: true });
  }
}

interface Scene {
  readonly it: SelfUpdateCase;
  readonly host: number;
  readonly folder: string;
  readonly repository: string;
  readonly docker: (...args: readonly string[]) => Promise<string>;
}

const ownName = ({ it }: Scene): string => (it.form === "compose" ? "ouroboros-updater-1" : "ouroboros");
const allNames = (scene: Scene): string[] =>
  scene.it.form === "compose"
    ? ["hook-executor", "nats", "poller", "updater"].map((name) => `ouroboros-${name}-1`)
    : [ownName(scene)];

async function prepare(scene: Scene): Promise<void> {
  const { it, docker, repository, folder } = scene;
  await releaseGeneration("1", repository);
  await docker("pull", latestOf(repository));
  await releaseGeneration(it.next, repository);
  for (const path of ["met", "hooks"]) await mkdir(join(folder, path));
  await chmod(join(folder, "met"), 0o777);
  const how = it.fault === "none" ? "kill" : "stall";
  await writeFile(join(folder, "met/points"), JSON.stringify(it.points.map((point) => `${how} ${point}`)));
  for (const hook of HOOKS)
    await script(folder, hook, 'echo "$OUROBOROS_HOOK $OUROBOROS_CONTAINER_NAME" >> /met/hooks');
  if (it.isRefused) await script(folder, "after_self_update", "echo not this one >&2; exit 1", "20-refuse");
  await (it.form === "compose" ? upByCompose(scene) : upByRun(scene));
}

/** `ouroboros Up 5 seconds (healthy)`, sorted. */
async function statesOn(host: number): Promise<string[]> {
  const listed = await engine(host).docker.listContainers({ all: true });
  return listed.map(({ Names, Status }) => `${(Names[0] ?? "").slice(1)} ${Status}`).sort();
}

/** A line of `statesOn`. */
const isSetUp = (line: string): boolean =>
  SET_UP_SERVICES.some((name) => line.startsWith(`ouroboros-${name}-1 Exited (0)`));

const settingsOf = ({ it }: Scene) => ({
  SELF_UPDATE: "true",
  CLEANUP: "true",
  SAVE_COUNTERS: "true",
  SETTLE_TIME: "1",
  // A registry that did not answer a machine that has just been booted is asked again soon.
  INTERVAL: "30",
  JITTER: "0",
  OUROBOROS_HOST: "home",
  DIE_FOLDER: "/met",
  // On a machine that is busy with other tests a good one starts late, too.
  HEALTH_TIMEOUT: it.next === "unready" ? "8" : "240",
});

/** An Engine that is killed takes what it stops when it starts again for its owner's wish, but for `always`. */
const policyOf = ({ it }: Scene): string => (it.fault === "engine" ? "always" : "unless-stopped");

async function upByRun(scene: Scene): Promise<void> {
  const { it, docker, folder, repository } = scene;
  const mounts = [
    "/var/run/docker.sock:/var/run/docker.sock",
    `${folder}/hooks:/hooks`,
    `${folder}/met:/met`,
  ];
  const env = Object.entries(settingsOf(scene)).map((pair) => pair.join("="));
  const health = [
    "--health-interval",
    HEALTH_INTERVAL,
    "--health-start-period",
    HEALTH_START_PERIOD,
    "--health-timeout",
    "20s",
    "--health-retries",
    HEALTH_RETRIES,
  ];
  await docker(
    ...["run", "-d", "--name", ownName(scene), "--restart", policyOf(scene), ...health],
    ...mounts.flatMap((mount) => ["-v", mount]),
    ...env.flatMap((pair) => ["-e", pair]),
    ...(it.form === "ports" ? ["-p", "8099:8000"] : []),
    latestOf(repository),
  );
}

async function upByCompose(scene: Scene): Promise<void> {
  const { folder, docker, repository } = scene;
  await cp(join(checkout, "compose.yaml"), join(folder, "compose.yaml"));
  await cp(join(checkout, "deploy"), join(folder, "deploy"), { recursive: true });
  const service = (name: string): string[] => [
    `  ${name}:`,
    `    image: ${latestOf(repository)}`,
    "    build: !reset null",
    `    restart: ${policyOf(scene)}`,
    `    healthcheck: { interval: ${HEALTH_INTERVAL}, start_period: ${HEALTH_START_PERIOD}, timeout: 20s, retries: ${HEALTH_RETRIES} }`,
    `    environment: { DIE_FOLDER: "${settingsOf(scene).DIE_FOLDER}" }`, // compose.yaml hands on none but Ouroboros' own
    "    volumes: [./met:/met]",
  ];
  const setUp = SET_UP_SERVICES.map(
    (name) => `  ${name}: { image: "${imageOf(repository, SET_UP)}", build: !reset null }`,
  );
  const services = ["poller", "updater", "hook-executor"].flatMap(service);
  const nats = [`  nats: { image: "${NATS}", restart: ${policyOf(scene)} }`];
  await writeFile(
    join(folder, "compose.override.yaml"),
    ["services:", ...services, ...setUp, ...nats, ""].join("\n"),
  );
  const env = Object.entries(settingsOf(scene)).map(([name, value]) => `${name}='${value}'`);
  await writeFile(join(folder, ".env"), [...env, ""].join("\n"));
  await docker("compose", "up", "-d");
}

async function script(folder: string, hook: string, text: string, name = "10-test"): Promise<void> {
  const file = join(folder, "hooks", hook, name);
  await mkdir(join(folder, "hooks", hook), { recursive: true });
  await writeFile(file, `#!/bin/sh\n${text}\n`);
  await chmod(file, 0o755);
}

/** Every point of it is come to; where nobody died by himself, the fault strikes then. */
async function cut({ it, host, folder }: Scene): Promise<void> {
  for (const [index, point] of it.points.entries())
    await until(`it comes to "${point}"`, () => existsSync(join(folder, "met", String(index))), WITHIN);
  if (it.fault === "engine") {
    await bedCommand("kill", String(host));
    await bedCommand("start", String(host));
  }
  if (it.fault === "power") {
    await bedCommand("cut", String(host));
    await bedCommand("boot", String(host));
  }
}

interface Looked {
  readonly image: string;
  readonly policy: string;
  readonly data: string;
  readonly volumes: readonly string[];
}

async function look(scene: Scene): Promise<Looked> {
  const { docker } = engine(scene.host);
  const inspect = await docker.getContainer(ownName(scene)).inspect();
  const { Volumes: volumes } = await docker.listVolumes();
  return {
    image: inspect.Image,
    policy: inspect.HostConfig.RestartPolicy?.Name ?? "",
    data: inspect.Mounts.find(({ Destination }) => Destination === "/data")?.Name ?? "",
    volumes: (volumes ?? []).map(({ Name }) => Name).sort(),
  };
}

/** The product's own word for it, and nothing of a swap is there any more. */
async function over(scene: Scene): Promise<void> {
  const { docker, it } = scene;
  const own = ownName(scene);
  const wanted = it.end === "2" ? "updated" : "rolled_back";
  const seen: string[] = [];
  await until(
    `${own} is ${wanted}, alone and healthy`,
    async () => {
      const all = await statesOn(scene.host).catch((error: unknown) => [String(error)]);
      const lines = all.filter((line) => !isSetUp(line));
      const up = lines.filter((line) => / Up .*\(healthy\)/.test(line)).map((line) => line.split(" ")[0]);
      seen.splice(0, seen.length, ...all);
      if (lines.length !== up.length || up.join() !== allNames(scene).join()) return false;
      const status = await docker("exec", own, "ouroboros", "status", "-o", "json").catch(String);
      const [home] = Status.safeParse(parseJson(status)).data?.hosts ?? [];
      const { last_run, held, stuck, updates } = home ?? {};
      seen.push(home ? JSON.stringify({ last_run, held, stuck, updates }) : status);
      const times = home?.updates?.containers[own] ?? 0; // counted once, however often it died
      return home?.last_run?.ends?.[own] === wanted && times === (it.end === "2" ? 1 : 0);
    },
    { ...WITHIN, every: 2000, explain: () => seen.join("\n") },
  );
}

async function wrongWith(scene: Scene, before: Looked): Promise<string[]> {
  const { it, docker, folder, host } = scene;
  const own = ownName(scene);
  const now = await look(scene);
  const generation = await docker("exec", own, "printenv", "GENERATION");
  const noted = (await readFile(join(folder, "met/hooks"), "utf8").catch(() => "")).split("\n");
  const hooks = [...new Set(noted.filter((line) => line.endsWith(` ${own}`)))].map(
    (line) => line.split(" ")[0],
  );
  const expected = HOOKS.slice(0, it.end === "2" ? 4 : it.isRefused ? 2 : 1);
  const oldImage = await ifExists(engine(host).docker.getImage(before.image).inspect());
  const ports = it.form === "ports" ? await docker("port", own) : "8000/tcp -> 0.0.0.0:8099";
  return [
    ...(generation === it.end ? [] : [`generation ${generation} runs`]),
    ...(now.policy === before.policy ? [] : [`its restart policy is ${now.policy}`]),
    ...(now.data === before.data ? [] : [`its data are in ${now.data}, they were in ${before.data}`]),
    ...(now.volumes.join() === before.volumes.join() ? [] : [`volumes: ${now.volumes.join(" ")}`]),
    ...(hooks.join() === expected.join() ? [] : [`hooks: ${hooks.join(" ")}`]),
    ...((oldImage === undefined) === (it.end === "2") ? [] : ["its old image was not cleaned up"]),
    ...(ports.includes("8000/tcp -> 0.0.0.0:8099") ? [] : [`ports: ${ports}`]),
  ];
}

async function logsOf(scene: Scene): Promise<string> {
  const names = (await scene.docker("ps", "-a", "--format", "{{.Names}} {{.Status}}").catch(String)).split(
    "\n",
  );
  const logs = names.map(async (line) => {
    const [name = ""] = line.split(" ");
    return `--- ${line}\n${await scene.docker("logs", "--tail", "60", name).catch(String)}`;
  });
  return (await Promise.all(logs)).join("\n");
}

async function clear({ host, docker }: Scene): Promise<void> {
  const { docker: client } = engine(host);
  // They restart one another: until none is there.
  for (let all = await client.listContainers({ all: true }); all.length > 0;) {
    for (const { Id } of all)
      await client
        .getContainer(Id)
        .remove({ force: true, v: true })
        .catch(() => undefined);
    all = await client.listContainers({ all: true });
  }
  await docker("volume", "prune", "--all", "--force").catch(() => docker("volume", "prune", "--force"));
  await docker("network", "prune", "--force");
}
