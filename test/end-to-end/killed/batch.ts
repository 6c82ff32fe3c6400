// One run of the updater that is killed and recovers: some containers are updated side by side, each has come to a point
// of its own when the process dies. What is wrong afterwards is told case by case.
import { writeFile, mkdtemp, rm } from "node:fs/promises";
import { loadavg, cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { GONE, ifThere, tolerating } from "../../../shared/engine.ts";
import { type Engine, engine, pushApp } from "../../bed/bed.ts";
import { pull, release } from "../../support/containers.ts";
import { type Process, type Stack, startStack } from "../../support/stack.ts";
import { until } from "../../support/until.ts";
import { type After, type Before, type Expected, wrongWith } from "./checks.ts";
import { type FaultName, faultOf } from "./faults.ts";
import type { Case, Deployed } from "./points.ts";
import { folderOfVolume, look, markedIds, volumeNames } from "./looks.ts";
import { type Role, SIDE, WEB, createOptions, nameOf, roles, sceneOf } from "./scenes.ts";

export interface Batch {
  readonly fault: FaultName;
  readonly cases: readonly Case[];
}

export interface Outcome {
  /** Sentences; none if all is well. */
  readonly wrong: readonly string[];
  /** From the updater's start to its end, without the proofs. Milliseconds. */
  readonly ms: number;
}

/** The programs: `dying` dies at moments, `recovering` is the updater. Others where a test has changed them. */
export interface Programs {
  readonly dying: string;
  readonly recovering?: string;
  readonly env?: Readonly<Record<string, string>>;
}
export const PROGRAMS: Programs = { dying: join(import.meta.dirname, "../../support/dying-updater.js") };

const IN_USE = 409;
const SETTLE_MS = 200;
const WITHIN_MS = 10_000;

/** On a machine whose cores are wanted by more than they can serve, everything takes as much longer. */
const slowness = (): number => Math.max(1, (loadavg()[0] ?? 0) / cpus().length);

/** Version 1 and, as `latest`, the next one. */
export async function publishImages(): Promise<void> {
  const options = { volumes: ["/anonymous"] };
  for (const image of [WEB.good, WEB.bad]) {
    await pushApp(image, "1", { ...options, env: ["VERSION=1"] });
    await release(image, "2", { ...options, ...(image === WEB.bad && { cmd: ["false"] }) });
  }
  await release(SIDE, "1", { cmd: `trap "exit 0" TERM; sleep 100000 & wait` });
}

export async function runBatch(
  host: number,
  { fault, cases }: Batch,
  programs: Programs = PROGRAMS,
): Promise<Outcome[]> {
  const h = engine(host);
  const store = await mkdtemp(join(tmpdir(), "nats-store-"));
  try {
    const otherVolumes = await volumeNames(h);
    await haveImages(h);
    const before = await Promise.all(cases.map((one, key) => deploy(h, one, key)));
    await using stack = await startStack({
      engine: h,
      services: ["hook-executor", "poller"],
      nats: { store },
      env: {
        MONITOR: cases.map((_, key) => nameOf("web", key)).join(" "),
        SETTLE_TIME: `${SETTLE_MS}ms`,
        SWAPS: String(cases.length),
        STOP_AFTER_FAILURES: "0",
      },
    });
    const notes = await writeScripts(stack, cases);
    const run = await killed({ stack, cases, before, programs });
    const asked = decidedSoFar(stack);
    await faultOf(fault).strike({ host: String(host), stack, store });
    const found = { left: await look(h), marked: await markedIds(h) };
    const expected = { run, cases, fault, before, otherVolumes, ...found, asked, notes };
    return await recovered({ stack, h, expected, programs });
  } finally {
    await clear(h);
    await rm(store, { recursive: true, force: true });
  }
}

/** Web first, the others refer to it. */
async function deploy(h: Engine, { scene: sceneName, policy }: Case, key: number): Promise<Before> {
  const scene = sceneOf(sceneName);
  const webImage = `registry.lab:5000/${scene.isBad ? WEB.bad : WEB.good}`;
  const ids: Partial<Record<Role, string>> = {};
  for (const role of roles.filter((one) => one === "web" || scene.beside.includes(one))) {
    const Image = `${role === "web" ? webImage : `registry.lab:5000/${SIDE}`}:latest`;
    const container = await h.docker.createContainer({
      ...createOptions(role, { scene, policy, key }),
      Image,
    });
    ids[role] = container.id;
    await container.start();
  }
  const { Mounts } = await h.docker.getContainer(ids.web ?? "").inspect();
  const volumes = Mounts.map(({ Name }) => Name ?? "");
  for (const volume of volumes) await writeFile(join(folderOfVolume(h, volume), "kept"), volume);
  return { key, ids, volumes };
}

/** Version 1, under the tag that has moved on in the registry. */
async function haveImages(h: Engine): Promise<void> {
  const web = [WEB.good, WEB.bad].map((image) => `registry.lab:5000/${image}`);
  for (const reference of [...web.map((image) => `${image}:1`), `registry.lab:5000/${SIDE}:latest`])
    if ((await ifThere(h.docker.getImage(reference).inspect())) === undefined) await pull(h, reference);
  for (const image of web) await h.docker.getImage(`${image}:1`).tag({ repo: image, tag: "latest" });
}

/** Each hook's script notes the event's id; the one of after_update refuses where the scene says so. */
async function writeScripts(stack: Stack, cases: readonly Case[]): Promise<string> {
  const notes = join(stack.folder, "notes");
  const refused = cases.flatMap(({ scene }, key) => (sceneOf(scene).isRefused ? [nameOf("web", key)] : []));
  for (const hook of [
    "updates_enumerated",
    "before_stop_depends_container",
    "before_update",
    "after_update",
    "before_start_depends_container",
    "before_recreate_hard_depends_container",
    "after_recreate_hard_depends_container",
  ])
    await stack.script(
      `${hook}/note`,
      `#!/bin/sh
echo "$OUROBOROS_EVENT_ID" >> ${notes}
[ ${hook} != after_update ] || case " ${refused.join(" ")} " in *" $OUROBOROS_CONTAINER_NAME "*) exit 1;; esac
`,
    );
  return notes;
}

interface Killing {
  readonly stack: Stack;
  readonly cases: readonly Case[];
  readonly before: readonly Before[];
  readonly programs: Programs;
}

/** Until the updater has died, or died twice, where its cases say. Resolves with the run's id. */
async function killed({ stack, cases, before, programs }: Killing): Promise<string> {
  const first = cases[0]?.point;
  const moments = new Set(cases.map(({ point }, key) => point.moment(before[key] as Deployed)));
  const dying = stack.start("updater", {
    program: programs.dying,
    env: { ...programs.env, DIE_AT: JSON.stringify([...moments]) },
  });
  await dead(dying); // the poller's first look found the newer images
  if (first?.recoveryDiesAt !== undefined) {
    const again = { ...programs.env, DIE_AT_CHANGE: String(first.recoveryDiesAt) };
    await dead(stack.start("updater", { program: programs.dying, env: again }));
  }
  await stack.nats.flush();
  return stack.records.find(({ kind }) => kind === "begun")?.run ?? "";
}

async function dead(dying: Process): Promise<void> {
  const patience = 30_000 * slowness();
  const end = await Promise.race([dying.exited, sleep(patience, "late", { ref: false })]);
  if (end !== "SIGKILL") throw new Error(`it was not killed (${end}):\n${dying.log()}`);
}

/** Events with a recorded decision, and how many events were published until now. */
function decidedSoFar(stack: Stack): Expected["asked"] {
  const events = stack.records.flatMap((record) => (record.kind === "decided" ? [record.event] : []));
  return { events, published: stack.events.length };
}

interface Recovering {
  readonly stack: Stack;
  readonly h: Engine;
  readonly expected: Expected;
  readonly programs: Programs;
}

async function recovered({ stack, h, expected, programs }: Recovering): Promise<Outcome[]> {
  const limit = WITHIN_MS * slowness();
  const proofs = SETTLE_MS * (expected.cases.some(({ scene }) => sceneOf(scene).isBad) ? 2 : 1);
  const from = performance.now();
  const { env = {}, recovering: program } = programs;
  const updater = stack.start("updater", { env, ...(program !== undefined && { program }) });
  const passed = () => performance.now() - from - proofs;
  let wrong: string[][] = [];
  const look = async (): Promise<true | undefined> => {
    if (!isOver(stack, expected, updater) && passed() < limit) return undefined;
    const after: After = { h, stack };
    wrong = await wrongWith(expected, after);
    return wrong.flat().length === 0 || !faultOf(expected.fault).losesRun || passed() > limit
      ? true
      : undefined;
  };
  await until("it has recovered", look, { within: 10 * limit });
  const ms = Math.round(passed());
  const late = ms > limit ? [`it took ${ms} ms`] : [];
  const log = `${updater.log()}\n${JSON.stringify(stack.records, null, 1)}`;
  return wrong.map((sentences) => {
    const all = [...sentences, ...late];
    return { ms, wrong: all.length === 0 ? [] : [...all, log] };
  });
}

/** It says that it is through with what was left behind; a lost run has no end to wait for. */
function isOver(stack: Stack, { fault, run }: Expected, updater: Process): boolean {
  if (!updater.log().includes("acts on the host")) return false;
  if (faultOf(fault).losesRun) return true;
  return stack.records.some((record) => record.kind === "finished" && record.run === run);
}

/** Images stay; so does a volume that Engine 20.10, after a crash, holds for a container that was removed since. */
async function clear({ docker }: Engine): Promise<void> {
  const listed = await docker.listContainers({ all: true });
  await Promise.all(listed.map(({ Id }) => docker.getContainer(Id).remove({ force: true, v: true })));
  const removals = (await volumeNames({ docker })).map((name) =>
    tolerating([GONE, IN_USE], docker.getVolume(name).remove({ force: true })),
  );
  await Promise.all(removals);
}
