// The stage on one host: the project, its images, the services of Ouroboros, and the clients its owner types into.
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { jetstreamManager } from "@nats-io/jetstream";
import { NOT_FOUND, ifExists, ignoreStatuses } from "../../../shared/docker/engine.ts";
import { getLastMessage } from "../../../shared/nats/jetstream.ts";
import type { OpenRecord } from "../../../shared/contract/run-records.ts";
import { STREAMS, subjects } from "../../../shared/contract/subjects.ts";
import { type Engine, engine } from "../../bed/bed.ts";
import { type Stack, startStack } from "../../support/stack.ts";
import { folderOfVolume } from "../killed/engine-state.ts";
import { ResultChecker } from "./result-checker.ts";
import { Images } from "./images.ts";
import {
  PROJECT,
  SERVICE_LABEL,
  type ServiceName,
  composeFile,
  nameOf,
  serviceNames,
  services,
  tokenOf,
} from "./services.ts";
import { Supervisor } from "./supervisor.ts";
import { INITIAL_STATES, type DesiredStates } from "./desired-states.ts";

export const SETTLE_MS = 2000;
const COMMAND_WITHIN_MS = 90_000;
const IN_USE = 409;

export interface Scene extends AsyncDisposable {
  readonly h: Engine;
  /** Number of the host in the bed. */
  readonly host: number;
  readonly stack: Stack;
  readonly supervisor: Supervisor;
  readonly images: Images;
  readonly resultChecker: ResultChecker;
  desired: DesiredStates;
  /** Names of volumes that the project's containers have had. */
  readonly volumes: Set<string>;
  /** @throws with what the client complained about */
  readonly docker: (...args: readonly string[]) => Promise<string>;
  readonly compose: (...args: readonly string[]) => Promise<string>;
}

export async function openScene(host: number, env: Readonly<Record<string, string>> = {}): Promise<Scene> {
  const h = engine(host);
  const folder = await mkdtemp(join(tmpdir(), "chaos-"));
  const store = join(folder, "store");
  await mkdir(store);
  await writeFile(join(folder, "compose.yaml"), composeFile(h.name));
  const docker = clientOf(h, folder);
  const compose: Scene["compose"] = (...args) => docker("compose", "--progress", "plain", ...args);
  const images = new Images(h);
  await clear(h);
  await images.releaseAll();
  await compose("up", "-d");
  const settings = { INTERVAL: "30s", JITTER: "0", SETTLE_TIME: `${SETTLE_MS}ms`, ...env };
  const stack = await startStack({ engine: h, services: [], nats: { store }, env: settings });
  const supervisor = new Supervisor(stack);
  const resultChecker = new ResultChecker(h, stack);
  const scene = {
    h,
    host,
    stack,
    supervisor,
    images,
    resultChecker,
    docker,
    compose,
    volumes: new Set<string>(),
  };
  return {
    ...scene,
    desired: INITIAL_STATES,
    [Symbol.asyncDispose]: async () => {
      await supervisor[Symbol.asyncDispose]();
      await resultChecker[Symbol.asyncDispose]();
      await stack[Symbol.asyncDispose]();
      await clear(h);
      await h.clean();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function clientOf(h: Engine, cwd: string): Scene["docker"] {
  const env = { ...process.env, DOCKER_HOST: `unix://${h.socket}` };
  return async (...args) => {
    const options = { cwd, env, timeout: COMMAND_WITHIN_MS, maxBuffer: 16 << 20 };
    return (await promisify(execFile)("docker", args, options)).stdout.trim();
  };
}

/** Containers, volumes and networks; a killed Engine 20.10 may hold a volume for a container that is gone. */
export async function clear({ docker }: Engine): Promise<void> {
  const listed = await docker.listContainers({ all: true });
  await Promise.all(
    listed.map(({ Id }) =>
      ignoreStatuses([NOT_FOUND, IN_USE], docker.getContainer(Id).remove({ force: true, v: true })),
    ),
  );
  const { Volumes: volumes } = await docker.listVolumes();
  for (const { Name } of volumes ?? [])
    await ignoreStatuses([NOT_FOUND, IN_USE], docker.getVolume(Name).remove({ force: true }));
  const networks = (await docker.listNetworks()).filter(({ Name }) => Name.startsWith(`${PROJECT}_`));
  for (const { Id } of networks)
    await ignoreStatuses([NOT_FOUND, IN_USE, 403], docker.getNetwork(Id).remove());
}

/** All containers of a service, as they are now. */
export async function containersOf({ h }: Pick<Scene, "h">, service: ServiceName) {
  const filters = { label: [`${SERVICE_LABEL}=${service}`] };
  const listed = await h.docker.listContainers({ all: true, filters });
  const inspected = await Promise.all(listed.map(({ Id }) => ifExists(h.docker.getContainer(Id).inspect())));
  return inspected.filter((inspect) => inspect !== undefined);
}

/** Each service writes into its volumes what it must find there for ever; what its owner gave up it writes again. */
export async function writeTokens({ h, volumes }: Pick<Scene, "h" | "volumes">): Promise<void> {
  for (const service of serviceNames) {
    const [inspect] = await containersOf({ h }, service);
    for (const path of Object.keys(services[service].volumes)) {
      const volume = inspect?.Mounts.find(({ Destination }) => Destination === path)?.Name;
      if (volume === undefined) throw new Error(`${nameOf(service)} has no volume at ${path}`);
      volumes.add(volume);
      await writeFile(join(folderOfVolume(h, volume), "token"), tokenOf(service, path));
    }
  }
}

/** The run that is under way, null for none; undefined while NATS does not say. */
export async function openRun({ stack }: Pick<Scene, "stack">): Promise<string | null | undefined> {
  try {
    const manager = await jetstreamManager(stack.nats, { checkAPI: false, timeout: 1000 });
    const last = await getLastMessage(manager, STREAMS.runs, subjects.open(stack.host));
    return last?.json<OpenRecord>().run ?? null;
  } catch {
    return undefined;
  }
}

/** The updater has something in hand, or may have. */
export async function isBusy(scene: Pick<Scene, "h" | "stack">): Promise<boolean> {
  if ((await openRun(scene)) !== null) return true;
  const names = await scene.h.docker.listContainers({ all: true }).catch(() => undefined);
  return names?.some(({ Names }) => Names.some((name) => name.includes(".ouroboros-"))) ?? true;
}
