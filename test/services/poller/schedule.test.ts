import assert from "node:assert/strict";
import { pino } from "pino";
import { type Schedule, isTooLate, nextRun, shiftOf } from "../../../services/poller/schedule.ts";
import { Timetable } from "../../../services/poller/timetable.ts";
import { type Clock, iso, systemClock } from "../../../shared/clock.ts";
import { readSettings } from "../../../shared/settings/read-settings.ts";
import { engine } from "../../bed/bed.ts";
import { type LogLine, HOST, eventually, openStage, startPoller } from "./stage.ts";

const cron = (pattern: string, zone = "UTC", shift = 0): Schedule => ({
  kind: "cron",
  pattern,
  zone,
  shift,
  grace: 15_000,
});
const at = (time: string): number => Date.parse(time);

describe("nextRun", () => {
  const cases: readonly [string, Schedule, string, string][] = [
    ["the next minute that fits", cron("*/5 * * * *"), "2026-01-01T10:02:00Z", "2026-01-01T10:05:00Z"],
    ["not the moment itself again", cron("*/5 * * * *"), "2026-01-01T10:05:00Z", "2026-01-01T10:10:00Z"],
    [
      "its host's shift later",
      cron("0 4 * * *", "UTC", 7000),
      "2026-01-01T04:00:03Z",
      "2026-01-01T04:00:07Z",
    ],
    [
      "the shift does not make it come twice",
      cron("0 4 * * *", "UTC", 7000),
      "2026-01-01T04:00:07Z",
      "2026-01-02T04:00:07Z",
    ],
    ["in its time zone", cron("0 4 * * *", "Asia/Kolkata"), "2026-01-01T00:00:00Z", "2026-01-01T22:30:00Z"],
    [
      "at a time that summer time skips: right after the gap",
      cron("30 2 * * *", "Europe/Berlin"),
      "2026-03-28T12:00:00Z",
      "2026-03-29T01:00:00Z",
    ],
    [
      "on the day after that as ever",
      cron("30 2 * * *", "Europe/Berlin"),
      "2026-03-29T01:00:00Z",
      "2026-03-30T00:30:00Z",
    ],
    [
      "at a time that comes twice: the first",
      cron("30 2 * * *", "Europe/Berlin"),
      "2026-10-24T12:00:00Z",
      "2026-10-25T00:30:00Z",
    ],
    [
      "at a time that comes twice: only once",
      cron("30 2 * * *", "Europe/Berlin"),
      "2026-10-25T00:30:00Z",
      "2026-10-26T01:30:00Z",
    ],
    [
      "every half hour also in the hour that comes twice",
      cron("*/30 * * * *", "Europe/Berlin"),
      "2026-10-25T00:30:00Z",
      "2026-10-25T01:00:00Z",
    ],
    ["on Sunday for 0", cron("0 4 * * 0"), "2026-01-01T00:00:00Z", "2026-01-04T04:00:00Z"],
    ["on Sunday for 7 and for sun", cron("0 4 * * 7"), "2026-01-01T00:00:00Z", "2026-01-04T04:00:00Z"],
    ["by the names of days", cron("0 4 * * sat-sun"), "2026-01-01T00:00:00Z", "2026-01-03T04:00:00Z"],
    [
      "on the first Sunday, where both are given",
      cron("0 4 1-7 * sun"),
      "2026-01-05T00:00:00Z",
      "2026-02-01T04:00:00Z",
    ],
    ["in a leap year only", cron("0 0 29 2 *"), "2026-01-01T00:00:00Z", "2028-02-29T00:00:00Z"],
  ];
  for (const [sentence, schedule, now, expected] of cases)
    it(`gives ${sentence}`, () => {
      assert.equal(iso(nextRun(schedule, { now: at(now), made: 1 })), iso(at(expected)));
    });

  it("gives an interval at once, then with the host's shift once, then every so long", () => {
    const interval: Schedule = { kind: "interval", every: 300_000, shift: 9000 };
    assert.deepEqual(
      [0, 1, 2, 3].map((made) => nextRun(interval, { now: 1000, made })),
      [1000, 310_000, 301_000, 301_000],
    );
  });

  it("is too late after the grace, and a second is not late", () => {
    const never: Schedule = { ...cron("* * * * *"), grace: 0 } as Schedule;
    const always: Schedule = { ...cron("* * * * *"), grace: Number.POSITIVE_INFINITY } as Schedule;
    const late = (schedule: Schedule): boolean[] =>
      [1000, 15_000, 15_001].map((ms) => isTooLate(schedule, 0, ms));
    assert.deepEqual(late(cron("* * * * *")), [false, false, true]);
    assert.deepEqual(late(never), [false, true, true]);
    assert.deepEqual(late(always), [false, false, false]);
  });

  it("shifts each host by its own part of the jitter, the same every time", () => {
    const shifts = Array.from({ length: 200 }, (_, n) => shiftOf(`host-${n}`, 30_000));
    assert.ok(shifts.every((shift) => shift >= 0 && shift < 30_000));
    assert.ok(new Set(shifts.map((shift) => Math.floor(shift / 3000))).size === 10, "spread over all of it");
    assert.equal(shiftOf("web01", 30_000), shiftOf("web01", 30_000));
    assert.equal(shiftOf("web01", 0), 0);
  });
});

/** A clock that a test moves; sleeping moves it too. */
function clockAt(time: string) {
  let wall = at(time);
  let forward = 0;
  const slept: number[] = [];
  const clock: Clock = {
    ...systemClock,
    now: () => wall,
    monotonic: () => forward,
    sleep: async (ms) => {
      slept.push(ms);
      wall += ms;
      forward += ms;
      await Promise.resolve();
    },
  };
  return { clock, slept, set: (to: string) => (wall = at(to)) };
}

