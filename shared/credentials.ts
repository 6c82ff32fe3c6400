// Credentials for registries: REPO_USER/REPO_PASS, else the Docker client's config.json. A chain of small sources;
// a broken one concerns its registry only.
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { z } from "zod";
import { parseJson } from "./messages.ts";
import type { Settings } from "./settings.ts";

export interface Credentials {
  readonly username: string;
  readonly password: string;
  /** In place of a password, for registries that gave one (config.json `identitytoken`). */
  readonly identityToken?: string;
}

const DockerConfig = z.object({
  auths: z
    .record(
      z.string(),
      z.object({
        auth: z.string().optional(),
        username: z.string().optional(),
        password: z.string().optional(),
        identitytoken: z.string().optional(),
      }),
    )
    .optional(),
});

/** Docker Hub's key in config.json is this address; other registries' is their host. */
const HUB_KEYS = ["https://index.docker.io/v1/", "index.docker.io", "docker.io", "registry-1.docker.io"];

/**
 * Credentials for a registry (`docker.io`, `ghcr.io`, `registry.lab:5000`), read anew at each call, so that a
 * `docker login` takes effect; undefined for anonymous.
 * @throws Error where config.json cannot be read or understood.
 */
export async function credentialsFor(
  registry: string,
  settings: Pick<Settings, "REPO_USER" | "REPO_PASS">,
): Promise<Credentials | undefined> {
  if (settings.REPO_USER) return { username: settings.REPO_USER, password: settings.REPO_PASS };
  const file = `${process.env["DOCKER_CONFIG"] ?? `${homedir()}/.docker`}/config.json`;
  const text = await readFile(file, "utf8").catch((error: unknown) => {
    if (["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "")) return undefined;
    throw new Error(`${file} cannot be read: ${(error as Error).message}`, { cause: error });
  });
  if (text === undefined) return undefined;
  const config = DockerConfig.safeParse(parseJson(text));
  if (!config.success) throw new Error(`${file} is no Docker client configuration`);
  return fromConfig(config.data, registry);
}

function fromConfig(config: z.infer<typeof DockerConfig>, registry: string): Credentials | undefined {
  const keys =
    registry === "docker.io"
      ? HUB_KEYS
      : [
          registry,
          `https://${registry}`,
          `http://${registry}`,
          `https://${registry}/v1/`,
          `https://${registry}/v2/`,
        ];
  const entry = keys.map((key) => config.auths?.[key]).find((found) => found !== undefined);
  if (entry === undefined) return undefined;
  const decoded = /^([^:]*):(.*)$/su.exec(Buffer.from(entry.auth ?? "", "base64").toString()) ?? [];
  const username = entry.username ?? decoded[1] ?? "";
  const password = entry.password ?? decoded[2]?.replace(/\0+$/, "") ?? "";
  if (username === "" && entry.identitytoken === undefined) return undefined;
  return {
    username,
    password,
    ...(entry.identitytoken !== undefined && { identityToken: entry.identitytoken }),
  };
}
