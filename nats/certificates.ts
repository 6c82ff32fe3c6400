// Makes a small certificate authority for the NATS server with openssl: one key, which signs the server's
// certificate. Both certificates have what RFC 5280 asks for, as Python 3.13 and newer insist on it.
import { execFile } from "node:child_process";
import { access, rm, writeFile } from "node:fs/promises";
import { isIP } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import { CannotStart, explain } from "../shared/errors.ts";
import { commandErrors } from "../shared/catalogue/command-errors.ts";
import { messageOf } from "../shared/catalogue/entry.ts";

interface CertificateRequest {
  /** Folder for the authority's key, ca-key.pem, and its certificate, ca.pem. */
  readonly authority: string;
  /** Folder for server-key.pem and server.pem. */
  readonly server: string;
  /** Host names and addresses by which clients reach the server. */
  readonly names: readonly string[];
}

const EC = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
const SUBJECT = ["-subj", "/CN=Ouroboros NATS authority", "-addext", "keyUsage=critical,keyCertSign,cRLSign"];
const DAYS = { authority: "7300", server: "3650" };

/**
 * Keeps the key of an existing authority and renews the server's certificate. @throws CannotStart without openssl.
 */
export async function makeCertificates({ authority, server, names }: CertificateRequest): Promise<void> {
  const ca = { key: join(authority, "ca-key.pem"), certificate: join(authority, "ca.pem") };
  const isNew = !(await fileExists(ca.key));
  if (isNew || !(await hasKeyUsage(ca.certificate)))
    await openssl(
      ...["req", "-x509", "-days", DAYS.authority, ...SUBJECT, "-out", ca.certificate],
      ...(isNew ? [...EC, "-keyout", ca.key] : ["-key", ca.key]), // clients with the old certificate trust it still
    );
  const request = join(server, "server.csr");
  const extensions = join(server, "server.ext");
  try {
    await writeFile(
      extensions,
      [
        `subjectAltName=${names.map((name) => `${isIP(name) === 0 ? "DNS" : "IP"}:${name}`).join(",")}`,
        "keyUsage=critical,digitalSignature",
        "extendedKeyUsage=serverAuth",
        "subjectKeyIdentifier=hash",
        "authorityKeyIdentifier=keyid",
        "",
      ].join("\n"),
    );
    await openssl(
      ...["req", ...EC, "-subj", "/CN=Ouroboros NATS"],
      ...["-keyout", join(server, "server-key.pem"), "-out", request],
    );
    await openssl(
      ...["x509", "-req", "-in", request, "-CA", ca.certificate, "-CAkey", ca.key, "-CAcreateserial"],
      ...["-days", DAYS.server, "-extfile", extensions, "-out", join(server, "server.pem")],
    );
  } finally {
    for (const file of [request, extensions, join(authority, "ca.srl")]) await rm(file, { force: true });
  }
}

/** Earlier versions made an authority without. */
const hasKeyUsage = async (certificate: string): Promise<boolean> =>
  (await openssl("x509", "-in", certificate, "-noout", "-ext", "keyUsage")).includes("Certificate Sign");

const fileExists = async (file: string): Promise<boolean> =>
  access(file).then(
    () => true,
    () => false,
  );

/** Resolves with what it printed. openssl makes its keys readable by their owner only. */
async function openssl(...args: readonly string[]): Promise<string> {
  try {
    return (await promisify(execFile)("openssl", args)).stdout;
  } catch (cause) {
    throw (cause as NodeJS.ErrnoException).code === "ENOENT"
      ? new CannotStart(messageOf(commandErrors.opensslMissing), { cause })
      : new CannotStart(
          messageOf(commandErrors.opensslFailed, { command: args[0] ?? "", because: explain(cause) }),
          { cause },
        );
  }
}
