// The current digests of tags: from the Engine's mirrors first, in the Engine's own order, then from the registry,
// with retries for transient failures, and last from the Engine (ask-engine.ts). registry-api.ts makes the single
// request.
import { reasonOf } from "../../shared/catalogue/entry.ts";
import { registryErrors } from "../../shared/catalogue/registry-errors.ts";
import type { Engine } from "../../shared/docker/engine.ts";
import { explain } from "../../shared/errors.ts";
import { type ImageRef, apiHost } from "../../shared/registry/image-ref.ts";
import { inParallel } from "../../shared/in-parallel.ts";
import { askEngineForDigest } from "./ask-engine.ts";
import { isLoopback } from "./registry/insecure-registries.ts";
import type { RegistryAnswer } from "./plan/plan.ts";
import type { RateLimit } from "../../shared/contract/rate-limit.ts";
import { RecentAnswers } from "./recent-answers.ts";
import { type ApiAccess, RegistryApi } from "./registry/registry-api.ts";
import { AskedToWait, NoDigest, DEFAULT_WAIT_MS } from "./registry/registry-error.ts";
import {
  type RegistryEndpoint,
  type RegistryRound,
  countSilence,
  mirrorEndpoints,
  newRound,
  ownEndpoint,
  throwIfGivenUp,
} from "./registry/registry-round.ts";
import { SHORT_WAIT_MS } from "./registry/registry-backoff.ts";
import { type AskForPage, type TagList, TagLists } from "./tags/tag-lists.ts";

export interface RegistryAccess extends ApiAccess {
  /** Asked where this process cannot reach a registry; undefined to never ask it. */
  readonly engine?: Pick<Engine, "docker"> | undefined;
  readonly mirrors?: readonly string[];
}

export interface TagListOptions {
  readonly signal: AbortSignal;
  /** Lists younger than so many milliseconds are used again. */
  readonly recentMs: number;
}

interface FoundDigest {
  readonly digest: string;
  readonly mirror?: string;
}

const CONCURRENCY = { all: 20, each: 10, keyOf: (ref: ImageRef) => ref.registry };
/** The pauses before the retries of a request within a cycle. */
const BACK_OFF_MS = [300, 1200, 4000];
/** How long a registry that only the Engine reached is asked through the Engine first. */
const ENGINE_FIRST_MS = 3_600_000;

/** Remembers tokens, requested pauses and how each registry is reached, until disposed of. */
export class Registries implements Disposable {
  readonly recent: RecentAnswers;
  readonly #access: RegistryAccess;
  readonly #api: RegistryApi;
  readonly #tags: TagLists;
  /** Registry → monotonic time until which the Engine is asked first. */
  readonly #engineFirst = new Map<string, number>();

  constructor(access: RegistryAccess) {
    this.#access = access;
    this.recent = new RecentAnswers(access.clock);
    this.#api = new RegistryApi(access);
    this.#tags = new TagLists(access.clock);
  }

  [Symbol.dispose](): void {
    this.#api[Symbol.dispose]();
  }

  /** Uses REPO_USER for this registry from now on. */
  bindTo(registry: string | undefined): void {
    this.#api.bound = registry;
  }

