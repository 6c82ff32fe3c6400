// `npm test`: makes a fresh clone ready and runs the tests. Where all of them run, what the beds are made of is fetched
// while the packages are installed; each bed waits for it, and says so if it cannot be had.
import { spawn } from "node:child_process";
import { join } from "node:path";

process.chdir(join(import.meta.dirname, ".."));
if (process.argv.length === 2 && process.getuid?.() === 0)
  spawn("bash", ["test/bed/bed.sh", "install", "podman", "base-image"], { stdio: ["ignore", 2, 2] }).unref();
await import("./ready.mjs");
await import("../dist/test/bed/run.js");
