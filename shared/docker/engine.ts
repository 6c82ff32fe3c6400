// One Docker Engine: a dockerode client pinned to the newest API version that both sides know, at most 1.51, and
// what the Engine says of itself. Engine API reference: https://docs.docker.com/reference/api/engine/
import { z } from "zod";
import { Docker, NotJson } from "./docker-client.ts";
import { type Tls, explainTlsError } from "./engine-tls.ts";
import type { ImageStore } from "../registry/provenance.ts";
import type { Settings } from "../settings/settings.ts";
import { isOlder } from "../version.ts";

const NEWEST = "1.51"; // newer Engines answer as 1.51: later versions no longer tell a configured MAC address from a made one

export interface Engine {
  readonly docker: Docker;
  /** The same without a time limit, for what may rightly take long (stop, pull, wait): pass an abort signal. */
  readonly dockerWithoutTimeout: Docker;
  /** `unix:///…` or `tcp://host:port`, as in DOCKER_SOCKETS. */
  readonly socket: string;
  readonly isTls: boolean;
  readonly api: string;
  /** `info.ID`, or what else stays the same. */
  readonly id: string;
  readonly hostname: string;
  /** The Engine's own platform, as images name it: linux, amd64. */
  readonly os: string;
  readonly arch: string;
  readonly store: ImageStore;
  /** Registries the Engine reaches without TLS or without checking it: host:port, and networks in CIDR form. */
  readonly insecureRegistries: readonly string[];
  /** Addresses that the Engine asks before Docker Hub. */
  readonly mirrors: readonly string[];
  /** As the Engine tells them: without their credentials. */
  readonly proxies: { readonly http: string; readonly https: string; readonly no: string };
  /** Whose labels count on it beside those of Ouroboros. */
  readonly compat: Settings["COMPAT_LABELS"];
}

/** How it is reached, and what is made of it. */
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

/** @throws what dockerode throws where the Engine does not answer within `timeoutMs`, or an Error about TLS. */
export async function openEngine(
  socket: string,
  timeoutMs: number,
  { tls, compat = [] }: OpenEngineOptions = {},
): Promise<Engine> {
  const access = { socket, tls };
  const { Os: os, Arch: arch, Components, ...versions } = await versionOf(access, timeoutMs);
  const api = apiOf(versions);
  const docker = createClient(access, timeoutMs, api);
  const info = Info.parse(await docker.info());
  const again = Info.parse(await docker.info());
  return {
    docker,
    dockerWithoutTimeout: createClient(access, undefined, api),
    socket,
    isTls: tls !== undefined,
    api,
    id: info.ID === again.ID ? info.ID : `${info.Name} ${info.DockerRootDir ?? ""}`, // podman makes a new ID for each answer
    hostname: info.Name,
    compat,
    os,
    arch,
    store: storeOf(Components ?? [], info.DriverStatus ?? []),
    mirrors: info.RegistryConfig?.Mirrors ?? [],
    proxies: { http: info.HttpProxy ?? "", https: info.HttpsProxy ?? "", no: info.NoProxy ?? "" },
    insecureRegistries: insecureIn(info),
  };
}

async function versionOf(access: EngineAddress, timeoutMs: number): Promise<z.infer<typeof Version>> {
  const { socket, tls } = access;
  const asked = createClient(access, timeoutMs).version();
  if (tls === undefined) return Version.parse(await asked);
  return Version.parse(
    await asked.catch((error: unknown) => {
      throw explainTlsError(error, socket, tls);
    }),
  );
}

/** The newest that both sides know. */
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

/** Who is neither is taken for podman, whose RepoDigests prove nothing. */
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

/** dockerode reads DOCKER_HOST and what goes with it by itself, and lets it win over what it is told. */
function withoutDockerHost(make: () => Docker): Docker {
  const given = process.env["DOCKER_HOST"];
  try {
    delete process.env["DOCKER_HOST"];
    return make();
  } finally {
    if (given !== undefined) process.env["DOCKER_HOST"] = given;
  }
}

export const NOT_MODIFIED = 304;
export const NOT_FOUND = 404;
export const CONFLICT = 409;

/** What the Engine answered, to this call or to the one that caused the failure. */
export const statusOf = (error: unknown): number | undefined =>
  error instanceof Error
    ? ((error as { statusCode?: number }).statusCode ?? statusOf(error.cause))
    : undefined;

const CONNECTION_ERRORS = ["ECONNRESET", "EPIPE", "ETIMEDOUT", "ABORT_ERR"];

/** The Engine did not answer: a connection that was refused, cut, or given up for its silence. */
export function isEngineUnreachable(error: unknown): boolean {
  if (!(error instanceof Error) || statusOf(error) !== undefined) return false;
  const { code, syscall } = error as NodeJS.ErrnoException;
  return syscall === "connect" || CONNECTION_ERRORS.includes(code ?? "") || isEngineUnreachable(error.cause);
}

/** An Engine that was killed may have left a task of the container's; that is no matter of its image. */
export const isLeftoverTask = (error: unknown): boolean =>
  statusOf(error) === 500 && /task \S+ already exists/.test(String(error));

/** The container whose namespace another was to share ended while that was started. */
export const isParentEnded = (error: unknown): boolean =>
  statusOf(error) === 400 && /namespace path: lstat \/proc\/\d+\/ns\//.test(String(error));

/** A container that is started again and again was between two lives while it was renamed. */
export const isBetweenRestarts = (error: unknown): boolean =>
  statusOf(error) === NOT_FOUND && /sandbox \S+ not found/.test(String(error));

/** It was no JSON, or lacked what it is asked for. */
export const isMalformedAnswer = (error: unknown): boolean =>
  error instanceof NotJson || error instanceof TypeError;

/** Awaits a call to the Engine; answers that only say "it is so already" are no failure. */
export async function ignoreStatuses(codes: readonly number[], call: Promise<unknown>): Promise<void> {
  await call.catch((error: unknown) => {
    const status = statusOf(error);
    if (status === undefined || !codes.includes(status)) throw error;
  });
}

/** The answer, or undefined where the Engine says it is not there. */
export async function ifExists<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (statusOf(error) === NOT_FOUND) return undefined;
    throw error;
  }
}
