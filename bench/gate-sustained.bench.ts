// What one updater and one server sustain: events per second, and what the updater's process holds in memory after 1,000
// and after 10,000 events. It runs as the image and `npm start` run it: with V8's own sizes of the young generation, three
// times 16 MB of it are touched one after the other (+12 % resident between event 1,000 and 2,000, then none).
import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

const measured = fork(join(import.meta.dirname, "gate-sustained.js"), {
  execArgv: [...process.execArgv, "--max-semi-space-size=1"],
});
const [code] = (await once(measured, "exit")) as [number | null];
process.exitCode = code ?? 1;
