import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { importLib } from "./import-lib.ts";

const { untilOpen } = await importLib<{
  untilOpen: (windows: string, now: number, zone?: string) => number;
}>("windows.mjs");

/** When it is open at the earliest, in UTC. */
const open = (windows: string, now: string, zone?: string): string => {
  const wait = untilOpen(windows, Date.parse(now), zone);
  return wait === 0 ? "now" : new Date(Date.parse(now) + wait).toISOString();
};

type Case = readonly [sentence: string, windows: string, now: string, expected: string, zone?: string];
const NIGHT = "0 2 * * * 3h";
const BERLIN = "30 2 * * * 1h Europe/Berlin";
const cases: readonly Case[] = [
  ["is closed before it opens", NIGHT, "2026-01-01T01:59:59.999Z", "2026-01-01T02:00:00.000Z"],
  ["is open from its first moment", NIGHT, "2026-01-01T02:00:00Z", "now"],
  ["is open to its last moment", NIGHT, "2026-01-01T04:59:59.999Z", "now"],
  ["is closed when its time is over", NIGHT, "2026-01-01T05:00:00Z", "2026-01-02T02:00:00.000Z"],
  ["is closed a little later, too", NIGHT, "2026-01-01T05:00:00.400Z", "2026-01-02T02:00:00.000Z"],
  ["may last over days", "0 22 * * FRI 2d", "2026-03-08T21:59:59Z", "now"],
  ["has the usual time zone", NIGHT, "2026-01-01T03:00:00Z", "2026-01-01T09:00:00.000Z", "America/Denver"],
  ["has a time zone of its own", `${NIGHT} Asia/Tokyo`, "2026-01-01T17:00:00Z", "now", "America/Denver"],
  ["follows summer time", BERLIN, "2026-07-01T00:00:00Z", "2026-07-01T00:30:00.000Z"],
  ["whose hour is skipped opens when the clock has moved", BERLIN, "2026-03-29T00:59:00Z", "2026-03-29T01:00:00.000Z"], // prettier-ignore
  ["whose hour comes twice opens once", BERLIN, "2026-10-25T01:31:00Z", "2026-10-26T01:30:00.000Z"],
  ["may be one of several", `${NIGHT};  0 12 * *  SUN 30m `, "2026-01-04T05:00:00Z", "2026-01-04T12:00:00.000Z"], // prettier-ignore
  ["may always be open", "always", "2026-01-01T05:00:00Z", "now"],
];

const wrong: readonly (readonly [windows: string, says: RegExp])[] = [
  ["", /"" is no window like/],
  ["tonight", /"tonight" is no window like/],
  ["0 2 * * *", /is no window like/],
  ["0 2 * * * 0h", /is no window like/],
  ["0 2 * * * 3h Europe/Berlin soon", /is no window like/],
  ["0 99 * * * 3h", /"0 99 \* \* \* 3h" is no window: .*hour: 99/],
  ["0 2 * * * 3h Mars/Olympus", /is no window: .*Mars\/Olympus/],
  ["0 0 30 2 * 1h", /never opens/],
  ["always; tonight", /"tonight" is no window/],
];

describe("an update window", () => {
  for (const [sentence, windows, now, expected, zone] of cases)
    it(sentence, () => {
      assert.equal(open(windows, now, zone), expected);
    });
  for (const [windows, says] of wrong)
    it(`"${windows}" is none`, () => {
      assert.throws(() => untilOpen(windows, Date.parse("2026-01-01T05:00:00Z")), says);
    });
});
