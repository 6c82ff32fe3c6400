// What one updater and one server sustain: events per second, and what the updater's process holds in memory after 1,000
// and after 10,000 events. V8 is set as in a service.
import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

const measured = fork(join(import.meta.dirname, "gate-sustained.js"));
const [code] = (await once(measured, "exit")) as [number | null];
process.exitCode = code ?? 1;
