// Who sent it: the headers of Standard Webhooks 1.0 (standardwebhooks.com), for which receivers find a library in
// most languages. HMAC-SHA256 over `<id>.<timestamp>.<body>`, in base64.
import { createHmac } from "node:crypto";

const MARK = "whsec_";

/** A secret that begins with `whsec_` is base64 after that; any other is the key as it stands, in UTF-8. */
const keyOf = (secret: string): Buffer =>
  secret.startsWith(MARK) ? Buffer.from(secret.slice(MARK.length), "base64") : Buffer.from(secret);

interface Signed {
  readonly id: string;
  /** Of this try, seconds since 1970. */
  readonly timestamp: number;
  readonly body: string;
}

/** Without a secret there is no signature. */
export function signedHeaders({ id, timestamp, body }: Signed, secret: string): Record<string, string> {
  const headers = { "webhook-id": id, "webhook-timestamp": String(timestamp) };
  if (secret === "") return headers;
  const signature = createHmac("sha256", keyOf(secret)).update(`${id}.${timestamp}.${body}`).digest("base64");
  return { ...headers, "webhook-signature": `v1,${signature}` };
}
