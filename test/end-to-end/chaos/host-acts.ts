// What happens to a whole host: prunes of every kind, the project brought up or down, the Engine, the power, NATS and the
// updater ended, and tags that move.
import { setTimeout as sleep } from "node:timers/promises";
import { bedCommand } from "../../bed/bed.ts";
import { allRun, composeUp } from "./owner-acts.ts";
import type { Scene } from "./scene.ts";
import { serviceNames } from "./services.ts";
import {
  type Outcome,
  type DesiredStates,
  afterContainerPrune,
  afterEngine,
  afterVolumePrune,
  changeAll,
  moreLost,
} from "./desired-states.ts";

export interface HostAct {
  readonly says: string;
  readonly weight: number;
  /** `ms`: how long what is ended stays so. */
  readonly do: (scene: Scene, ms: number) => Promise<unknown>;
  readonly then: (wishes: DesiredStates, outcome: Outcome) => DesiredStates;
}

const same = (wishes: DesiredStates): DesiredStates => wishes;
const prune = (...words: readonly string[]) => ({
  says: `\`docker ${words.join(" ")}\``,
  weight: 2,
  do: ({ docker }: Scene) => docker(...words),
});

export const hostActs = {
  systemPrune: { ...prune("system", "prune", "-f"), weight: 4, then: afterContainerPrune },
  systemPruneAll: { ...prune("system", "prune", "-af"), weight: 4, then: afterContainerPrune },
  systemPruneVolumes: {
    ...prune("system", "prune", "-af", "--volumes"),
    then: (wishes, { isBusy }) => {
      const after = afterVolumePrune(afterContainerPrune(wishes));
      return isBusy ? changeAll(after, moreLost("all")) : after; // of what an update has stopped
    },
  },
  containerPrune: { ...prune("container", "prune", "-f"), weight: 4, then: afterContainerPrune },
  imagePrune: { ...prune("image", "prune", "-f"), then: same },
  imagePruneAll: { ...prune("image", "prune", "-af"), weight: 3, then: same },
  volumePrune: { ...prune("volume", "prune", "-f"), then: afterVolumePrune },
  networkPrune: { ...prune("network", "prune", "-f"), then: same },
  up: {
    says: "`docker compose up -d`",
    weight: 4,
    do: async (scene) => {
      for (const service of serviceNames) await scene.images.haveGood(service);
      await composeUp(scene);
    },
    then: allRun,
  },
  downUp: {
    says: "`docker compose down`, and `up -d` at once",
    weight: 1,
    do: async (scene) => {
      for (const service of serviceNames) await scene.images.haveGood(service);
      await scene.compose("down").catch(() => undefined);
      await composeUp(scene);
    },
    then: (wishes, outcome) => changeAll(allRun(wishes, outcome), moreLost("anonymous")),
  },
  engineRestart: {
    says: "the Engine is stopped and started",
    weight: 2,
    do: async ({ host }, ms) => {
      await bedCommand("stop", String(host));
      await sleep(ms);
      await bedCommand("start", String(host));
    },
    then: afterEngine,
  },
  engineKill: {
    says: "the Engine is killed and started",
    weight: 2,
    do: async ({ host }, ms) => {
      await bedCommand("kill", String(host));
      await sleep(ms);
      await bedCommand("start", String(host));
    },
    then: afterEngine,
  },
  power: {
    says: "the host loses its power, Ouroboros and NATS with it",
    weight: 2,
    do: ({ supervisor, host }, ms) => supervisor.cutPower(host, ms),
    then: afterEngine,
  },
  updaterKill: {
    says: "the updater is killed",
    weight: 10,
    do: ({ supervisor }, ms) => supervisor.end("updater", "SIGKILL", ms),
    then: same,
  },
  updaterStop: {
    says: "the updater is told to end (SIGTERM)",
    weight: 5,
    do: ({ supervisor }, ms) => supervisor.end("updater", "SIGTERM", ms),
    then: same,
  },
  pollerKill: {
    says: "the poller is killed",
    weight: 1,
    do: ({ supervisor }, ms) => supervisor.end("poller", "SIGKILL", ms),
    then: same,
  },
  natsKill: {
    says: "NATS is killed and started",
    weight: 2,
    do: async ({ stack }, ms) => {
      await stack.server.kill();
      await sleep(ms);
      await stack.server.restart();
    },
    then: same,
  },
} as const satisfies Record<string, HostAct>;
export type HostActName = keyof typeof hostActs;
