// What must hold after each calm. Each check is a pure function of what is seen then.
import type { ContainerInspectInfo } from "dockerode";
import type { Released } from "./images.ts";
import { type ServiceName, serviceNames, services, tokenOf } from "./services.ts";
import { type DesiredState, type DesiredStates, isGone } from "./desired-states.ts";

export interface HostSnapshot {
  readonly desired: DesiredStates;
  /** Containers by service, whatever their names. */
  readonly containers: Readonly<Record<ServiceName, readonly ContainerInspectInfo[]>>;
  /** All names of containers. */
  readonly names: readonly string[];
  /** By the volume's name: what is in its file `token`. */
  readonly tokens: ReadonlyMap<string, string>;
  /** By an image's id. */
  readonly released: (id: string) => Released | undefined;
  /** Volumes that no container has and that no service ever had, marker volumes too. */
  readonly strangeVolumes: readonly string[];
  readonly imageNames: readonly string[];
  /** Files in DATA_DIR. */
  readonly files: readonly string[];
  readonly openRun: string | null | undefined;
  /** What the poller's last cycle said. */
  readonly outcome: string;
  /** Ends that were told and are untrue. */
  readonly untrue: readonly string[];
  readonly stuck: readonly string[];
}

interface Check {
  readonly says: string;
  /** Sentences. */
  readonly wrong: (sight: HostSnapshot) => readonly string[];
}

type ServiceUnderCheck = {
  readonly service: ServiceName;
  readonly inspect: ContainerInspectInfo;
  readonly wish: DesiredState;
};

/** Of each service of which there is one container. */
const ofEach =
  (wrong: (one: ServiceUnderCheck, sight: HostSnapshot) => readonly string[]) =>
  (sight: HostSnapshot): string[] =>
    serviceNames.flatMap((service) => {
      const [inspect, ...others] = sight.containers[service];
      if (inspect === undefined || others.length > 0) return [];
      return wrong({ service, inspect, wish: sight.desired[service] }, sight).map(
        (sentence) => `${service} ${sentence}`,
      );
    });

const isChosen = ({ inspect, wish }: ServiceUnderCheck): boolean => wish.choice === inspect.Image;

/** Compose names what it makes by the container before it, until that is gone. */
const COMPOSES = /^[0-9a-f]{12}_/;

export const checks = {
  once: {
    says: "Each service that its owner wants runs, and exactly once.",
    wrong: ({ containers, desired }) =>
      serviceNames.flatMap((service) => {
        const all = containers[service];
        const { states, choice } = desired[service];
        if (all.length > 1) return [`${service} is there ${all.length} times: ${all.map(sayOf).join(", ")}`];
        const [only] = all;
        if (only === undefined)
          return states.includes("absent")
            ? []
            : [`${service} is lost; its owner wants it ${states.join(" or ")}`];
        const isUp = only.State.Running && !only.State.Restarting && !only.State.Paused;
        const mayBeDown = states.some((state) => state !== "running") || choice === only.Image;
        return isUp || mayBeDown ? [] : [`${service} is to run, and is ${sayOf(only)}`];
      }),
  },
  unwanted: {
    says: "What its owner stopped or removed stays so.",
    wrong: ({ containers, desired }) =>
      serviceNames.flatMap((service) => {
        const wish = desired[service];
        const [only] = containers[service];
        if (only === undefined) return [];
        if (isGone(wish)) return [`${service} was removed by its owner, and is ${sayOf(only)}`];
        return only.State.Running && !wish.states.includes("running")
          ? [`${service} was stopped by its owner, and runs`]
          : [];
      }),
  },
  name: {
    says: "It has the name that its owner gave it, or the one that compose left it where it gave up in the middle.",
    wrong: ofEach(({ inspect, wish }) =>
      wish.names.includes(inspect.Name.slice(1).replace(COMPOSES, ""))
        ? []
        : [`is named ${inspect.Name.slice(1)}, not ${wish.names.join(" or ")}`],
    ),
  },
  image: {
    says: "It is on an image that was good, or that its owner chose.",
    wrong: ofEach((one, { released }) => {
      const image = released(one.inspect.Image);
      if (isChosen(one)) return [];
      if (image?.service !== one.service) return [`is on an image that is not its own: ${one.inspect.Image}`];
      return image.quality === "good"
        ? []
        : [`is on version ${image.version}, which is bad (${image.quality})`];
    }),
  },
  data: {
    says: "All that it once wrote into its volumes is there.",
    wrong: ofEach(({ service, inspect, wish }, { tokens }) =>
      Object.entries(services[service].volumes).flatMap(([path, named]) => {
        const isGivenUp = wish.lost === "all" || (wish.lost === "anonymous" && named === null);
        const mount = inspect.Mounts.find(({ Destination }) => Destination === path);
        if (isGivenUp) return [];
        if (mount?.Name === undefined) return [`has no volume at ${path}`];
        const found = tokens.get(mount.Name);
        return found === tokenOf(service, path)
          ? []
          : [`has lost its data at ${path}: ${found ?? "nothing"}`];
      }),
    ),
  },
  network: {
    says: "What shares the network of another shares that of the one that runs.",
    wrong: ofEach(({ service, inspect, wish }, { containers }) => {
      const { inside } = services[service];
      const parent = inside === undefined ? undefined : containers[inside][0];
      const mode = inspect.HostConfig.NetworkMode ?? "";
      return parent === undefined || wish.isCutOff || mode === `container:${parent.Id}`
        ? []
        : [`refers to ${mode}, and ${inside ?? ""} is ${parent.Id}`];
    }),
  },
  policy: {
    says: "It has its own restart policy.",
    wrong: ofEach(({ service, inspect }) => {
      const policy = inspect.HostConfig.RestartPolicy?.Name ?? "";
      return policy === services[service].restart ? [] : [`has the policy ${policy}`];
    }),
  },
  left: {
    says: "No backup, successor, marker volume, name of an image or file of Ouroboros is left.",
    wrong: ({ names, strangeVolumes, imageNames, files }) => [
      ...names.filter((name) => name.includes("ouroboros")).map((name) => `container ${name} is left`),
      ...strangeVolumes.map((name) => `volume ${name} is left`),
      ...imageNames.filter((name) => name.includes("ouroboros")).map((name) => `the name ${name} is left`),
      ...files.map((file) => `the file ${file} is left`),
    ],
  },
  idle: {
    says: "The updater has no run open, and nothing is due.",
    wrong: ({ openRun, outcome }) => [
      ...(openRun === null ? [] : [`the open run is ${openRun ?? "not known"}`]),
      ...(outcome === "nothing due" ? [] : [`the poller says: ${outcome}`]),
    ],
  },
  ends: {
    says: "Each end that was told was what the Engine showed then.",
    wrong: ({ untrue }) => untrue,
  },
  stuck: {
    says: "Nothing needs a person.",
    wrong: ({ stuck }) => stuck,
  },
} as const satisfies Record<string, Check>;
export type CheckName = keyof typeof checks;
export const checkNames = Object.keys(checks) as CheckName[];

export const violations = (sight: HostSnapshot): Partial<Record<CheckName, readonly string[]>> =>
  Object.fromEntries(
    checkNames
      .map((name) => [name, checks[name].wrong(sight)] as const)
      .filter(([, sentences]) => sentences.length > 0),
  );

const sayOf = ({ Name, State }: ContainerInspectInfo): string => `${Name.slice(1)} ${State.Status}`;
