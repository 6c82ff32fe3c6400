// Loaded before a service (node --import): its wall clock is CLOCK_SHIFT milliseconds off, from CLOCK_EPOCH on it goes
// CLOCK_SPEED times as fast. With CLOCK_FILE it begins with the time that stands there instead, and is set to it anew at
// each SIGUSR2. With CLOCK_SLEEPS=fast the clock that only goes forward is as fast, too, and sleeps of the service's one
// clock are as much shorter. The Engine, NATS and all other timers are as they are: no process can set their clock
// without setting this machine's.
import { readFileSync } from "node:fs";
import timers from "node:timers/promises";
import { syncBuiltinESMExports } from "node:module";

const shift = Number(process.env["CLOCK_SHIFT"] ?? 0);
const speed = Number(process.env["CLOCK_SPEED"] ?? 1);
const epoch = Number(process.env["CLOCK_EPOCH"] ?? 0);
const file = process.env["CLOCK_FILE"];
const { now } = Date;
const known = { real: epoch, wall: epoch + shift };
Date.now = () => known.wall + (now() - known.real) * speed;

if (file !== undefined) {
  const set = (): void =>
    void Object.assign(known, { real: now(), wall: Date.parse(readFileSync(file, "utf8")) });
  set();
  process.on("SIGUSR2", set);
}

if (process.env["CLOCK_SLEEPS"] === "fast") {
  const { setTimeout: sleep } = timers;
  const monotonic = performance.now.bind(performance);
  performance.now = () => monotonic() * speed;
  timers.setTimeout = ((ms: number, ...rest: []) => sleep(ms / speed, ...rest)) as typeof sleep;
  syncBuiltinESMExports();
}