  get budgets(): Readonly<Record<string, RateLimit>> {
    return Object.fromEntries(this.#api.budgets);
  }

  /** Asks once for each distinct reference; answers by `familiar`. Never throws for a registry's failure. */
  async digestsOf(
    refs: readonly ImageRef[],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, RegistryAnswer>> {
    const distinct = [...new Map(refs.map((ref) => [ref.familiar, ref])).values()];
    const round = newRound(distinct, signal);
    const answers = new Map(
      await inParallel(
        distinct,
        CONCURRENCY,
        async (ref) => [ref.familiar, await this.#answerFor(ref, round)] as const,
      ),
    );
    this.recent.remember(answers);
    return answers;
  }

  async #answerFor(ref: ImageRef, round: RegistryRound): Promise<RegistryAnswer> {
    try {
      return { kind: "digest", ...(await this.#find(ref, round)) };
    } catch (error) {
      if (!(error instanceof NoDigest)) return unknown(`${ref.registry}: ${explain(error)}`);
      return { ...unknown(error.message), ...(error.kind === "login" && { wantsLogin: true }) };
    }
  }

  /** Host and port of the Engine's mirrors of the reference's registry. */
  mirrorsOf(ref: ImageRef): readonly string[] {
    return mirrorEndpoints(ref, this.#access.mirrors ?? []).map(({ registry }) => registry);
  }

  /** Whether an answer about the reference holds for this Engine only. */
  isLocal(ref: ImageRef): boolean {
    return this.mirrorsOf(ref).length > 0 || isLoopback(apiHost(ref.registry));
  }

  /** Whether the registry is sent credentials; also true where that cannot be found out. */
  async sendsLogin(registry: string, signal: AbortSignal): Promise<boolean> {
    const login = await this.#api.loginFor(registry, newRound([], signal)).catch(() => undefined);
    return login === undefined || login.credentials !== undefined;
  }

  /**
   * The tags of each repository, asked for once. From the registry itself: a mirror of the Engine may know only what was
   * pulled through it. Never throws for a registry's failure.
   */
  async tagsOf(refs: readonly ImageRef[], options: TagListOptions): Promise<ReadonlyMap<string, TagList>> {
    const distinct = [...new Map(refs.map((ref) => [ref.name, ref])).values()];
    const round = newRound(distinct, options.signal);
    const lists = await inParallel(distinct, CONCURRENCY, async (ref) => {
      const endpoint = ownEndpoint(ref.registry);
      const ask: AskForPage = (query, etag) =>
        this.#retry(endpoint, round, () => this.#api.tagPageAt(endpoint, ref, { query, etag, round }));
      return [ref.name, await this.#tags.listOf(ref, options.recentMs, ask)] as const;
    });
    return new Map(lists);
  }

  /** The digests at the registries, not at mirrors. One try each; a reference without an answer is left out. */
  upstreamOf(refs: readonly ImageRef[], signal: AbortSignal): Promise<ReadonlyMap<string, string>> {
    return findKnown(refs, signal, (ref, round) => this.#tryAt(ownEndpoint(ref.registry), ref, round));
  }

  /** The digests that the Engine finds, mirrors included; a reference without an answer is left out. */
  throughEngine(refs: readonly ImageRef[], signal: AbortSignal): Promise<ReadonlyMap<string, string>> {
    return findKnown(refs, signal, (ref, round) => this.#askEngine(ref, round));
  }

  async #find(ref: ImageRef, round: RegistryRound): Promise<FoundDigest> {
    const isEnginesOwn = isLoopback(apiHost(ref.registry));
    const isEngineFirst = (this.#engineFirst.get(ref.registry) ?? 0) > this.#access.clock.monotonic();
    const viaEngine = isEnginesOwn || isEngineFirst ? await this.#askEngine(ref, round) : undefined;
    if (viaEngine !== undefined) return { digest: viaEngine };
    const mirrored = await this.#findAtMirror(ref, round);
    if (mirrored !== undefined) return mirrored;
    try {
      return { digest: await this.#findAt(ownEndpoint(ref.registry), ref, round) };
    } catch (error) {
      const mayHelp =
        error instanceof NoDigest && error.kind === "unreachable" && !isEnginesOwn && !isEngineFirst;
      const digest = mayHelp ? await this.#askEngine(ref, round) : undefined;
      if (digest === undefined) throw error;
      this.#engineFirst.set(ref.registry, this.#access.clock.monotonic() + ENGINE_FIRST_MS);
      return { digest };
    }
  }

  /** As in the Engine, after any failure the next mirror is asked, and in the end the registry. */
  async #findAtMirror(ref: ImageRef, round: RegistryRound): Promise<FoundDigest | undefined> {
    for (const mirror of mirrorEndpoints(ref, this.#access.mirrors ?? [])) {
      const digest = await this.#tryAt(mirror, ref, round);
      if (digest !== undefined) return { digest, mirror: mirror.registry };
    }
    return undefined;
  }

  /** Tries once; undefined where there was no digest. */
  async #tryAt(endpoint: RegistryEndpoint, ref: ImageRef, round: RegistryRound): Promise<string | undefined> {
    const { registry } = endpoint;
    try {
      throwIfGivenUp(registry, round);
      return await this.#api.digestAt(endpoint, ref, round);
    } catch (error) {
      if (!(error instanceof NoDigest)) throw error;
      if (error.kind === "unreachable") round.givenUp.set(registry, error);
      if (error instanceof AskedToWait) this.#api.backoff.block(registry, error);
      return undefined;
    }
  }

  #findAt(endpoint: RegistryEndpoint, ref: ImageRef, round: RegistryRound): Promise<string> {
    return this.#retry(endpoint, round, () => this.#api.digestAt(endpoint, ref, round));
  }

  /** Retries transient failures for a few seconds in all. @throws NoDigest */
  async #retry<T>({ registry }: RegistryEndpoint, round: RegistryRound, ask: () => Promise<T>): Promise<T> {
    for (let n = 0; ; n++) {
      try {
        throwIfGivenUp(registry, round);
        return await ask();
      } catch (error) {
        if (!(error instanceof NoDigest) || round.givenUp.get(registry) === error) throw error;
        const ms = round.signal.aborted ? undefined : pauseAfter(error, n);
        if (ms === undefined) throw this.#giveUp(registry, error, round);
        if (error instanceof AskedToWait) await this.#api.backoff.pause(registry, ms, round.signal);
        else await this.#access.clock.sleep(ms, round.signal);
      }
    }
  }

  #giveUp(registry: string, error: NoDigest, round: RegistryRound): NoDigest {
    const because =
      error instanceof AskedToWait ? new NoDigest(this.#api.backoff.block(registry, error)) : error;
    const isSilent = error.kind === "unreachable" || error.isPassing || isShort(error);
    if (isSilent) countSilence(registry, because, round);
    return because;
  }

  async #askEngine(ref: ImageRef, round: RegistryRound): Promise<string | undefined> {
    const { engine, clock } = this.#access;
    const name = `the Engine about ${ref.registry}`;
    if (engine === undefined || round.givenUp.has(name) || round.signal.aborted) return undefined;
    const { credentials } = await this.#api.loginFor(ref.registry, round);
    const answer = await askEngineForDigest(engine, ref, { credentials, clock, signal: round.signal });
    if ("digest" in answer) return answer.digest;
    countSilence(
      name,
      new NoDigest(
        reasonOf(registryErrors.engineSilent, { registry: ref.registry, because: answer.because }),
      ),
      round,
    );
    return undefined;
  }
}

async function findKnown(
  refs: readonly ImageRef[],
  signal: AbortSignal,
  ask: (ref: ImageRef, round: RegistryRound) => Promise<string | undefined>,
): Promise<ReadonlyMap<string, string>> {
  const round = newRound(refs, signal);
  const found = await inParallel(refs, CONCURRENCY, async (ref) => {
    const digest = await ask(ref, round).catch(() => undefined); // only a comparison depends on the digest
    return digest === undefined ? [] : [[ref.familiar, digest] as const];
  });
  return new Map(found.flat());
}

const isShort = (error: NoDigest): boolean => error instanceof AskedToWait && error.ms <= SHORT_WAIT_MS;

/** The pause before the next try; undefined for no further try in this cycle. */
function pauseAfter(error: NoDigest, n: number): number | undefined {
  const backOff = BACK_OFF_MS[n];
  if (backOff === undefined) return undefined;
  if (error instanceof AskedToWait) {
    if (error.ms === DEFAULT_WAIT_MS) return backOff;
    return isShort(error) ? Math.max(error.ms, backOff) : undefined;
  }
  return error.isPassing && n < 2 ? backOff : undefined;
}

const unknown = (because: string): Extract<RegistryAnswer, { kind: "unknown" }> => ({
  kind: "unknown",
  because,
});