function timetable(clock: Clock, env: NodeJS.ProcessEnv) {
  const log: LogLine[] = [];
  const to = { write: (line: string) => void log.push(JSON.parse(line) as LogLine) };
  const settings = readSettings({ JITTER: "0", ...env }, new Map());
  const host = { name: HOST } as ConstructorParameters<typeof Timetable>[0]["host"];
  return { table: new Timetable({ host, settings, clock, log: pino({}, to) }), log };
}
const never = new AbortController().signal;

describe("the timetable", () => {
  it("makes one cycle after the machine slept past its time, where that is in GRACE", async () => {
    const { clock, set } = clockAt("2026-01-01T03:00:00Z");
    const { table } = timetable(clock, { CRON: "0 4 * * *", GRACE: "-1" });
    set("2026-01-03T09:30:00Z");
    await table.wait(never);
    assert.equal(iso(clock.now()), "2026-01-03T09:30:00.000Z");
    table.beginCycle();
    assert.equal(table.nextAt, "2026-01-04T04:00:00.000Z", "however many were missed");
  });

  it("leaves it out where it is later than GRACE, and says so", async () => {
    const { clock, set } = clockAt("2026-01-01T03:00:00Z");
    const { table, log } = timetable(clock, { CRON: "0 4 * * *" });
    set("2026-01-01T04:00:16Z");
    await table.wait(never);
    assert.equal(iso(clock.now()), "2026-01-02T04:00:00.000Z");
    assert.deepEqual(
      log.filter(({ level }) => level >= 40).map(({ msg, due, late_s }) => [msg, due, late_s]),
      [["check left out: too late", "2026-01-01T04:00:00.000Z", 16]],
    );
  });

  it("does not come twice where the clock is put right by a little", async () => {
    const { clock, set } = clockAt("2026-01-01T03:59:50Z");
    const { table } = timetable(clock, { CRON: "0 4 * * *" });
    await table.wait(never);
    table.beginCycle();
    set("2026-01-01T03:59:59Z");
    await table.wait(never);
    assert.equal(iso(clock.now()), "2026-01-02T04:00:00.000Z");
  });

  it("begins anew where the clock was wrong by far", async () => {
    const { clock, set } = clockAt("2031-05-05T12:00:00Z");
    const { table } = timetable(clock, { CRON: "0 4 * * *" });
    set("2026-01-01T03:00:00Z");
    await table.wait(never);
    assert.equal(iso(clock.now()), "2026-01-01T04:00:00.000Z");
  });

  it("notices a clock that is set while it waits", async () => {
    const { clock, slept } = clockAt("2026-01-01T00:00:00Z");
    const { table } = timetable(clock, { CRON: "0 4 * * *" });
    await table.wait(never);
    assert.ok(Math.max(...slept) <= 15_000);
  });

  it("keeps an INTERVAL whatever the wall's clock does", async () => {
    const { clock, set } = clockAt("2026-01-01T00:00:00Z");
    const { table } = timetable(clock, { INTERVAL: "300" });
    await table.wait(never);
    table.beginCycle();
    set("2001-01-01T00:00:00Z");
    await table.wait(never);
    assert.equal(clock.monotonic(), 300_000);
  });

  it("leaves a cycle that someone asked for out of the count", () => {
    const { clock } = clockAt("2026-01-01T03:00:00Z");
    const { table } = timetable(clock, { CRON: "0 4 * * *" });
    table.beginCycle();
    assert.equal(table.nextAt, "2026-01-01T04:00:00.000Z");
  });

  it("tries a failed cycle again, within GRACE", async () => {
    const { clock } = clockAt("2026-01-01T03:59:59Z");
    const { table } = timetable(clock, { CRON: "0 4 * * *" });
    const begun: string[] = [];
    for (let n = 0; n < 5; n++) {
      await table.wait(never);
      table.beginCycle();
      begun.push(iso(clock.now()).slice(8, 19));
      table.retryIn(5000);
    }
    assert.deepEqual(begun, ["01T04:00:00", "01T04:00:05", "01T04:00:10", "01T04:00:15", "02T04:00:00"]);
  });

  it("takes UTC for a time zone that nobody knows, and says so", () => {
    const { table, log } = timetable(clockAt("2026-01-01T03:00:00Z").clock, {
      CRON: "0 4 * * *",
      TZ: ":/etc/localtime",
    });
    assert.equal(table.nextAt, "2026-01-01T04:00:00.000Z");
    assert.equal(log[0]?.msg, "no such time zone; CRON is in UTC");
  });
});

describe("the poller with CRON", () => {
  it("waits for its time, in the time zone TZ, and does not wait again for one that passed", async () => {
    await using h1 = engine(1);
    await using stage = await openStage();
    await stage.makeTopology();
    const ahead = at("2026-03-29T00:59:50Z") - Date.now(); // where Berlin skips 02:00 to 03:00
    const clock: Clock = { ...systemClock, now: () => Date.now() + ahead };
    const env = { CRON: "30 2 * * *", TZ: "Europe/Berlin", JITTER: "0" };
    await using poller = startPoller(h1, stage.server, env, clock);
    const status = (await stage.ask("status")) as { next_at: string; last: object | null };
    assert.equal(status.next_at, "2026-03-29T01:00:00.000Z");
    assert.equal(status.last, null, "no check at the start");
    const after = await eventually("a cycle", async () => {
      const told = (await stage.ask("status")) as { next_at: string; last: { ended_at: string } | null };
      return told.last === null ? undefined : told;
    });
    assert.match(after.last?.ended_at ?? "", /^2026-03-29T01:00:[0-3]/);
    assert.equal(after.next_at, "2026-03-30T00:30:00.000Z");
    assert.ok(!poller.log.some(({ level }) => level >= 40));
  });
});
