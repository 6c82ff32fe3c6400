// What lasts for one round of questions, one cycle's: who is asked for what, what was read for it, and who gave no answer.
import { type ImageRef, apiHost } from "../../shared/registry/image-ref.ts";
import type { FoundLogin } from "./registry-login.ts";
import { NoDigest } from "./registry-error.ts";

export interface RegistryRound {
  readonly signal: AbortSignal;
  /** By registry: all repositories that are asked for. */
  readonly repositories: ReadonlyMap<string, readonly string[]>;
  readonly logins: Map<string, Promise<FoundLogin>>;
  /** By registry: the first question, which finds out what it wants. */
  readonly openers: Map<string, Promise<unknown>>;
  /** How often each registry, or the Engine about one, gave no answer. */
  readonly silent: Map<string, number>;
  /** Those that are asked no more in this round, and why. */
  readonly givenUp: Map<string, NoDigest>;
}

/** Where a registry's API is; a mirror's is not the registry's own. */
export interface RegistryEndpoint {
  /** Whose credentials count, and what it is called in what we say. */
  readonly registry: string;
  /** The API's host, with its port. */
  readonly host: string;
  readonly scheme?: "https" | "http";
}

const SILENT_ENOUGH = 3;

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

/** The Engine's mirrors stand in for Docker Hub only. What is no address is none of ours. */
export function mirrorEndpoints({ registry }: ImageRef, mirrors: readonly string[]): RegistryEndpoint[] {
  if (registry !== "docker.io") return [];
  return mirrors
    .filter((mirror) => URL.canParse(mirror))
    .map((mirror) => {
      const { host, protocol } = new URL(mirror);
      return { registry: host, host, scheme: protocol === "http:" ? "http" : "https" };
    });
}

/** A registry that gave no answer several times is not waited for again for each of its images. */
export function countSilence(name: string, because: NoDigest, { silent, givenUp }: RegistryRound): void {
  const times = (silent.get(name) ?? 0) + 1;
  silent.set(name, times);
  if (times >= SILENT_ENOUGH) givenUp.set(name, because);
}

/** @throws NoDigest */
export function throwIfGivenUp(name: string, { givenUp }: RegistryRound): void {
  const because = givenUp.get(name);
  if (because !== undefined) throw because;
}
