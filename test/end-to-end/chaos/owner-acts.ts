// What the owner and their other programs do to a service, with the clients they have.
import type Docker from "dockerode";
import type { ContainerInspectInfo } from "dockerode";
import { CANARY_ENV } from "../../support/canary-secret.ts";
import { type ServiceName, nameOf, otherName, services } from "./services.ts";
import { type Scene, containersOf } from "./scene.ts";
import {
  type Outcome,
  type DesiredState,
  type DesiredStates,
  change,
  changeAll,
  cutOffInside,
  moreLost,
  renamed,
  want,
} from "./desired-states.ts";

export interface ServiceAct {
  readonly says: string;
  /** How often it comes up, beside the others. */
  readonly weight: number;
  /** @throws where it does not succeed */
  readonly do: (scene: Scene, service: ServiceName) => Promise<unknown>;
  /** What the owner wants from then on. */
  readonly then: (wishes: DesiredStates, service: ServiceName, outcome: Outcome) => DesiredStates;
}

const TRIES = 4;
const STOPPED_ALREADY = 304;

const runs = (wishes: DesiredStates, service: ServiceName, outcome: Outcome): DesiredStates =>
  change(wishes, service, want("running", outcome));
/** Another container than before. */
const runsAnew = (wishes: DesiredStates, service: ServiceName, outcome: Outcome): DesiredStates =>
  cutOffInside(runsAs(runs(wishes, service, outcome), service, outcome), service);
const runsAs = (wishes: DesiredStates, service: ServiceName, outcome: Outcome): DesiredStates =>
  change(wishes, service, (wish) => ({ ...renamed(nameOf(service), outcome)(wish), isCutOff: false }));
const stops = (wishes: DesiredStates, service: ServiceName, outcome: Outcome): DesiredStates =>
  change(wishes, service, want("stopped", outcome));
const both =
  (...all: readonly ((wish: DesiredState) => DesiredState)[]) =>
  (wish: DesiredState): DesiredState =>
    all.reduce((before, by) => by(before), wish);

export const serviceActs = {
  start: { says: "`docker start`", weight: 3, do: byName("start"), then: runs },
  restart: { says: "`docker restart`", weight: 3, do: byName("restart"), then: runs },
  stop: { says: "`docker stop`", weight: 3, do: byName("stop"), then: stops },
  kill: { says: "`docker kill`", weight: 2, do: byName("kill"), then: stops },
  pause: {
    says: "`docker pause`, and `unpause` a while later",
    weight: 2,
    do: async (scene, service) => {
      const name = await currentName(scene, service);
      await scene.docker("pause", name);
      await new Promise((resolve) => setTimeout(resolve, 1500));
      await scene.docker("unpause", name);
    },
    then: (wishes) => wishes,
  },
  rename: {
    says: "`docker rename`, there and back",
    weight: 3,
    do: async (scene, service) => {
      const name = await currentName(scene, service);
      await scene.docker("rename", name, nextName(scene.desired, service));
    },
    then: (wishes, service, outcome) => change(wishes, service, renamed(nextName(wishes, service), outcome)),
  },
  remove: {
    says: "`docker rm -f`",
    weight: 3,
    do: byName("rm", "-f"),
    then: (wishes, service, outcome) =>
      cutOffInside(change(wishes, service, both(want("absent", outcome), moreLost("anonymous"))), service),
  },
  recreate: {
    says: "`docker rm -f` and `docker compose up` of the same service",
    weight: 4,
    do: async (scene, service) => {
      await scene.images.haveGood(service);
      await scene.docker("rm", "-f", await currentName(scene, service)).catch(() => undefined);
      await composeUp(scene, "--no-deps", service);
    },
    then: (wishes, service, outcome) =>
      change(runsAnew(wishes, service, outcome), service, moreLost("anonymous")),
  },
  replace: {
    says: "another updater: stop, rename, create, start, remove",
    weight: 5,
    do: replaceByHand,
    then: (wishes, service, outcome) => (outcome.ok ? runsAnew : seldom)(wishes, service, outcome),
  },
  up: {
    says: "`docker compose up -d` of a service",
    weight: 3,
    do: async (scene, service) => {
      await scene.images.haveGood(service);
      await composeUp(scene, "--no-deps", service);
    },
    then: runsAnew,
  },
  forced: {
    says: "`docker compose up -d --force-recreate` of a service",
    weight: 3,
    do: async (scene, service) => {
      await scene.images.haveGood(service);
      await composeUp(scene, "--no-deps", "--force-recreate", service);
    },
    then: runsAnew,
  },
  composeRestart: {
    says: "`docker compose restart` of a service",
    weight: 2,
    do: (scene, service) => scene.compose("restart", service),
    then: (wishes, service, outcome) =>
      wishes[service].states.includes("absent") ? wishes : runs(wishes, service, outcome),
  },
  composeStop: {
    says: "`docker compose stop` of a service",
    weight: 2,
    do: (scene, service) => scene.compose("stop", service),
    then: (wishes, service, outcome) =>
      change(wishes, service, (wish) =>
        wish.states.includes("absent")
          ? want("stopped", { ...outcome, isBusy: true })(wish)
          : want("stopped", outcome)(wish),
      ),
  },
} as const satisfies Record<string, ServiceAct>;
export type ServiceActName = keyof typeof serviceActs;

