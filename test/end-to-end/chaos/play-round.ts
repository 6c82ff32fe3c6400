// Plays rounds on a host: the acts of a round while tags move and the updater works, then a calm, then the checks; and
// then the owner brings everything up again.
import type { ContainerInspectInfo } from "dockerode";
import { debuglog } from "node:util";
import { setTimeout as sleep } from "node:timers/promises";
import { runOperatorCommand } from "../../support/run-operator-command.ts";
import { until } from "../../support/until.ts";
import { type CheckName, type HostSnapshot, violations } from "./checks.ts";
import { hostActs } from "./host-acts.ts";
import { serviceActs, composeUp } from "./owner-acts.ts";
import { type Scene, clear, containersOf, isBusy, openRun, writeTokens } from "./scene.ts";
import { type Act, type Planned, type Round, sayAct } from "./schedule.ts";
import { noteVolumes, outcomeOf, takeHostSnapshot } from "./host-snapshot.ts";
import { type ServiceName, nameOf, serviceNames } from "./services.ts";
import { INITIAL_STATES, type Outcome, change, moreLost } from "./desired-states.ts";

/** An undo is tried for two minutes before it is given up. */
const CALM_WITHIN_MS = 240_000;
const RIGHT_WITHIN_MS = 30_000;
const ASK_EVERY_MS = 700;

export interface Played {
  readonly act: Act;
  readonly ok: boolean;
}
export interface RoundResult {
  readonly played: readonly Played[];
  readonly wrong: Partial<Record<CheckName, readonly string[]>>;
  /** How long it took until all was right. Milliseconds. */
  readonly calmMs: number;
  /** What happened, a line each. */
  readonly story: readonly string[];
}

const debug = debuglog("chaos");

export async function playRound(scene: Scene, { acts, healed }: Round): Promise<RoundResult> {
  const story: string[] = [];
  const tell = (line: string): void => {
    story.push(`${new Date().toISOString().slice(11, 23)} ${line}`);
    debug("%s %s", scene.h.name, story.at(-1));
  };
  const played: Played[] = [];
  const over = new AbortController();
  const asking = askOften(scene, over.signal);
  for (const planned of acts) played.push(await play(scene, planned, tell));
  over.abort();
  await asking;
  if (healed) for (const service of scene.images.bad()) await scene.images.release(service, "good");
  tell(healed ? "calm, with good images of all" : "calm");
  const from = performance.now();
  const sight = await calm(scene, tell);
  const wrong = violations(sight);
  const calmMs = Math.round(performance.now() - from);
  tell(`right after ${calmMs} ms: ${JSON.stringify(wrong)}`);
  return { played, wrong, calmMs, story };
}

/** The poller looks whenever the updater may be ready, so that the acts meet updates. */
async function askOften({ stack }: Scene, over: AbortSignal): Promise<void> {
  while (!over.aborted) {
    await stack.check().catch(() => undefined);
    await sleep(ASK_EVERY_MS, undefined, { signal: over }).catch(() => undefined);
  }
}

async function play(scene: Scene, planned: Planned, tell: (line: string) => void): Promise<Played> {
  await sleep(planned.after);
  if (planned.kind === "release") {
    for (const service of planned.services) await scene.images.release(service, planned.quality);
    tell(sayAct(planned));
    return { act: planned, ok: true };
  }
  return scene.resultChecker.suspendWhile(async () => {
    const from = Date.now();
    const wasBusy = await isBusy(scene);
    await noteVolumes(scene, serviceNames);
    const pruned = await servicesGone(scene);
    const failed = await performAct(scene, planned).then(
      () => undefined,
      (error: unknown) => String((error as { readonly stderr?: string }).stderr ?? error),
    );
    const outcome: Outcome = {
      ok: failed === undefined,
      isBusy: wasBusy || (await isBusy(scene)) || hasWorkedSince(scene, from),
    };
    scene.desired =
      planned.kind === "service"
        ? serviceActs[planned.act].then(scene.desired, planned.service, outcome)
        : hostActs[planned.act].then(scene.desired, outcome);
    await noteVolumes(scene, serviceNames);
    await noteChoices(scene, from);
    await noteMadeOfNothing(scene, pruned, from);
    if (planned.kind === "host" && planned.act === "volumePrune") noteVolumesOfNobody(scene, pruned);
    const how = `${outcome.isBusy ? " (beside an update)" : ""}${failed === undefined ? "" : `: ${failed.trim().slice(-200)}`}`;
    tell(`${sayAct(planned)}${how}`);
    return { act: planned, ok: outcome.ok };
  });
}

const performAct = (scene: Scene, act: Exclude<Act, { kind: "release" }>): Promise<unknown> =>
  act.kind === "service" ? serviceActs[act.act].do(scene, act.service) : hostActs[act.act].do(scene, act.ms);

