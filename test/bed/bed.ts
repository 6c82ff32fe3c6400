/**
 * What tests use of the test bed: its Engines, its registry, its stand-in for Docker Hub, private NATS servers.
 * Works inside `npm test` or `test/bed/bed.sh exec`, which set BED and the network; the bed itself is bed.sh's.
 */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import Docker from "dockerode";
import type { DockerClient } from "../../shared/docker/docker-client.ts";
import type { Fault, Limit, LoggedRequest } from "./hub.ts";
import { type ImageOptions, type PushedImage, pushImage, Registry } from "./image.ts";

export type { Fault, Limit, LoggedRequest } from "./hub.ts";
export { type ImageOptions, type PushedImage, pushImage, Registry } from "./image.ts";
export { type NatsOptions, type NatsServer, startNats } from "./nats-server.ts";

export interface Bed {
  /** The folder with all of the bed's state. */
  readonly folder: string;
  /** The first three numbers of its addresses: servers at `.1` and `.2`, host N at `.(10 + N)`. */
  readonly net: string;
  /** bed.sh, for a process a test starts. */
  readonly script: string;
}

export function bed(): Bed {
  const { BED, BED_NET, BED_SH } = process.env;
  if (BED === undefined || BED_NET === undefined || BED_SH === undefined)
    throw new Error("No test bed here: run this with `npm test` or `test/bed/bed.sh exec`.");
  return { folder: BED, net: BED_NET, script: BED_SH };
}

/** Runs a verb of bed.sh and gives what it printed; throws with what it complained about. */
export async function bedCommand(...args: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)("bash", [bed().script, ...args], { maxBuffer: 64 << 20 });
  return stdout.trim();
}

/** The unix socket of host N's Engine. */
export function engineSocket(n: number): string {
  return `${bed().folder}/h${n}/docker.sock`;
}

export interface Engine extends AsyncDisposable {
  readonly name: string;
  readonly socket: string;
  readonly docker: DockerClient;
  /** Removes every container, volume, network and image of this Engine but the base image node:*. */
  clean(): Promise<void>;
}

/** Host N's Engine; leaving the block that holds it cleans it. */
export function engine(n: number): Engine {
  const socket = engineSocket(n);
  const docker = new Docker({ socketPath: socket }) as DockerClient;
  const clean = () => cleanEngine(docker);
  return { name: `h${n}`, socket, docker, clean, [Symbol.asyncDispose]: clean };
}

/** What takes a minute to make: the base image, and ours built on it. */
const KEPT_IMAGES = /^(?:node|ouroboros-of-the-bed):/;

async function cleanEngine(docker: Docker): Promise<void> {
  const found = await things(docker);
  await Promise.all(
    found.containers.map(({ id }) => gone(docker.getContainer(id).remove({ force: true, v: true }))),
  );
  await Promise.all([
    ...found.networks.map(({ id }) => gone(docker.getNetwork(id).remove())),
    ...found.volumes.map(({ id }) => gone(docker.getVolume(id).remove({ force: true }))),
  ]);
  const images = await docker.listImages();
  const ours = images.filter(({ RepoTags }) => !(RepoTags ?? []).some((tag) => KEPT_IMAGES.test(tag)));
  for (const { Id } of ours) await gone(docker.getImage(Id).remove({ force: true }));
}

/** Gone already, or taken along with something else, is as good. */
async function gone(removal: Promise<unknown>): Promise<void> {
  await removal.catch((error: unknown) => {
    const status = (error as { statusCode?: number }).statusCode;
    if (status !== 404 && status !== 409) throw error;
  });
}

interface Thing {
  readonly id: string;
  readonly name: string;
}
async function things(docker: Docker): Promise<Record<"containers" | "networks" | "volumes", Thing[]>> {
  const [containers, networks, { Volumes: volumes }] = await Promise.all([
    docker.listContainers({ all: true }),
    docker.listNetworks(),
    docker.listVolumes(),
  ]);
  return {
    containers: containers.map(({ Id, Names }) => ({ id: Id, name: Names.join(" ") })),
    networks: networks
      .filter(
        ({ Name }) => !["bridge", "host", "none", "podman", "docker_gwbridge", "ingress"].includes(Name),
      )
      .map(({ Id, Name }) => ({ id: Id, name: Name })),
    volumes: volumes.map(({ Name }) => ({ id: Name, name: Name })),
  };
}

/** What is left on these Engines, as `h1: container /web`; nothing, if the test before cleaned up. */
export async function leftovers(...engines: readonly Engine[]): Promise<string[]> {
  const found = engines.map(async ({ name, docker }) =>
    Object.entries(await things(docker)).flatMap(([kind, list]) =>
      list.map((thing) => `${name}: ${kind.slice(0, -1)} ${thing.name}`),
    ),
  );
  return (await Promise.all(found)).flat();
}

/** The bed's registry, plain HTTP; what is pushed to a folder of a hub's name is what that hub has. */
export const registry = new Registry("http://registry.lab:5000");

/**
 * Pushes an image and gives the name Engines pull it by: "app" is registry.lab:5000/app, "docker.io/library/app" and
 * "ghcr.io/acme/app" are the hubs'.
 */
export async function pushApp(
  name: string,
  tag: string,
  options: ImageOptions = {},
): Promise<PushedImage & { readonly reference: string }> {
  const host = name.split("/")[0] ?? "";
  const reference = `${host.includes(".") ? "" : "registry.lab:5000/"}${name}:${tag}`;
  return { ...(await pushImage(registry, name, tag, options)), reference };
}

/** The stand-in for Docker Hub, ghcr.io and quay.io. */
export const hubControl = {
  /** Makes requests go wrong until the returned value is disposed of or other faults are set. */
  async faults(list: readonly Fault[]): Promise<AsyncDisposable> {
    await control("faults", list);
    return { [Symbol.asyncDispose]: () => control("faults", []) };
  },
  /** How many more requests a fault with `times` takes: it counts one when it comes, the log when it is answered. */
  timesLeft: async (match: string): Promise<number> =>
    ((await ask("faults")) as Fault[]).find((fault) => fault.match === match)?.times ?? 0,
  /** Sets the rate limit and forgets what was counted; at first 100 in six hours. */
  async limit(limit: Limit): Promise<AsyncDisposable> {
    await control("limit", limit);
    return { [Symbol.asyncDispose]: () => control("limit", { limit: 100, window: 21600 }) };
  },
  /** Sets who may log in; at first ann with "secret". Repositories with /private/ in their path are there for them alone. */
  async users(users: Readonly<Record<string, string>>): Promise<AsyncDisposable> {
    await control("users", users);
    return { [Symbol.asyncDispose]: () => control("users", { ann: "secret" }) };
  },
  /** Every request since the log was cleared, oldest first. */
  log: async () => (await ask("log")) as LoggedRequest[],
  clearLog: () => control("log", []),
};

async function control(what: string, value: unknown): Promise<void> {
  await ask(what, { method: "PUT", body: JSON.stringify(value) });
}
async function ask(what: string, init: RequestInit = {}): Promise<unknown> {
  return (await fetch(`http://${bed().net}.2:8000/${what}`, init)).json();
}
