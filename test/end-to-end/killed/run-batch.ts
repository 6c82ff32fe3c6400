// One run of the updater that is killed and recovers: some containers are updated side by side, each has come to a point
// of its own when the process dies. What is wrong afterwards is told case by case.
import { setTimeout as sleep } from "node:timers/promises";
import type { RunRecord } from "../../../shared/contract/run-records.ts";
import type { Process, Stack } from "../../support/stack.ts";
import { until } from "../../support/until.ts";
import { type Expected, findViolations } from "./checks.ts";
import { type DeployedCase, clear, deploy, haveImages } from "./deploy.ts";
import { type FaultName, faultOf } from "./faults.ts";
import { inspectByName, markedIds, volumeNames } from "./engine-state.ts";
import type { Case } from "./points.ts";
import { type Scene, nameOf, sceneOf } from "./scenes.ts";
import { SETTLE_MS, type Session } from "./session.ts";
import { testProgram } from "../../support/test-programs.ts";

export interface Batch {
  readonly fault: FaultName;
  readonly cases: readonly Case[];
}

export interface Outcome {
  /** Sentences; none if all is well. */
  readonly wrong: readonly string[];
  /** From the updater's start to the end of the container's part of the run, without the proofs. Milliseconds. */
  readonly ms: number;
}

/** The programs: `dying` dies at moments, `recovering` is the updater. Others where a test has changed them. */
export interface Programs {
  readonly dying: string;
  readonly recovering?: string;
  readonly env?: Readonly<Record<string, string>>;
}
export const PROGRAMS: Programs = { dying: testProgram("crashing-updater") };

/**
 * What recovery may take: this, and so many times what deploying the containers, the killed run and the fault took. A
 * machine that has other things to do takes longer for those as well.
 */
const WITHIN_MS = 10_000;
const IN_PROPORTION = 3;
const LOOK_MS = 100;
const DIES_WITHIN_MS = 180_000;

export async function runBatch(
  session: Session,
  { fault, cases }: Batch,
  programs: Programs = PROGRAMS,
): Promise<Outcome[]> {
  const { h, stack } = session;
  try {
    await nothingDue(stack);
    const otherVolumes = await volumeNames(h);
    await haveImages(h);
    const from = performance.now();
    const before = await Promise.all(cases.map((one) => deploy(h, one, session.nextKey())));
    const webs = before.map(({ key }) => nameOf("web", key));
    await session.refuse(webs.filter((_, index) => sceneOf(cases[index]?.scene ?? "alone").isRefused));
    const run = await runUntilKilled({ session, cases, before, programs });
    const asked = decidedSoFar(session, run);
    await faultOf(fault).strike(session);
    const within = WITHIN_MS + IN_PROPORTION * (performance.now() - from);
    const found = { left: await inspectByName(h), marked: await markedIds(h) };
    const expected: Expected = { run, cases, fault, before, otherVolumes, ...found, asked };
    return await awaitRecovery({ session, expected, programs, within });
  } finally {
    await stack.services.updater?.[Symbol.asyncDispose]();
    await clear(h);
  }
}

/** A poller that has still something to publish does so when the updater is through, and would see half of the batch. */
async function nothingDue(stack: Stack): Promise<void> {
  await until("nothing is due", async () => {
    const { outcome } = await stack.check();
    return (outcome as { readonly kind?: string }).kind === "nothing due";
  });
}

interface Killing {
  readonly session: Session;
  readonly cases: readonly Case[];
  readonly before: readonly DeployedCase[];
  readonly programs: Programs;
}