/** It broke off in the middle: nobody knows what is there. */
function seldom(wishes: DesiredStates, service: ServiceName, outcome: Outcome): DesiredStates {
  const after = cutOffInside(runsAs(wishes, service, { ...outcome, isBusy: true }), service);
  return change(after, service, (wish) => want("running", outcome)(wish));
}

function byName(...words: readonly string[]) {
  return async (scene: Scene, service: ServiceName): Promise<unknown> =>
    scene.docker(...words, await currentName(scene, service));
}

/** What its owner sees in `docker ps`; its name if there is none. */
async function currentName(scene: Scene, service: ServiceName): Promise<string> {
  const names = (await containersOf(scene, service)).map(({ Name }) => Name.slice(1));
  return names.find((name) => !name.includes(".ouroboros-")) ?? scene.desired[service].names[0] ?? "";
}

const nextName = (wishes: DesiredStates, service: ServiceName): string =>
  otherName(wishes[service].names.at(-1) ?? nameOf(service));

/** The name may be taken for a moment: an owner tries again. */
export async function composeUp({ compose }: Scene, ...words: readonly string[]): Promise<string> {
  for (let tries = 1; ; tries++)
    try {
      return await compose("up", "-d", ...words);
    } catch (error) {
      if (tries === TRIES) throw error;
      await new Promise((resolve) => setTimeout(resolve, 1000));
    }
}

/** As watchtower and many scripts do it, but that it takes the anonymous volumes along. */
async function replaceByHand(scene: Scene, service: ServiceName): Promise<void> {
  const { docker } = scene.h;
  await scene.images.haveGood(service);
  const name = await currentName(scene, service);
  const old = await docker.getContainer(name).inspect();
  const mine = docker.getContainer(old.Id);
  await mine.stop().catch((error: unknown) => {
    if ((error as { readonly statusCode?: number }).statusCode !== STOPPED_ALREADY) throw error;
  });
  await mine.rename({ name: `${name}-old-${old.Id.slice(0, 6)}` });
  const next = await docker.createContainer({ ...likeIt(old, service), name }).catch(() => undefined);
  try {
    if (next === undefined) throw new Error("it could not be created");
    for (const [network, settings] of Object.entries(old.NetworkSettings.Networks).slice(1))
      await docker.getNetwork(network).connect({ Container: next.id, EndpointConfig: endpoint(settings) });
    await next.start();
  } catch (error) {
    await next?.remove({ force: true }).catch(() => undefined);
    await mine.rename({ name }).catch(() => undefined);
    await mine.start().catch(() => undefined);
    throw error;
  }
  await mine.remove({ force: true });
}

/** Its own options, its anonymous volumes by their names, and the first of its networks. */
function likeIt(
  { Config, HostConfig, Mounts, NetworkSettings }: ContainerInspectInfo,
  service: ServiceName,
): Docker.ContainerCreateOptions {
  const known = [
    ...(HostConfig.Binds ?? []).map((bind) => bind.split(":")[1]),
    ...(HostConfig.Mounts ?? []).flatMap(({ Source, Target }) => (Source ? [Target] : [])),
  ];
  const binds = Mounts.filter(
    ({ Destination }) => services[service].volumes[Destination] === null && !known.includes(Destination),
  ).map(({ Name, Destination }) => `${Name ?? ""}:${Destination}`);
  const isInside = HostConfig.NetworkMode?.startsWith("container:") ?? false;
  const [first] = Object.entries(NetworkSettings.Networks);
  const { Labels, Volumes } = Config; // what else it says is the old image's
  return {
    Image: Config.Image,
    Labels,
    Volumes,
    Env: [CANARY_ENV],
    HostConfig: {
      ...HostConfig,
      Binds: [...(HostConfig.Binds ?? []), ...binds],
      Mounts: (HostConfig.Mounts ?? []).filter(({ Source }) => Source),
    },
    ...(!isInside &&
      first !== undefined && { NetworkingConfig: { EndpointsConfig: { [first[0]]: endpoint(first[1]) } } }),
  };
}

/** What its owner set of it. */
const endpoint = ({ Aliases, IPAMConfig }: Attached): Docker.EndpointSettings => ({
  Aliases: Aliases ?? [],
  ...(IPAMConfig && { IPAMConfig }),
});
interface Attached {
  readonly Aliases?: string[] | null;
  readonly IPAMConfig?: object | null;
}

/** All of the project. */
export const allRun = (wishes: DesiredStates, outcome: Outcome): DesiredStates =>
  changeAll(wishes, (wish, service) => ({
    ...want("running", outcome)(renamed(nameOf(service), { ...outcome, isBusy: true })(wish)),
    isCutOff: !outcome.ok && wish.isCutOff,
  }));
