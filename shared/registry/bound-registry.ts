// Reads which registry REPO_USER and REPO_PASS belong to where REPO_REGISTRY is not set. The poller finds it out and
// writes it into the host's entry in KV OUROBOROS_HOSTS; the updater's pulls use the same entry. It is valid for that
// REPO_USER only.
import type { KV } from "@nats-io/kv";
import * as z from "zod";
import { parseJson } from "../contract/messages.ts";
import type { Settings } from "../settings/settings.ts";
import { encodeToken } from "../contract/subject-tokens.ts";

export const CredentialsBound = z.object({
  registry: z.string(),
  user: z.string().describe("The REPO_USER that it was found with."),
});
const Entry = z.object({ credentials_bound: CredentialsBound });

/** Undefined where the settings need none, or where none is known yet. @throws the error of NATS. */
export async function readBoundRegistry(
  hosts: KV,
  host: string,
  { REPO_USER, REPO_REGISTRY }: Pick<Settings, "REPO_USER" | "REPO_REGISTRY">,
): Promise<string | undefined> {
  if (REPO_USER === "" || REPO_REGISTRY !== "") return undefined;
  const entry = await hosts.get(encodeToken(host));
  const bound = Entry.safeParse(parseJson(entry?.operation === "PUT" ? entry.string() : "")).data;
  return bound?.credentials_bound.user === REPO_USER ? bound.credentials_bound.registry : undefined;
}
