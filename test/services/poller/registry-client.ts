// Asking registries as the poller does, in few words.
import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RegistryAnswer } from "../../../services/poller/plan/plan.ts";
import type { Proxies } from "../../../services/poller/registry/proxy.ts";
import { type RegistryAccess, Registries } from "../../../services/poller/registries.ts";
import { type Clock, systemClock } from "../../../shared/clock.ts";
import { type ImageRef, parseImageRef } from "../../../shared/registry/image-ref.ts";

export const DIGEST = `sha256:${"1".repeat(64)}`;
export const digest = (of: string): RegistryAnswer => ({ kind: "digest", digest: of });
export const becauseOf = (answer: RegistryAnswer | undefined): string =>
  answer?.kind === "unknown" ? answer.because : "";

interface Options {
  readonly settings?: Partial<RegistryAccess["settings"]>;
  readonly insecure?: readonly string[];
  readonly clock?: Clock;
  readonly proxies?: Partial<Proxies>;
  readonly mirrors?: readonly string[];
  readonly engine?: RegistryAccess["engine"];
}
const anonymous = { REPO_USER: "", REPO_PASS: "", REPO_REGISTRY: "", TOKEN_SERVERS: [] };
const direct = { http: "", https: "", no: "" };
export const registries = ({
  settings,
  insecure = ["registry.lab:5000"],
  clock = systemClock,
  proxies,
  mirrors = [],
  engine,
}: Options = {}): Registries =>
  new Registries({
    settings: { ...anonymous, ...settings },
    insecure,
    clock,
    proxies: { ...direct, ...proxies },
    mirrors,
    engine,
  });

export function ref(text: string): ImageRef {
  const parsed = parseImageRef(text);
  assert.ok(parsed, text);
  return parsed;
}

export async function ask(asked: Registries, ...texts: string[]): Promise<RegistryAnswer[]> {
  const refs = texts.map(ref);
  const answers = await asked.digestsOf(refs, new AbortController().signal);
  return refs.map(({ familiar }) => answers.get(familiar) ?? { kind: "unknown", because: "no answer" });
}

export function reply(
  response: ServerResponse,
  status: number,
  headers: Record<string, string> = {},
  body = "",
): void {
  response.writeHead(status, headers);
  response.end(body);
}

/** What a registry sends with a manifest. */
export const manifestHeaders = (digest = DIGEST): Record<string, string> => ({
  "docker-content-digest": digest,
});

export interface Login extends AsyncDisposable {
  /** Writes config.json; text as it is. */
  readonly write: (config: unknown) => Promise<void>;
}

/** A folder of the Docker client's, in place of the one that is there. */
export async function login(): Promise<Login> {
  const before = process.env["DOCKER_CONFIG"];
  const folder = await mkdtemp(join(tmpdir(), "login-"));
  process.env["DOCKER_CONFIG"] = folder;
  return {
    write: (config) =>
      writeFile(join(folder, "config.json"), typeof config === "string" ? config : JSON.stringify(config)),
    [Symbol.asyncDispose]: async () => {
      if (before === undefined) delete process.env["DOCKER_CONFIG"];
      else process.env["DOCKER_CONFIG"] = before;
      await rm(folder, { recursive: true });
    },
  };
}
