// Which registry REPO_USER and REPO_PASS are for, where REPO_REGISTRY does not say. The poller finds it and writes it into
// the host's entry in KV OUROBOROS_HOSTS; the updater's pulls go by the same entry. It holds for that REPO_USER only.
import type { KV } from "@nats-io/kv";
import { z } from "zod";
import { parseJson } from "../contract/messages.ts";
import type { Settings } from "../settings/settings.ts";
import { encodeToken } from "../contract/subject-tokens.ts";

export const CredentialsBound = z.object({
  registry: z.string(),
  user: z.string().describe("The REPO_USER that it was found with."),
});
const Entry = z.object({ credentials_bound: CredentialsBound });

/** Undefined where it does not matter, and where none was found yet. @throws what NATS throws. */
export async function readBoundRegistry(
  hosts: KV,
  host: string,
  { REPO_USER, REPO_REGISTRY }: Pick<Settings, "REPO_USER" | "REPO_REGISTRY">,
): Promise<string | undefined> {
  if (REPO_USER === "" || REPO_REGISTRY !== "") return undefined;
  const entry = await hosts.get(encodeToken(host));
  const read = Entry.safeParse(parseJson(entry?.operation === "PUT" ? entry.string() : "")).data;
  return read?.credentials_bound.user === REPO_USER ? read.credentials_bound.registry : undefined;
}
