// How scripts reach their host's Engine: by the variables of the Docker CLI, which docker-py reads, too.
import { stat } from "node:fs/promises";
import type { Logger } from "pino";
import { findCertificates } from "../../shared/docker/engine-tls.ts";
import { explain } from "../../shared/errors.ts";
import type { Settings } from "../../shared/settings/settings.ts";

type Env = Readonly<Record<string, string>>;

/**
 * `env` with Docker's variables set for this host's Engine, from the settings; they replace those in `env`. Where the
 * Engine's certificates cannot be read, scripts get none of these variables. Without a socket `env` stays as it is.
 */
export async function addEngineVariables(
  env: Env,
  host: string,
  { settings, log }: { readonly settings: Settings; readonly log: Logger },
): Promise<Env> {
  const socket = await socketOf(host, settings);
  if (socket === undefined) return env;
  const { DOCKER_HOST: _, DOCKER_TLS_VERIFY: _verify, DOCKER_CERT_PATH: _path, ...others } = env;
  try {
    return { ...others, DOCKER_HOST: socket, ...(await tlsEnvFor(socket, settings)) };
  } catch (error) {
    log.warn({ socket, because: explain(error) }, "scripts get no Engine");
    return others;
  }
}

/** The socket of the named host, else the first that exists. The event tells a script which Engine it is from. */
async function socketOf(
  host: string,
  { OUROBOROS_HOST: names, DOCKER_SOCKETS: sockets }: Settings,
): Promise<string | undefined> {
  const own = sockets[names.indexOf(host)];
  for (const socket of own === undefined ? sockets : [own])
    if (socket.startsWith("tcp://") || (await isSocket(socket.slice("unix://".length)))) return socket;
  return undefined;
}

const isSocket = async (path: string): Promise<boolean> =>
  (await stat(path).catch(() => undefined))?.isSocket() ?? false;

/** The Docker CLI takes any value of DOCKER_TLS_VERIFY for yes, so it is left out for no. */
async function tlsEnvFor(socket: string, settings: Settings): Promise<Env> {
  if (!settings.DOCKER_TLS || !socket.startsWith("tcp://")) return {};
  const { folder } = await findCertificates(socket, settings.DOCKER_CERT_PATH);
  return {
    DOCKER_TLS: "1",
    DOCKER_CERT_PATH: folder,
    ...(settings.DOCKER_TLS_VERIFY && { DOCKER_TLS_VERIFY: "1" }),
  };
}
