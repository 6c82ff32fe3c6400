// The official image of NATS as a container on the local Engine, for a machine that has no nats-server: on loopback,
// its store in a named volume, for nobody but who has the key in DATA_DIR. It is found again at the next start.
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { once } from "node:events";
import { join } from "node:path";
import { nkeys } from "nats";
import type { ContainerInspectInfo } from "dockerode";
import { ALREADY_SO, type Engine, GONE, ifThere, openEngine, tolerating } from "../../shared/engine.ts";
import { natsAnswers } from "../../shared/nats.ts";
import { ownContainers } from "../../shared/own-container.ts";
import { roleOf } from "../../shared/ourselves.ts";
import type { Context } from "../../shared/run-service.ts";
import { type PrivateNats, accessTo } from "./private-nats.ts";

const NAME = "ouroboros-nats";
const TAG = "nats:2.12-alpine";
/** What is pulled: `node .ci/digests.mjs --write` renews it. */
const IMAGE = "nats:2.12-alpine@sha256:b270f5e2428354c0335612694d7dd2fb588148e567a5757fdff325ef9c9332e6";
const PORT = "4222/tcp";
const READY_WITHIN_MS = 15_000;
const STOP_S = 5;

type NatsContext = Pick<Context, "settings" | "log" | "clock" | "signal">;

/** Resolves when it takes connections. @throws Error saying why there is none. */
export async function startNatsContainer({
  settings,
  log,
  clock,
  signal,
}: NatsContext): Promise<PrivateNats> {
  const socket = settings.DOCKER_SOCKETS.find((one) => one.startsWith("unix://"));
  if (socket === undefined) throw new Error("no Engine on this machine: DOCKER_SOCKETS names none");
  const engine = await openEngine(socket, settings.DOCKER_TIMEOUT);
  if ((await ownContainers(engine)).length > 0)
    throw new Error("this program runs in a container, from where it would not be reached");
  const seed = await keyIn(settings.DATA_DIR);
  const port = await startOne(engine, publicKeyOf(seed));
  const access = accessTo(port, seed);
  const deadline = clock.deadline(READY_WITHIN_MS, signal);
  while (!(await natsAnswers(access))) {
    if (deadline.aborted)
      throw new Error(`container ${NAME} takes no connections: see \`docker logs ${NAME}\``);
    await clock.sleep(100, deadline);
  }
  log.info({ container: NAME, port }, "NATS runs as a container");
  return {
    access,
    [Symbol.asyncDispose]: () =>
      tolerating([ALREADY_SO, GONE], engine.docker.getContainer(NAME).stop({ t: STOP_S })),
  };
}

/** The seed; made where there is none. */
async function keyIn(dataDir: string): Promise<string> {
  const file = join(dataDir, "nats-container.nk");
  const found = await readFile(file, "utf8").catch(() => "");
  if (found !== "") return found.trim();
  const seed = new TextDecoder().decode(nkeys.createUser().getSeed());
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  await writeFile(file, `${seed}\n`, { mode: 0o600 });
  return seed;
}

const publicKeyOf = (seed: string): string => nkeys.fromSeed(new TextEncoder().encode(seed)).getPublicKey();

/** Resolves with its port. One that does not start as it is, or was made for another key, is made anew. */
async function startOne(engine: Engine, publicKey: string): Promise<number> {
  const found = await ifThere(engine.docker.getContainer(NAME).inspect());
  if (found !== undefined && roleOf({ labels: found.Config.Labels }) !== "nats")
    throw new Error(`there is a container ${NAME} already, which is not ours`);
  if (found?.Config.Env.includes(configFor(publicKey)) === true) {
    const started = await tolerating([ALREADY_SO], engine.docker.getContainer(NAME).start()).catch(
      () => "no",
    );
    if (started !== "no") return portOf(found);
  }
  if (found !== undefined) await engine.docker.getContainer(NAME).remove({ force: true });
  const image = await imageOf(engine);
  const port = await freePort();
  const made = await engine.docker.createContainer({ ...bodyFor(publicKey, port), Image: image });
  await made.start();
  return port;
}

const portOf = ({ HostConfig }: ContainerInspectInfo): number => {
  const bindings = HostConfig.PortBindings as Readonly<Record<string, { HostPort: string }[]>>;
  return Number(bindings[PORT]?.[0]?.HostPort);
};

/** Only the public half of the key is in it. */
const configFor = (publicKey: string): string =>
  `NATS_CONFIG=listen: "0.0.0.0:4222"
jetstream { store_dir: "/data", sync_interval: always, max_file_store: 4GB, max_memory_store: 64MB }
authorization { users: [ { nkey: ${publicKey} } ] }
`;

const bodyFor = (publicKey: string, port: number) => ({
  name: NAME,
  Entrypoint: ["/bin/sh", "-c"],
  Cmd: ['printf %s "$NATS_CONFIG" > /tmp/nats.conf && exec nats-server -c /tmp/nats.conf'],
  Env: [configFor(publicKey)],
  Labels: { "com.ouroboros.role": "nats" },
  ExposedPorts: { [PORT]: {} },
  HostConfig: {
    PortBindings: { [PORT]: [{ HostIp: "127.0.0.1", HostPort: String(port) }] },
    Binds: [`${NAME}:/data`],
    RestartPolicy: { Name: "unless-stopped" },
    CapDrop: ["ALL"],
    SecurityOpt: ["no-new-privileges:true"],
    ReadonlyRootfs: true,
    Tmpfs: { "/tmp": "" },
  },
});

/** One that the owner has under the tag is taken. */
async function imageOf({ docker, patient }: Engine): Promise<string> {
  for (const name of [IMAGE, TAG])
    if ((await ifThere(docker.getImage(name).inspect())) !== undefined) return name;
  const stream = await patient.pull(IMAGE);
  await new Promise<void>((resolve, reject) => {
    docker.modem.followProgress(stream, (error, lines: readonly { error?: string }[] | null) => {
      const wrong = error ?? (lines ?? []).find((line) => line.error !== undefined)?.error;
      if (wrong === undefined || wrong === null) resolve();
      else reject(wrong instanceof Error ? wrong : new Error(wrong));
    });
  });
  return IMAGE;
}

/** Chosen here, so that it stays the same when the container is started again. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  return typeof address === "object" && address !== null ? address.port : 0;
}
