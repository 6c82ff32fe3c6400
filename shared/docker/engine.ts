// One Docker Engine: a dockerode client pinned to the newest API version that both sides support, at most 1.51, the
// facts that the Engine reports about itself, and how to tell its errors apart.
// Engine API reference: https://docs.docker.com/reference/api/engine/
import * as z from "zod";
import { engineErrors } from "../catalogue/engine-errors.ts";
import { messageOf } from "../catalogue/entry.ts";
import { explain } from "../errors.ts";
import { Docker, NotJson } from "./docker-client.ts";
import { type Tls, explainTlsError } from "./engine-tls.ts";
import type { ImageStore } from "../registry/provenance.ts";
import type { Settings } from "../settings/settings.ts";
import { isOlder } from "../version.ts";

/**
 * Later versions no longer tell a configured MAC address from a generated one; newer Engines still answer as 1.51.
 */
const NEWEST = "1.51";

export interface Engine {
  readonly docker: Docker;
  /** The same client without a timeout, for calls that may take long (stop, pull, wait): pass an abort signal. */
  readonly dockerWithoutTimeout: Docker;
  /** `unix:///…` or `tcp://host:port`, as in DOCKER_SOCKETS. */
  readonly socket: string;
  readonly isTls: boolean;
  readonly api: string;
  /** `info.ID`, or another value that stays the same where that does not. */
  readonly id: string;
  readonly hostname: string;
  /** The platform of the Engine, in the terms of images: linux, amd64. */
  readonly os: string;
  readonly arch: string;
  readonly store: ImageStore;
  /** Of the Engine itself, `key=value`: dockerd's `--label`. The first of them where there are many. */
  readonly labels: readonly string[];
  /** Registries that the Engine reaches without TLS or without verifying it: host:port, or networks in CIDR form. */
  readonly insecureRegistries: readonly string[];
  /** Addresses of the mirrors that the Engine asks before Docker Hub. */
  readonly mirrors: readonly string[];
  /** As the Engine reports them: without credentials. */
  readonly proxies: { readonly http: string; readonly https: string; readonly no: string };
  /** The other updaters whose labels count on this Engine: COMPAT_LABELS. */
  readonly compat: Settings["COMPAT_LABELS"];
}

/** Labels go into the host's entry, which has to stay small. */
const MAX_LABELS = 30;
const MAX_LABEL = 200;

interface OpenEngineOptions {
  readonly tls?: Tls | undefined;
  readonly compat?: Settings["COMPAT_LABELS"];
}

const Version = z.object({
  ApiVersion: z.string(),
  MinAPIVersion: z.string().optional(),
  Os: z.string(),
  Arch: z.string(),
  Components: z.array(z.object({ Name: z.string() })).nullish(),
});
const Info = z.object({
  ID: z.string(),
  Name: z.string(),
  DockerRootDir: z.string().optional(),
  Labels: z.array(z.string()).nullish(),
  DriverStatus: z.array(z.array(z.string())).nullish(),
  HttpProxy: z.string().nullish(),
  HttpsProxy: z.string().nullish(),
  NoProxy: z.string().nullish(),
  RegistryConfig: z
    .object({
      InsecureRegistryCIDRs: z.array(z.string()).nullish(),
      Mirrors: z.array(z.string()).nullish(),
      IndexConfigs: z.record(z.string(), z.object({ Secure: z.boolean().optional() })).nullish(),
    })
    .nullish(),
});

/** @throws dockerode's error where the Engine does not answer within `timeoutMs`, or an Error that says why it is not reached. */
export async function openEngine(
  socket: string,
  timeoutMs: number,
  { tls, compat = [] }: OpenEngineOptions = {},
): Promise<Engine> {
  const address = { socket, tls };
  const { Os: os, Arch: arch, Components, ...versions } = await versionOf(address, timeoutMs);
  const api = apiOf(versions);
  const docker = createClient(address, timeoutMs, api);
  const info = Info.parse(await docker.info());
  const secondInfo = Info.parse(await docker.info());
  return {
    docker,
    dockerWithoutTimeout: createClient(address, undefined, api),
    socket,
    isTls: tls !== undefined,
    api,
    // podman returns a new ID each time
    id: info.ID === secondInfo.ID ? info.ID : `${info.Name} ${info.DockerRootDir ?? ""}`,
    hostname: info.Name,
    compat,
    os,
    arch,
    labels: (info.Labels ?? []).slice(0, MAX_LABELS).map((label) => label.slice(0, MAX_LABEL)),
    store: storeOf(Components ?? [], info.DriverStatus ?? []),
    mirrors: info.RegistryConfig?.Mirrors ?? [],
    proxies: { http: info.HttpProxy ?? "", https: info.HttpsProxy ?? "", no: info.NoProxy ?? "" },
    insecureRegistries: insecureIn(info),
  };
}

async function versionOf(address: EngineAddress, timeoutMs: number): Promise<z.infer<typeof Version>> {
  const { socket, tls } = address;
  const answer = createClient(address, timeoutMs).version();
  return Version.parse(
    await answer.catch((error: unknown) => {
      const reached = whyUnreached(error, socket);
      throw reached === undefined
        ? tls
          ? explainTlsError(error, socket, tls)
          : error
        : new Error(reached, { cause: error });
    }),
  );
}

/** Where there was no connection: what is wrong, and what to do. */
function whyUnreached(error: unknown, socket: string): string | undefined {
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (syscall !== "connect" && syscall !== "getaddrinfo") return undefined;
  const path = socket.startsWith("unix://") ? socket.slice("unix://".length) : undefined;
  if (path !== undefined && code === "ENOENT") return messageOf(engineErrors.socketMissing, { path });
  if (path !== undefined && code === "EACCES") return messageOf(engineErrors.socketDenied, { path });
  return messageOf(engineErrors.unreachable, { socket, because: explain(error) });
}

