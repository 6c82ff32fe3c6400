/** Schedules in a real process while its wall clock is set, and where summer time begins and ends. */
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod";
import { makeCommandBody, parseJson } from "../../shared/contract/messages.ts";
import { subjects } from "../../shared/contract/subjects.ts";
import { engine } from "../bed/bed.ts";
import { deploy, overview, release } from "../support/containers.ts";
import { shiftedClock } from "../support/faults.ts";
import { type Stack, startStack } from "../support/stack.ts";
import { until } from "../support/until.ts";
import { itInFullRun } from "../support/full-run.ts";

const host = engine(1);
/** A minute is over in a second and a half. */
const SPEED = 40;
const HALF_PAST_TWO = { CRON: "30 2 * * *", TZ: "Europe/Berlin", GRACE: "300" };

describe("CRON in a process", () => {
  afterEach(() => host.clean());

  it("updates right after the gap at a time that summer time skips, and the day after as ever", async () => {
    await deploy(host, "web");
    await release("apps/web", "2");
    await using scene = await startAt("2026-03-29T00:59:00Z", HALF_PAST_TWO);
    assert.deepEqual(scene.first, { next_at: "2026-03-29T01:00:00.000Z", last: null });
    await scene.stack.expectResult("web", "updated");
    scene.cameAt("2026-03-29T01:00:00Z");
    await scene.isNext("2026-03-30T00:30:00.000Z");
    await release("apps/web", "3");
    await scene.set("2026-03-30T00:29:40Z");
    assert.equal((await scene.stack.awaitResult("web", { nth: 2 })).end, "updated");
    assert.deepEqual(await overview(host), ["web running 3"]);
    scene.cameAt("2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z");
    await scene.isNext("2026-03-31T00:30:00.000Z");
  });

  itInFullRun("checks once at a time that comes twice when summer time ends", async () => {
    await using scene = await startAt("2026-10-25T00:29:00Z", HALF_PAST_TWO);
    assert.equal(scene.first.next_at, "2026-10-25T00:30:00.000Z");
    await scene.checked(1);
    await scene.set("2026-10-25T01:29:40Z");
    await scene.comes("2026-10-25T01:31:30Z");
    await scene.isNext("2026-10-26T01:30:00.000Z");
    await scene.set("2026-10-26T01:29:40Z");
    await scene.checked(2);
    scene.cameAt("2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z");
  });

  itInFullRun("checks twice in the hour that comes twice where every half hour is asked for", async () => {
    await using scene = await startAt("2026-10-25T00:29:00Z", { ...HALF_PAST_TWO, CRON: "*/30 * * * *" });
    for (const [n, next] of ["00:59:40", "01:29:40", "01:59:40"].entries()) {
      await scene.checked(n + 1);
      await scene.set(`2026-10-25T${next}Z`);
    }
    await scene.checked(4);
    scene.cameAt(...["00:30", "01:00", "01:30", "02:00"].map((time) => `2026-10-25T${time}:00Z`));
  });

  itInFullRun(
    "does not check again where its clock is put right, and begins anew where that was wrong by far",
    async () => {
      await using scene = await startAt("2026-06-01T00:29:00Z", HALF_PAST_TWO);
      await scene.checked(1);
      await scene.set("2026-06-01T00:29:20Z");
      await scene.comes("2026-06-01T00:31:30Z");
      await scene.isNext("2026-06-02T00:30:00.000Z");
      await scene.set("2026-05-20T00:00:00Z");
      await scene.isNext("2026-05-20T00:30:00.000Z");
      scene.cameAt("2026-06-01T00:30:00Z");
    },
  );

  it("leaves out what was slept past by more than GRACE, and says so", async () => {
    await using scene = await startAt("2026-06-01T00:00:00Z", HALF_PAST_TWO);
    assert.equal(scene.first.next_at, "2026-06-01T00:30:00.000Z");
    await scene.set("2026-06-04T09:00:00Z");
    await scene.isNext("2026-06-05T00:30:00.000Z");
    scene.cameAt();
    assert.match(scene.log(), /"due":"2026-06-01T00:30:00.000Z",[^\n]*"msg":"check left out: too late"/);
  });

  itInFullRun("makes up once for all that was slept past with GRACE=-1", async () => {
    await using scene = await startAt("2026-06-01T00:00:00Z", { ...HALF_PAST_TWO, GRACE: "-1" });
    assert.equal(scene.first.next_at, "2026-06-01T00:30:00.000Z");
    await scene.set("2026-06-04T09:00:00Z");
    await scene.checked(1);
    await scene.isNext("2026-06-05T00:30:00.000Z");
    scene.cameAt("2026-06-04T09:00:00Z");
  });
});

