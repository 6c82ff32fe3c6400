// What happens beside, while the updater is dead.
import { rm } from "node:fs/promises";
import { bedCommand, engine } from "../../bed/bed.ts";
import { runPrunes, containers, networks, unused, volumes } from "../prune/prune-calls.ts";
import type { Policy } from "./scenes.ts";
import type { Session } from "./session.ts";

export interface Fault {
  readonly says: string;
  readonly strike: (session: Session) => Promise<void>;
  /** Containers end with the Engine; it starts none again with one of these policies. */
  readonly leavesDown?: readonly Policy[];
  /** Nobody knows of the run any more. */
  readonly losesRun?: true;
}

export const faults = {
  none: { says: "the updater alone", strike: () => Promise.resolve() },
  engine: {
    says: "the Engine was killed too",
    // It finds them running, stops them itself, and takes that for their owner's stop.
    leavesDown: ["no", "on-failure", "unless-stopped"],
    strike: async ({ host }) => {
      await bedCommand("kill", String(host));
      await bedCommand("start", String(host));
    },
  },
  power: {
    says: "the host lost its power",
    leavesDown: ["no", "on-failure"],
    strike: async ({ host, stack }) => {
      await Promise.all([bedCommand("cut", String(host)), stack.server.kill()]);
      await Promise.all([bedCommand("boot", String(host)), stack.server.restart()]);
    },
  },
  store: {
    says: "NATS lost its store",
    losesRun: true,
    strike: async ({ stack, store }) => {
      await stack.server.kill();
      await rm(store, { recursive: true, force: true });
      await stack.server.restart();
    },
  },
  prune: {
    says: "a prune of each kind took what was not in use",
    // Volumes first: what a prune takes of those of containers that are gone is gone.
    strike: ({ host }) => runPrunes(engine(host), [volumes, containers, networks, unused]),
  },
} as const satisfies Record<string, Fault>;
export type FaultName = keyof typeof faults;
export const faultNames = Object.keys(faults) as FaultName[];
export const faultOf = (name: FaultName): Fault => faults[name];
