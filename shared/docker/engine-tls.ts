// TLS to Engines on tcp://: which certificates, read where the connection is made. It fails closed: what cannot be
// read, does not fit or has expired is an error that names the file. Folders as Docker has them:
// https://docs.docker.com/engine/security/protect-access/ and https://docs.docker.com/engine/security/certificates/
import { X509Certificate } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { Agent } from "node:https";
import { homedir } from "node:os";
import { join } from "node:path";
import { createSecureContext } from "node:tls";
import { iso } from "../clock.ts";
import { explain } from "../errors.ts";
import type { Settings } from "../settings/settings.ts";

export type TlsSettings = Pick<Settings, "DOCKER_TLS" | "DOCKER_TLS_VERIFY" | "DOCKER_CERT_PATH">;

export interface Tls {
  readonly agent: Agent;
  /** For errors: what vouches for the Engine, and what for us. */
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

/** Undefined where the Engine is reached without TLS. @throws Error naming the file that is missing or wrong. */
export async function loadTls(socket: string, settings: TlsSettings, now: number): Promise<Tls | undefined> {
  if (!settings.DOCKER_TLS || !socket.startsWith("tcp://")) return undefined;
  const files = await findCertificates(socket, settings.DOCKER_CERT_PATH);
  const verify = settings.DOCKER_TLS_VERIFY;
  const [ca, cert, key] = await Promise.all([
    verify ? contentsOf(files.ca) : undefined,
    contentsOf(files.cert),
    contentsOf(files.key),
  ]);
  const options = { cert, key, ...(ca !== undefined && { ca }) };
  try {
    createSecureContext(options);
  } catch (error) {
    throw new Error(`${files.cert}, ${files.key} and ${files.ca} do not fit together`, { cause: error });
  }
  for (const [file, text] of [[files.ca, ca] as const, [files.cert, cert] as const]) {
    const until = text === undefined ? undefined : Date.parse(new X509Certificate(text).validTo);
    if (until !== undefined && until < now) throw new Error(`${file} expired at ${iso(until)}`);
  }
  return {
    agent: new Agent({ ...options, rejectUnauthorized: verify, keepAlive: true }),
    ca: verify ? files.ca : undefined,
    cert: files.cert,
  };
}

/** `given` is DOCKER_CERT_PATH. @throws Error naming the folders that are not there. */
export async function findCertificates(socket: string, given: string): Promise<CertificateFiles> {
  const address = socket.slice("tcp://".length);
  const base = given === "" ? PER_ENGINE : given;
  const own = join(base, address);
  if (await isFolder(own))
    return {
      folder: own,
      ca: join(own, "ca.crt"),
      cert: join(own, "client.cert"),
      key: join(own, "client.key"),
    };
  const common = given === "" ? join(homedir(), ".docker") : given;
  if (!(await isFolder(common)))
    throw new Error(
      `there are no certificates for tcp://${address}: neither ${own} nor ${common} is a folder`,
    );
  return {
    folder: common,
    ca: join(common, "ca.pem"),
    cert: join(common, "cert.pem"),
    key: join(common, "key.pem"),
  };
}

const isFolder = async (path: string): Promise<boolean> =>
  (await stat(path).catch(() => undefined))?.isDirectory() ?? false;

const contentsOf = (file: string): Promise<Buffer> =>
  readFile(file).catch((error: unknown) => {
    throw new Error(`${file} cannot be read, and DOCKER_TLS needs it`, { cause: error });
  });

/** Says which side did not trust the other. The codes are Node's (tls, "X509 certificate error codes") and OpenSSL's. */
export function explainTlsError(error: unknown, socket: string, { ca, cert }: Tls): Error {
  const code = (error as NodeJS.ErrnoException).code ?? "";
  if (ca !== undefined && /^(?:CERT_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|ERR_TLS_CERT_|INVALID_)/.test(code))
    return new Error(`the certificate of ${socket} is not good by ${ca}`, { cause: error });
  if (/^(?:ERR_SSL_|EPROTO|ECONNRESET)/.test(code))
    return new Error(`${socket} does not take the client certificate ${cert}, or speaks no TLS`, {
      cause: error,
    });
  return error instanceof Error ? error : new Error(explain(error));
}