describe("INTERVAL in a process", () => {
  afterEach(() => host.clean());

  itInFullRun("goes on by so much whatever its wall clock is set to", async () => {
    await using scene = await startAt("2026-06-01T00:00:00Z", { INTERVAL: "120" });
    await scene.checked(2);
    await scene.set("2001-01-01T00:00:00Z");
    await scene.checked(5);
    const since = scene.times().filter((time) => time.startsWith("2001"));
    const gaps = since.slice(1).map((time, n) => (Date.parse(time) - Date.parse(since[n] ?? "")) / 1000);
    assert.ok(gaps.length >= 2 && gaps.every((gap) => gap >= 60), since.join());
  });
});

interface Scene extends AsyncDisposable {
  readonly stack: Stack;
  readonly log: () => string;
  /** What the poller said of itself hours before that time. */
  readonly first: z.infer<typeof Status>;
  /** When its checks ended, by its own clock. */
  readonly times: () => readonly string[];
  /** Its checks were due then, and no others: what it takes to make one is no more than some of its minutes. */
  readonly cameAt: (...due: readonly string[]) => void;
  /** Sets its clock, as an administrator or a time server would. */
  readonly set: (time: string) => Promise<void>;
  /** Waits until it is that late by its clock. */
  readonly comes: (time: string) => Promise<void>;
  readonly checked: (times: number) => Promise<void>;
  readonly isNext: (time: string) => Promise<void>;
}

const Status = z.object({ next_at: z.string(), last: z.unknown() });
const Line = z.object({ msg: z.string(), time: z.string() });

/** To start takes some of its minutes, and nothing may be due in them. */
const EARLIER_MS = 12.25 * 3_600_000;

/** All services as they are, and a poller whose clock is set to that time once it answers. */
async function startAt(time: string, env: Readonly<Record<string, string>>): Promise<Scene> {
  const stack = await startStack({ engine: host, services: ["updater", "hook-executor"] });
  await until("the updater acts", () => stack.services.updater?.log().includes("acts on the host"));
  const file = join(stack.folder, "time");
  await writeFile(file, new Date(Date.parse(time) - EARLIER_MS).toISOString());
  const fast = { CLOCK_SPEED: String(SPEED), CLOCK_SLEEPS: "fast" };
  const poller = stack.start("poller", {
    env: { NODE_OPTIONS: `--import=${shiftedClock}`, CLOCK_FILE: file, ...fast, JITTER: "0", ...env },
  });
  const began = { at: performance.now(), time };
  const status = () =>
    until("the poller answers", async () => {
      const subject = subjects.command(stack.host, "poller", "status");
      const answer = await stack.nats
        .request(subject, makeCommandBody("status"), { timeout: 3000 })
        .catch(() => undefined);
      return Status.safeParse(answer?.json()).data;
    });
  const times = (): string[] =>
    poller
      .log()
      .split("\n")
      .map((line) => Line.safeParse(parseJson(line)).data)
      .filter((line) => line !== undefined && /^(?:cycle ended|plan published)$/.test(line.msg))
      .map((line) => line?.time ?? "");
  const explain = { explain: poller.log };
  const first = await status();
  const scene: Scene = {
    stack,
    log: poller.log,
    first,
    times,
    cameAt: (...due) => {
      const late = times().map((one, n) => Date.parse(one) - Date.parse(due[n] ?? ""));
      assert.ok(times().length === due.length && late.every((ms) => ms >= 0 && ms < 600_000), times().join());
    },
    set: async (to) => {
      await writeFile(file, to);
      Object.assign(began, { at: performance.now(), time: to });
      poller.kill("SIGUSR2");
    },
    comes: async (to) => {
      const passed = (): number => (performance.now() - began.at) * SPEED;
      await until(`it is ${to}`, () => Date.parse(began.time) + passed() > Date.parse(to));
    },
    checked: async (n) => {
      await until(`${n} checks`, () => times().length >= n, explain);
    },
    isNext: async (at) => {
      await until(`the next at ${at}`, async () => (await status()).next_at === at, explain);
    },
    [Symbol.asyncDispose]: () => stack[Symbol.asyncDispose](),
  };
  await scene.set(time);
  return scene;
}
