// How a request shows that its sender knows the secret: in the path, in a header, or by a signature of the body. One right proof is
// enough. Secrets are compared in constant time. Pure.
import { createHmac } from "node:crypto";
import { isSameSecret } from "../../shared/runtime/is-same-secret.ts";

export interface ProofFacts {
  /** What stands after `/push/` in the path; empty where nothing does. */
  readonly path: string;
  readonly header: (name: string) => string | undefined;
}

/** Before the body is read. */
export function hasShownSecret({ path, header }: ProofFacts, secret: string): boolean {
  const authorization = header("authorization") ?? "";
  const [scheme = "", credentials = ""] = authorization.split(" ", 2);
  const basic = /^basic$/i.test(scheme) ? Buffer.from(credentials, "base64").toString() : "";
  const shown = [
    path,
    header("x-gitlab-token") ?? "",
    authorization,
    /^bearer$/i.test(scheme) ? credentials : "",
    basic.slice(basic.indexOf(":") + 1),
  ];
  return shown.filter((given) => isSameSecret(given, secret)).length > 0;
}

const SIGNATURES = ["x-hub-signature-256", "x-gitea-signature", "x-forgejo-signature"] as const;

/** The signatures that came along, in hexadecimal: HMAC-SHA256 of the body. */
export const signaturesIn = ({ header }: Pick<ProofFacts, "header">): readonly string[] =>
  SIGNATURES.flatMap((name) => header(name)?.replace(/^sha256=/, "") ?? []);

export function isSigned(body: Uint8Array, signatures: readonly string[], secret: string): boolean {
  const wanted = createHmac("sha256", secret).update(body).digest("hex");
  return signatures.filter((given) => isSameSecret(given.toLowerCase(), wanted)).length > 0;
}
