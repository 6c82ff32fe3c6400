// What one updater and one server sustain: events per second, and what the updater's process holds in memory after 1,000
// and after 10,000 events. It runs as the image and `npm start` run it.
import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { nodeFlags } from "../test/support/node-flags.ts";

const measured = fork(join(import.meta.dirname, "gate-sustained.js"), { execArgv: [...nodeFlags] });
const [code] = (await once(measured, "exit")) as [number | null];
process.exitCode = code ?? 1;
