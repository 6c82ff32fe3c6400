// Runs the official NATS image as a container on the local Engine, for a machine without nats-server. It listens on
// loopback, stores in a named volume, and accepts only the key in DATA_DIR. The next start finds and reuses the
// container.
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { once } from "node:events";
import { join } from "node:path";
import { nkeys } from "nats";
import type { ContainerInspectInfo } from "dockerode";
import {
  NOT_MODIFIED,
  type Engine,
  NOT_FOUND,
  ifExists,
  openEngine,
  ignoreStatuses,
} from "../shared/docker/engine.ts";
import { isNatsAnswering } from "../shared/nats/nats-connection.ts";
import { findOwnContainers } from "../shared/docker/own-container.ts";
import { roleOf } from "../shared/containers/self-update-policy.ts";
import type { ServiceContext } from "../shared/runtime/run-service.ts";
import { type PrivateNats, accessTo } from "./nats-process.ts";
import { HANDSHAKE_TIMEOUT_S } from "./server-config-text.ts";

const CONTAINER_NAME = "ouroboros-nats";
const TAG = "nats:2.12-alpine";
/** The image that is pulled; `node .ci/digests.mjs --write` renews the digest. */
const IMAGE = "nats:2.12-alpine@sha256:b270f5e2428354c0335612694d7dd2fb588148e567a5757fdff325ef9c9332e6";
const PORT = "4222/tcp";
const READY_WITHIN_MS = 15_000;
const STOP_S = 5;

type NatsContext = Pick<ServiceContext, "settings" | "log" | "clock" | "signal">;

/** Resolves when the server accepts connections. @throws Error saying why there is no such container. */
export async function startNatsContainer({
  settings,
  log,
  clock,
  signal,
}: NatsContext): Promise<PrivateNats> {
  const socket = settings.DOCKER_SOCKETS.find((address) => address.startsWith("unix://"));
  if (socket === undefined) throw new Error("no Engine on this machine: DOCKER_SOCKETS names none");
  const engine = await openEngine(socket, settings.DOCKER_TIMEOUT);
  if ((await findOwnContainers(engine)).length > 0)
    throw new Error("this program runs in a container, from where it would not be reached");
  const seed = await readOrCreateSeed(settings.DATA_DIR);
  const port = await ensureContainer(engine, publicKeyOf(seed));
  const access = accessTo(port, seed);
  const deadline = clock.deadline(READY_WITHIN_MS, signal);
  while (!(await isNatsAnswering(access))) {
    if (deadline.aborted)
      throw new Error(
        `container ${CONTAINER_NAME} takes no connections: see \`docker logs ${CONTAINER_NAME}\``,
      );
    await clock.sleep(100, deadline);
  }
  log.info({ container: CONTAINER_NAME, port }, "NATS runs as a container");
  return {
    access,
    [Symbol.asyncDispose]: () =>
      ignoreStatuses(
        [NOT_MODIFIED, NOT_FOUND],
        engine.docker.getContainer(CONTAINER_NAME).stop({ t: STOP_S }),
      ),
  };
}

/** The seed of the only key; created where there is none. */
async function readOrCreateSeed(dataDir: string): Promise<string> {
  const file = join(dataDir, "nats-container.nk");
  const found = await readFile(file, "utf8").catch(() => "");
  if (found !== "") return found.trim();
  const seed = new TextDecoder().decode(nkeys.createUser().getSeed());
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  await writeFile(file, `${seed}\n`, { mode: 0o600 });
  return seed;
}

const publicKeyOf = (seed: string): string => nkeys.fromSeed(new TextEncoder().encode(seed)).getPublicKey();

/** Resolves with the port. Recreates a container that does not start, or was created for another key. */
async function ensureContainer(engine: Engine, publicKey: string): Promise<number> {
  const found = await ifExists(engine.docker.getContainer(CONTAINER_NAME).inspect());
  if (found !== undefined && roleOf({ labels: found.Config.Labels }) !== "nats")
    throw new Error(`there is a container ${CONTAINER_NAME} already, which is not ours`);
  if (found?.Config.Env.includes(containerConfig(publicKey)) === true) {
    const isStarted = await ignoreStatuses(
      [NOT_MODIFIED],
      engine.docker.getContainer(CONTAINER_NAME).start(),
    ).then(
      () => true,
      () => false,
    );
    if (isStarted) return portOf(found);
  }
  if (found !== undefined) await engine.docker.getContainer(CONTAINER_NAME).remove({ force: true });
  const image = await ensureImage(engine);
  const port = await freePort();
  const created = await engine.docker.createContainer({ ...containerSpec(publicKey, port), Image: image });
  await created.start();
  return port;
}

const portOf = ({ HostConfig }: ContainerInspectInfo): number => {
  const bindings = HostConfig.PortBindings as Readonly<Record<string, { HostPort: string }[]>>;
  return Number(bindings[PORT]?.[0]?.HostPort);
};

/** Contains only the public half of the key. */
const containerConfig = (publicKey: string): string =>
  `NATS_CONFIG=listen: "0.0.0.0:4222"
jetstream { store_dir: "/data", sync_interval: always, max_file_store: 4GB, max_memory_store: 64MB }
authorization { timeout: ${HANDSHAKE_TIMEOUT_S}, users: [ { nkey: ${publicKey} } ] }
`;

const containerSpec = (publicKey: string, port: number) => ({
  name: CONTAINER_NAME,
  Entrypoint: ["/bin/sh", "-c"],
  Cmd: ['printf %s "$NATS_CONFIG" > /tmp/nats.conf && exec nats-server -c /tmp/nats.conf'],
  Env: [containerConfig(publicKey)],
  Labels: { "com.ouroboros.role": "nats" },
  ExposedPorts: { [PORT]: {} },
  HostConfig: {
    PortBindings: { [PORT]: [{ HostIp: "127.0.0.1", HostPort: String(port) }] },
    Binds: [`${CONTAINER_NAME}:/data`],
    RestartPolicy: { Name: "unless-stopped" },
    CapDrop: ["ALL"],
    SecurityOpt: ["no-new-privileges:true"],
    ReadonlyRootfs: true,
    Tmpfs: { "/tmp": "" },
  },
});

/** Uses an image that the Engine already has, also under the tag alone; else pulls it. */
async function ensureImage({ docker, dockerWithoutTimeout }: Engine): Promise<string> {
  for (const name of [IMAGE, TAG])
    if ((await ifExists(docker.getImage(name).inspect())) !== undefined) return name;
  const stream = await dockerWithoutTimeout.pull(IMAGE);
  await new Promise<void>((resolve, reject) => {
    docker.modem.followProgress(stream, (error, lines: readonly { error?: string }[] | null) => {
      const wrong = error ?? (lines ?? []).find((line) => line.error !== undefined)?.error;
      if (wrong === undefined || wrong === null) resolve();
      else reject(wrong instanceof Error ? wrong : new Error(wrong));
    });
  });
  return IMAGE;
}

/** Chosen here rather than by the Engine, so that the port stays the same when the container restarts. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  return typeof address === "object" && address !== null ? address.port : 0;
}
