// Finds the credentials for a registry: REPO_USER and REPO_PASS for the registry they are bound to, else those of the
// Docker client's config.json, from its helpers first, then from its `auths`. A broken source affects its own
// registry only.
import { readFile } from "node:fs/promises";
import { messageOf } from "../catalogue/entry.ts";
import { credentialErrors } from "../catalogue/registry-errors.ts";
import { explain } from "../errors.ts";
import { homedir } from "node:os";
import * as z from "zod";
import { askCredentialHelper } from "./credential-helper.ts";
import { parseJson } from "../contract/messages.ts";
import { normalizeRegistryName } from "../settings/registry-name.ts";
import type { Settings } from "../settings/settings.ts";

export interface Credentials {
  readonly username: string;
  readonly password: string;
  /** Replaces the password at registries that issue identity tokens (config.json `identitytoken`). */
  readonly identityToken?: string;
}

/** `bound` is the registry that the poller found for them, where REPO_REGISTRY is not set (bound-registry.ts). */
export type CredentialSettings = Pick<Settings, "REPO_USER" | "REPO_PASS" | "REPO_REGISTRY"> & {
  readonly bound?: string | undefined;
};

const Entry = z.object({
  auth: z.string().optional(),
  username: z.string().optional(),
  password: z.string().optional(),
  identitytoken: z.string().optional(),
});
const DockerConfig = z.object({
  auths: z.record(z.string(), Entry).optional(),
  credsStore: z.string().optional(),
  credHelpers: z.record(z.string(), z.string()).optional(),
});
type DockerConfig = z.infer<typeof DockerConfig>;

/** The key of Docker Hub in the configuration of Docker's client. */
const HUB_KEY = "https://index.docker.io/v1/";
/** A helper returns this user name where the secret is an identity token. */
const IDENTITY_TOKEN = "<token>";

/**
 * Finds the credentials for a registry (`docker.io`, `ghcr.io`, `registry.lab:5000`). The file is read at each call,
 * so that a `docker login` takes effect. Undefined means anonymous.
 * @throws HelperFailed, and Error where config.json cannot be read or understood.
 */
export async function findCredentials(
  registry: string,
  from: CredentialSettings,
): Promise<Credentials | undefined> {
  const { REPO_USER, REPO_PASS, REPO_REGISTRY, bound } = from;
  if (REPO_USER && registry === (REPO_REGISTRY || bound)) return { username: REPO_USER, password: REPO_PASS };
  const file = `${process.env["DOCKER_CONFIG"] ?? `${homedir()}/.docker`}/config.json`;
  const text = await readFile(file, "utf8").catch((error: unknown) => {
    if (["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "")) return undefined;
    throw new Error(messageOf(credentialErrors.configUnreadable, { file, because: explain(error) }), {
      cause: error,
    });
  });
  if (text === undefined) return undefined;
  const config = DockerConfig.safeParse(parseJson(text));
  if (!config.success) throw new Error(messageOf(credentialErrors.configDamaged, { file }));
  return findInConfig(config.data, registry);
}

/** Credentials in the form in which the Engine takes them to pull an image and to query a registry. */
export const authConfigOf = ({ identityToken, ...basic }: Credentials, registry: string) => ({
  ...basic,
  ...(identityToken !== undefined && { identitytoken: identityToken }),
  serveraddress: registry,
});

async function findInConfig(config: DockerConfig, registry: string): Promise<Credentials | undefined> {
  const canonical = registry === "docker.io" ? HUB_KEY : registry;
  const isKeyOfRegistry = (key: string): boolean =>
    key === canonical || normalizeRegistryName(key) === registry;
  const entries = Object.entries(config.auths ?? {}).filter(([key]) => isKeyOfRegistry(key));
  const [, ownHelper] = Object.entries(config.credHelpers ?? {}).find(([key]) => isKeyOfRegistry(key)) ?? [];
  const helper = ownHelper ?? config.credsStore ?? "";
  if (helper !== "") {
    const servers = new Set([canonical, ...entries.map(([key]) => key)]);
    for (const server of servers) {
      const stored = await askCredentialHelper(helper, server);
      if (stored?.Username === IDENTITY_TOKEN)
        return { username: "", password: "", identityToken: stored.Secret };
      if (stored !== undefined) return { username: stored.Username, password: stored.Secret };
    }
  }
  const exact = entries.find(([key]) => key === canonical);
  return [...(exact ? [exact] : []), ...entries].map(([, entry]) => decodeEntry(entry)).find(Boolean);
}

function decodeEntry(entry: z.infer<typeof Entry>): Credentials | undefined {
  const decoded = /^([^:]*):(.*)$/su.exec(Buffer.from(entry.auth ?? "", "base64").toString()) ?? [];
  const username = entry.username ?? decoded[1] ?? "";
  const password = entry.password ?? decoded[2]?.replace(/\0+$/, "") ?? "";
  const identityToken = entry.identitytoken || undefined;
  if (username === "" && identityToken === undefined) return undefined;
  return { username, password, ...(identityToken !== undefined && { identityToken }) };
}
