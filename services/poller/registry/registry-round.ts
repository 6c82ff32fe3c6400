// The state of one round of registry requests, as in one cycle: the repositories, the logins read so far, and which
// registries gave no answer.
import { type ImageRef, apiHost } from "../../../shared/registry/image-ref.ts";
import type { FoundLogin } from "./registry-login.ts";
import { NoDigest } from "./registry-error.ts";

export interface RegistryRound {
  readonly signal: AbortSignal;
  /** By registry: all repositories of the round. */
  readonly repositories: ReadonlyMap<string, readonly string[]>;
  readonly logins: Map<string, Promise<FoundLogin>>;
  /** By registry: the first request, which learns the challenge. */
  readonly openers: Map<string, Promise<unknown>>;
  /** How often each registry, or the Engine on its behalf, gave no answer. */
  readonly silent: Map<string, number>;
  /** Registries that are not asked again in this round, and why. */
  readonly givenUp: Map<string, NoDigest>;
}

/** Where an API is reached: a registry's own, or a mirror's. */
export interface RegistryEndpoint {
  /** Selects the credentials, and names the endpoint in messages. */
  readonly registry: string;
  /** The API's host, with its port. */
  readonly host: string;
  readonly scheme?: "https" | "http";
}

/** After so many requests without an answer a registry is given up for the round. */
const MAX_SILENCES = 3;

export function newRound(refs: readonly ImageRef[], signal: AbortSignal): RegistryRound {
  const repositories = new Map<string, string[]>();
  for (const { registry, repository } of refs)
    repositories.set(registry, [...(repositories.get(registry) ?? []), repository]);
  return {
    signal,
    repositories,
    logins: new Map(),
    openers: new Map(),
    silent: new Map(),
    givenUp: new Map(),
  };
}

export const ownEndpoint = (registry: string): RegistryEndpoint => ({ registry, host: apiHost(registry) });

/** The Engine uses its mirrors for Docker Hub only. An entry that is no URL is skipped. */
export function mirrorEndpoints({ registry }: ImageRef, mirrors: readonly string[]): RegistryEndpoint[] {
  if (registry !== "docker.io") return [];
  return mirrors
    .filter((mirror) => URL.canParse(mirror))
    .map((mirror) => {
      const { host, protocol } = new URL(mirror);
      return { registry: host, host, scheme: protocol === "http:" ? "http" : "https" };
    });
}

/** Counts a missing answer, so that an unreachable registry does not cost a timeout for each of its images. */
export function countSilence(name: string, because: NoDigest, { silent, givenUp }: RegistryRound): void {
  const times = (silent.get(name) ?? 0) + 1;
  silent.set(name, times);
  if (times >= MAX_SILENCES) givenUp.set(name, because);
}

/** @throws NoDigest */
export function throwIfGivenUp(name: string, { givenUp }: RegistryRound): void {
  const because = givenUp.get(name);
  if (because !== undefined) throw because;
}