const hasWorkedSince = ({ stack }: Scene, from: number): boolean =>
  stack.records.slice(-200).some(({ at }) => Date.parse(at) >= from);

/** A prune took them, and Ouroboros has not made them anew yet. */
async function servicesGone(scene: Scene): Promise<ServiceName[]> {
  const found = serviceNames.map(async (service) =>
    (await containersOf(scene, service)).length === 0 ? [service] : [],
  );
  return (await Promise.all(found)).flat();
}

/** Where no container of a service is there, compose makes it with anonymous volumes that are new. */
async function noteMadeOfNothing(scene: Scene, gone: readonly ServiceName[], from: number): Promise<void> {
  for (const service of gone) {
    const all = await containersOf(scene, service);
    if (all.some((inspect) => isOwners(scene, inspect, from)))
      scene.desired = change(scene.desired, service, moreLost("anonymous"));
  }
}

/** Until Ouroboros has made a container anew that a prune took, its volumes are nobody's: a prune of volumes takes them. */
function noteVolumesOfNobody(scene: Scene, gone: readonly ServiceName[]): void {
  for (const service of gone) scene.desired = change(scene.desired, service, moreLost("all"));
}

/** Since then, and not by Ouroboros. */
const isOwners = ({ stack }: Scene, { Id, Name, Created }: ContainerInspectInfo, from: number): boolean =>
  Date.parse(Created) >= from &&
  !Name.includes("ouroboros") &&
  !stack.records.some((record) => record.kind === "swapping" && record.new_id === Id);

/** What the owner has just created of a bad image is their own choice. */
async function noteChoices(scene: Scene, from: number): Promise<void> {
  for (const service of serviceNames)
    for (const inspect of await containersOf(scene, service)) {
      const isGood = scene.images.of(inspect.Image)?.quality === "good";
      if (isOwners(scene, inspect, from) && !isGood) choose(scene, service, inspect.Image);
    }
}

function choose(scene: Scene, service: ServiceName, choice: string): void {
  scene.desired = change(scene.desired, service, (wish) => ({ ...wish, choice }));
}

/** Until the updater has nothing more to do, and all is as it should be; or for so long. */
async function calm(scene: Scene, tell: (line: string) => void): Promise<HostSnapshot> {
  const isIdle = async () => (await outcomeOf(scene)) === "nothing due" && (await openRun(scene)) === null;
  const awaitIdle = () =>
    until("the updater is idle", isIdle, { within: CALM_WITHIN_MS, every: ASK_EVERY_MS }).catch(
      () => undefined,
    );
  await awaitIdle();
  if (await mendEngine(scene, tell)) await awaitIdle();
  const gathered = { untrue: scene.resultChecker.takeWrong(), stuck: scene.resultChecker.takeStuck() };
  let sight = await takeHostSnapshot(scene, gathered);
  const isRight = async () => {
    sight = await takeHostSnapshot(scene, gathered);
    return Object.keys(violations(sight)).every((name) => name === "ends" || name === "stuck");
  };
  await until("all is right", isRight, { within: RIGHT_WITHIN_MS, every: ASK_EVERY_MS }).catch(
    () => undefined,
  );
  return sight;
}

/** What their Engine keeps stuck, its owner frees by starting it again; then they have the updater repair what is left. */
async function mendEngine(scene: Scene, tell: (line: string) => void): Promise<boolean> {
  if (scene.resultChecker.takeStuckByEngine().length === 0) return false;
  await scene.resultChecker.suspendWhile(async () => {
    await hostActs.engineRestart.do(scene, 0);
    const { code, out } = await runOperatorCommand(scene.stack.access, ["repair"]);
    scene.desired = hostActs.engineRestart.then(scene.desired);
    tell(
      `the Engine kept a container that it could not stop: it is started again, and repaired (${code}): ${out.trim()}`,
    );
  });
  return true;
}

/** The owner puts all of the project to rights, by force where something went wrong. */
export async function bringUp(scene: Scene, wentWrong: RoundResult["wrong"]): Promise<void> {
  const { images, resultChecker } = scene;
  await resultChecker.suspendWhile(async () => {
    if (Object.keys(wentWrong).length > 0) await clear(scene.h);
    for (const service of serviceNames) {
      await images.haveGood(service);
      for (const inspect of await containersOf(scene, service))
        if (inspect.Name !== `/${nameOf(service)}`)
          await scene.docker("rename", inspect.Id, nameOf(service)).catch(() => undefined);
    }
    await composeUp(scene)
      .catch(() => composeUp(scene, "--force-recreate"))
      .catch(() => upOnNewEngine(scene));
    scene.desired = INITIAL_STATES;
    await writeTokens(scene);
  });
}

/** An Engine may keep the name of a container that is gone, until it starts again. */
async function upOnNewEngine(scene: Scene): Promise<void> {
  await hostActs.engineRestart.do(scene, 0);
  await clear(scene.h);
  await composeUp(scene);
}
