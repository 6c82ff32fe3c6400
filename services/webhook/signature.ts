// Signs the request: the headers of Standard Webhooks 1.0 (standardwebhooks.com), for which receivers find a library
// in most languages. HMAC-SHA256 over `<id>.<timestamp>.<body>`, in base64.
import { createHmac } from "node:crypto";

const PREFIX = "whsec_";

/** After the prefix `whsec_` a secret is base64; a secret without it is the key itself, in UTF-8. */
const keyOf = (secret: string): Buffer =>
  secret.startsWith(PREFIX) ? Buffer.from(secret.slice(PREFIX.length), "base64") : Buffer.from(secret);

interface Signed {
  readonly id: string;
  /** The time of this attempt, seconds since 1970. */
  readonly timestamp: number;
  readonly body: string;
}

/** Without a secret the headers have no signature. */
export function signedHeaders({ id, timestamp, body }: Signed, secret: string): Record<string, string> {
  const headers = { "webhook-id": id, "webhook-timestamp": String(timestamp) };
  if (secret === "") return headers;
  const signature = createHmac("sha256", keyOf(secret)).update(`${id}.${timestamp}.${body}`).digest("base64");
  return { ...headers, "webhook-signature": `v1,${signature}` };
}
