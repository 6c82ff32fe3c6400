// Finds and loads the client certificates for Engines on tcp://, each time a connection is opened. It fails closed: a
// file that is unreadable, expired or does not match the others is an error that names it. The folders are those of
// Docker: https://docs.docker.com/engine/security/protect-access/ and
// https://docs.docker.com/engine/security/certificates/
import { X509Certificate } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import type { Agent } from "node:https";
import { homedir } from "node:os";
import { join } from "node:path";
import { createSecureContext } from "node:tls";
import { engineErrors } from "../catalogue/engine-errors.ts";
import { messageOf } from "../catalogue/entry.ts";
import { iso } from "../clock.ts";
import { explain } from "../errors.ts";
import type { Settings } from "../settings/settings.ts";

export type TlsSettings = Pick<Settings, "DOCKER_TLS" | "DOCKER_TLS_VERIFY" | "DOCKER_CERT_PATH">;

export interface Tls {
  readonly agent: Agent;
  /** The files that vouch for the Engine and for this client, for error messages. */
  readonly ca: string | undefined;
  readonly cert: string;
}

interface CertificateFiles {
  readonly folder: string;
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

const PER_ENGINE = "/etc/docker/certs.d";

/** Undefined where the connection uses no TLS. @throws Error naming the file that is missing or wrong. */
export async function loadTls(socket: string, settings: TlsSettings, now: number): Promise<Tls | undefined> {
  if (!settings.DOCKER_TLS || !socket.startsWith("tcp://")) return undefined;
  const files = await findCertificates(socket, settings.DOCKER_CERT_PATH);
  const verify = settings.DOCKER_TLS_VERIFY;
  const [ca, cert, key] = await Promise.all([
    verify ? readTlsFile(files.ca) : undefined,
    readTlsFile(files.cert),
    readTlsFile(files.key),
  ]);
  const options = { cert, key, ...(ca !== undefined && { ca }) };
  try {
    createSecureContext(options);
  } catch (error) {
    throw new Error(messageOf(engineErrors.certificatesMixed, { ...files, because: explain(error) }), {
      cause: error,
    });
  }
  for (const [file, text] of [[files.ca, ca] as const, [files.cert, cert] as const]) {
    const expiry = text === undefined ? undefined : Date.parse(new X509Certificate(text).validTo);
    if (expiry !== undefined && expiry < now)
      throw new Error(messageOf(engineErrors.certificateExpired, { file, time: iso(expiry) }));
  }
  const https = await import("node:https"); // few have such an Engine, and every command would load it
  return {
    agent: new https.Agent({ ...options, rejectUnauthorized: verify, keepAlive: true }),
    ca: verify ? files.ca : undefined,
    cert: files.cert,
  };
}

/** `certPath` is DOCKER_CERT_PATH. @throws Error naming the folders that are missing. */
export async function findCertificates(socket: string, certPath: string): Promise<CertificateFiles> {
  const address = socket.slice("tcp://".length);
  const base = certPath === "" ? PER_ENGINE : certPath;
  const own = join(base, address);
  if (await isFolder(own))
    return {
      folder: own,
      ca: join(own, "ca.crt"),
      cert: join(own, "client.cert"),
      key: join(own, "client.key"),
    };
  const common = certPath === "" ? join(homedir(), ".docker") : certPath;
  if (!(await isFolder(common)))
    throw new Error(messageOf(engineErrors.certificatesMissing, { socket, own, common }));
  return {
    folder: common,
    ca: join(common, "ca.pem"),
    cert: join(common, "cert.pem"),
    key: join(common, "key.pem"),
  };
}

const isFolder = async (path: string): Promise<boolean> =>
  (await stat(path).catch(() => undefined))?.isDirectory() ?? false;

const readTlsFile = (file: string): Promise<Buffer> =>
  readFile(file).catch((error: unknown) => {
    const because = explain(error);
    throw new Error(messageOf(engineErrors.certificateUnreadable, { file, because }), { cause: error });
  });

/**
 * Explains which side did not trust the other. The codes are Node's (tls, "X509 certificate error codes") and
 * OpenSSL's.
 */
export function explainTlsError(error: unknown, socket: string, { ca, cert }: Tls): Error {
  const code = (error as NodeJS.ErrnoException).code ?? "";
  const because = explain(error);
  if (ca !== undefined && /^(?:CERT_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|ERR_TLS_CERT_|INVALID_)/.test(code))
    return new Error(messageOf(engineErrors.engineNotTrusted, { socket, ca, because }), { cause: error });
  if (/^(?:ERR_SSL_|EPROTO|ECONNRESET)/.test(code))
    return new Error(messageOf(engineErrors.clientNotTrusted, { socket, cert, because }), { cause: error });
  return error instanceof Error ? error : new Error(explain(error));
}
