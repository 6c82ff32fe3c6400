/** Loaded into mocha by run.ts: fails the run if the tests left something on an Engine or a signal listener. */
import { deepEqual } from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { bed, engine, leftovers } from "./bed.ts";

const signals = ["SIGTERM", "SIGHUP"] as const;
const listeners = () => signals.map((signal) => `${signal}: ${process.listenerCount(signal)} listeners`);
const before = listeners();

export const mochaHooks = {
  async afterAll(): Promise<void> {
    deepEqual(listeners(), before);
    if (process.env["BED"] === undefined) return;
    deepEqual(await leftovers(...(await running())), [], "left on the bed's Engines");
  },
};

/** A host that a test cut off and left so has nothing to tell. */
async function running() {
  const names = await readdir(bed().folder);
  const engines = names.flatMap((name) => (/^h[1-9]\d*$/.test(name) ? [engine(Number(name.slice(1)))] : []));
  const answers = await Promise.all(
    engines.map(({ docker }) =>
      docker.ping().then(
        () => true,
        () => false,
      ),
    ),
  );
  return engines.filter((_, i) => answers[i]);
}