/** The newest API version that both sides support. */
function apiOf({
  ApiVersion,
  MinAPIVersion = ApiVersion,
}: Pick<z.infer<typeof Version>, "ApiVersion" | "MinAPIVersion">): string {
  if (!isOlder(MinAPIVersion, NEWEST)) return MinAPIVersion;
  return isOlder(ApiVersion, NEWEST) ? ApiVersion : NEWEST;
}

function insecureIn({ RegistryConfig }: z.infer<typeof Info>): string[] {
  const insecure = Object.entries(RegistryConfig?.IndexConfigs ?? {}).filter(
    ([, { Secure }]) => Secure === false,
  );
  return [...insecure.map(([host]) => host), ...(RegistryConfig?.InsecureRegistryCIDRs ?? [])];
}

/** An Engine that is neither of Docker's is taken for podman, whose RepoDigests prove nothing. */
function storeOf(
  components: readonly { readonly Name: string }[],
  driverStatus: readonly (readonly string[])[],
): ImageStore {
  if (driverStatus.some(([, value]) => value?.startsWith("io.containerd.snapshotter") === true))
    return "containerd";
  return components.some(({ Name }) => Name === "Engine") ? "driver" : "podman";
}

interface EngineAddress {
  readonly socket: string;
  readonly tls: Tls | undefined;
}

function createClient({ socket, tls }: EngineAddress, timeout: number | undefined, api?: string): Docker {
  const common = {
    ...(api !== undefined && { version: `v${api}` }),
    ...(timeout !== undefined && { timeout }),
  };
  if (socket.startsWith("unix://"))
    return withoutDockerHost(() => new Docker({ socketPath: socket.slice("unix://".length), ...common }));
  const { hostname, port } = new URL(socket);
  const at = { host: hostname, port: port === "" ? (tls === undefined ? 2375 : 2376) : Number(port) };
  const how =
    tls === undefined ? { protocol: "http" as const } : { protocol: "https" as const, agent: tls.agent };
  return withoutDockerHost(() => new Docker({ ...at, ...how, ...common }));
}

/** Hides DOCKER_HOST, which dockerode reads along with its companions and prefers to the options it is given. */
function withoutDockerHost(make: () => Docker): Docker {
  const dockerHost = process.env["DOCKER_HOST"];
  try {
    delete process.env["DOCKER_HOST"];
    return make();
  } finally {
    if (dockerHost !== undefined) process.env["DOCKER_HOST"] = dockerHost;
  }
}

export const NOT_MODIFIED = 304;
export const NOT_FOUND = 404;
export const CONFLICT = 409;

/** The HTTP status of the Engine's answer, to this call or to the one that caused the error. */
export const statusOf = (error: unknown): number | undefined =>
  error instanceof Error
    ? ((error as { statusCode?: number }).statusCode ?? statusOf(error.cause))
    : undefined;

const CONNECTION_ERRORS = ["ECONNRESET", "EPIPE", "ETIMEDOUT", "ABORT_ERR"];

/** The Engine did not answer: the connection was refused, cut, or timed out. */
export function isEngineUnreachable(error: unknown): boolean {
  if (!(error instanceof Error) || statusOf(error) !== undefined) return false;
  const { code, syscall } = error as NodeJS.ErrnoException;
  return syscall === "connect" || CONNECTION_ERRORS.includes(code ?? "") || isEngineUnreachable(error.cause);
}

/** An Engine that was killed may have left a task of the container behind. The image is not to blame. */
export const isLeftoverTask = (error: unknown): boolean =>
  statusOf(error) === 500 && /task \S+ already exists/.test(String(error));

/** The container whose namespace is shared ended while the container that shares it was being started. */
export const isParentEnded = (error: unknown): boolean =>
  statusOf(error) === 400 && /namespace path: lstat \/proc\/\d+\/ns\//.test(String(error));

/** Names as the Engine shows them: with a slash in front. */
export interface StoppedLink {
  readonly target: string;
  /** `/linker/alias`, under which the Engine lists the target, too. */
  readonly alias: string;
}

/** The link that keeps a container from being started, since its target does not run; undefined for other errors. */
export function findStoppedLink(error: unknown): StoppedLink | undefined {
  const found = /cannot link to a non running container: (?<target>\/\S+) AS (?<alias>\/\S+)/i.exec(
    error instanceof Error ? error.message : "",
  );
  return found?.groups as StoppedLink | undefined;
}

/** A container in a restart loop was between two starts when it was renamed. */
export const isBetweenRestarts = (error: unknown): boolean =>
  statusOf(error) === NOT_FOUND && /sandbox \S+ not found/.test(String(error));

/** The answer was not JSON, or lacked a required field. */
export const isMalformedAnswer = (error: unknown): boolean =>
  error instanceof NotJson || error instanceof TypeError;

/** Awaits a call to the Engine and ignores these statuses, such as 304 for "already in that state". */
export async function ignoreStatuses(codes: readonly number[], call: Promise<unknown>): Promise<void> {
  await call.catch((error: unknown) => {
    const status = statusOf(error);
    if (status === undefined || !codes.includes(status)) throw error;
  });
}

/** The answer, or undefined where the Engine answers 404. */
export async function ifExists<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (statusOf(error) === NOT_FOUND) return undefined;
    throw error;
  }
}