/** Until the updater has died, or died twice, where its cases say. Resolves with the run's id. */
async function runUntilKilled({ session, cases, before, programs }: Killing): Promise<string> {
  const { stack } = session;
  const seen = stack.records.length;
  const first = cases[0]?.point;
  const moments = new Set(cases.map(({ point }, index) => point.patternOf(before[index] as DeployedCase)));
  const dying = stack.start("updater", {
    program: programs.dying,
    env: { ...programs.env, DIE_AT: JSON.stringify([...moments]) },
  });
  await stack.check();
  await awaitKill(dying, stack);
  if (first?.recoveryDiesAt !== undefined) {
    const again = { ...programs.env, DIE_AT_CHANGE: String(first.recoveryDiesAt) };
    await awaitKill(stack.start("updater", { program: programs.dying, env: again }), stack);
  }
  await stack.nats.flush();
  return stack.records.slice(seen).find(({ kind }) => kind === "begun")?.run ?? "";
}

async function awaitKill(dying: Process, { services }: Stack): Promise<void> {
  const end = await Promise.race([dying.exited, sleep(DIES_WITHIN_MS, "late", { ref: false })]);
  if (end === "SIGKILL") return;
  const polled = (services.poller?.log() ?? "").split("\n").filter((line) => !line.includes("left alone"));
  throw new Error(
    `it was not killed (${end}):\n${dying.log()}\nThe poller:\n${polled.slice(-20).join("\n")}`,
  );
}

/** Events with a recorded decision, and how many events were published until now. */
function decidedSoFar({ stack }: Session, run: string): Expected["asked"] {
  const records = stack.records.filter((record) => record.run === run);
  const events = records.flatMap((record) => (record.kind === "decided" ? [record.event] : []));
  return { events, published: stack.events.length };
}

interface Recovering {
  readonly session: Session;
  readonly expected: Expected;
  readonly programs: Programs;
  /** Milliseconds. */
  readonly within: number;
}

async function awaitRecovery({ session, expected, programs, within }: Recovering): Promise<Outcome[]> {
  const { stack } = session;
  const proofs = SETTLE_MS * (expected.cases.some(({ scene }) => isProvedTwice(sceneOf(scene))) ? 2 : 1);
  const { env = {}, recovering: program } = programs;
  const [started, from] = [Date.now(), performance.now()];
  const updater = stack.start("updater", { env, ...(program !== undefined && { program }) });
  const passed = () => performance.now() - from - proofs;
  let wrong: string[][] = [];
  const isWell = async (): Promise<boolean> => {
    wrong = await findViolations(expected, session);
    return wrong.flat().length === 0;
  };
  const isThrough = async (): Promise<boolean> => {
    const isLate = passed() > within;
    if (!isLate && !isOver(session, expected, updater)) return false;
    return (await isWell()) || isLate || !faultOf(expected.fault).losesRun;
  };
  await until("it has recovered", isThrough, { within: 10 * within, every: LOOK_MS });
  const ms = Math.round(passed());
  const late = ms > within ? [`it took ${ms} ms`] : [];
  const records = stack.records.filter(({ run }) => run === expected.run);
  const evidence = `${JSON.stringify(records)}\n${updater.log()}`;
  const firstWrong = wrong.findIndex((sentences) => sentences.length + late.length > 0);
  return wrong.map((sentences, index) => ({
    ms: endOf(records, nameOf("web", expected.before[index]?.key ?? 0), started) ?? ms,
    wrong: [...late, ...sentences, ...(index === firstWrong ? [evidence] : [])],
  }));
}

/** Put back and tried once more, or parent and child. */
const isProvedTwice = ({ isBad, childIs }: Scene): boolean => isBad === true || childIs !== undefined;

/** Milliseconds after `started`; undefined where it had ended before, or the run is lost. */
function endOf(records: readonly RunRecord[], container: string, started: number): number | undefined {
  const ended = records.find((record) => record.kind === "ended" && record.container === container);
  const ms = ended === undefined ? -1 : Date.parse(ended.at) - started;
  return ms > 0 ? ms : undefined;
}

/** It says that it is through with what was left behind; a lost run has no end to wait for. */
function isOver({ stack }: Session, { fault, run }: Expected, updater: Process): boolean {
  if (!updater.log().includes("acts on the host")) return false;
  if (faultOf(fault).losesRun) return true;
  return stack.records.some((record) => record.kind === "finished" && record.run === run);
}
