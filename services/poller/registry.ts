// What a tag means at its registry now. Distribution spec, "Pulling manifests" and "Checking if content exists in
// the registry": HEAD for the digest, GET only where HEAD gives none.
import { createHash } from "node:crypto";
import { type Clock, iso } from "../../shared/clock.ts";
import { type Credentials, credentialsFor } from "../../shared/credentials.ts";
import { explain } from "../../shared/errors.ts";
import { type ImageRef, apiHost } from "../../shared/image-ref.ts";
import type { Settings } from "../../shared/settings.ts";
import { type Challenge, answerable, parseChallenges } from "./challenge.ts";
import { inParallel } from "../../shared/in-parallel.ts";
import type { Answer } from "./plan.ts";
import { type Access, Tokens, denied, pullScope } from "./registry-auth.ts";
import { AskedToWait, NoDigest, retryAfterMs } from "./registry-error.ts";
import { Origins } from "./registry-origin.ts";
import { type Answered, Exchange, Unreachable } from "./request.ts";

interface Means {
  readonly settings: Pick<Settings, "REPO_USER" | "REPO_PASS">;
  /** As the Engine lists them. */
  readonly insecure: readonly string[];
  readonly clock: Clock;
}

/** What lasts for one round of questions. */
interface Round {
  readonly signal: AbortSignal;
  readonly credentials: Map<string, Promise<Credentials | undefined>>;
  /** How often each registry gave no answer. */
  readonly silent: Map<string, number>;
  /** Those that are asked no more in this round, and why. */
  readonly givenUp: Map<string, string>;
}

type Method = "HEAD" | "GET";

const ACCEPT = [
  "application/vnd.docker.distribution.manifest.v2+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.oci.image.index.v1+json",
].join(", ");
const MANIFEST_BYTES = 4 * 1024 * 1024;
const DIGEST = /^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/;
/** HEAD answers that may only mean that HEAD is not known there. */
const HEAD_UNSURE: ReadonlySet<number> = new Set([200, 400, 404, 405, 501]);
const LANES = { all: 20, each: 10, keyOf: (ref: ImageRef) => ref.registry };
const SILENT_ENOUGH = 3;

/** Remembers tokens, who wants to be left alone and how to speak to each registry, until disposed of. */
export class Registries implements Disposable {
  readonly #means: Means;
  readonly #exchange: Exchange;
  readonly #origins: Origins;
  readonly #tokens: Tokens;
  /** What each registry, or a repository with a scope of its own, asked for last time. */
  readonly #challenges = new Map<string, Challenge>();
  /** Registry → monotonic time until which it is not asked, and why. */
  readonly #waits = new Map<string, { readonly until: number; readonly because: string }>();

  constructor(means: Means) {
    this.#means = means;
    this.#exchange = new Exchange(means.clock);
    this.#origins = new Origins(this.#exchange, means.insecure);
    this.#tokens = new Tokens(this.#exchange, means.clock);
  }

  [Symbol.dispose](): void {
    this.#exchange[Symbol.dispose]();
  }

  /** One question for each distinct reference; the answers by `familiar`. Never throws for what a registry does. */
  async digestsOf(refs: readonly ImageRef[], signal: AbortSignal): Promise<ReadonlyMap<string, Answer>> {
    const distinct = [...new Map(refs.map((ref) => [ref.familiar, ref])).values()];
    const round: Round = { signal, credentials: new Map(), silent: new Map(), givenUp: new Map() };
    const answers = await inParallel(
      distinct,
      LANES,
      async (ref) => [ref.familiar, await this.#answerFor(ref, round)] as const,
    );
    return new Map(answers);
  }

  async #answerFor(ref: ImageRef, round: Round): Promise<Answer> {
    try {
      this.#refuseToDisturb(ref.registry, round);
      return { kind: "digest", digest: await this.#digestOf(ref, round) };
    } catch (error) {
      if (error instanceof AskedToWait) return unknown(this.#letAlone(ref.registry, error));
      return unknown(error instanceof NoDigest ? error.message : `${ref.registry}: ${explain(error)}`);
    }
  }

  async #digestOf(ref: ImageRef, round: Round): Promise<string> {
    const head = await this.#ask(ref, "HEAD", round);
    const said = head.status === 200 ? digestIn(head) : undefined;
    if (said !== undefined) return said;
    if (!HEAD_UNSURE.has(head.status)) throw refusal(ref, head);
    const got = await this.#ask(ref, "GET", round);
    if (got.status !== 200) throw refusal(ref, got);
    return digestIn(got) ?? `sha256:${createHash("sha256").update(got.body).digest("hex")}`;
  }

  /** Asks with the authorization that was right last time, and once more where the registry wants another. */
  async #ask(ref: ImageRef, method: Method, round: Round): Promise<Answered> {
    const { registry, repository } = ref;
    const access = await this.#accessTo(ref, round);
    const known = this.#challenges.get(`${registry}/${repository}`) ?? this.#challenges.get(registry);
    const authorization = known && (await this.#tokens.authorizationFor(known, access));
    const first = await this.#send(ref, method, authorization, round);
    if (first.status !== 401) return first;
    const challenge = answerable(parseChallenges(first.headers["www-authenticate"] ?? ""));
    if (challenge === undefined) throw denied(registry, access.credentials);
    if (authorization !== undefined) this.#tokens.forget(challenge, access);
    this.#remember(challenge, ref);
    const answer = await this.#tokens.authorizationFor(challenge, access);
    const second = await this.#send(ref, method, answer, round);
    if (second.status === 401) throw denied(registry, access.credentials);
    return second;
  }

  /** A Bearer challenge is the same for the whole registry, but for the scope; any other is its repository's own. */
  #remember(challenge: Challenge, { registry, repository }: ImageRef): void {
    const { scope = pullScope(repository), ...params } = challenge.params;
    const isGeneral = challenge.scheme === "bearer" && scope === pullScope(repository);
    if (isGeneral) this.#challenges.set(registry, { ...challenge, params });
    else this.#challenges.set(`${registry}/${repository}`, challenge);
  }

  async #accessTo({ registry, repository }: ImageRef, round: Round): Promise<Access> {
    const reading = round.credentials.get(registry) ?? credentialsFor(registry, this.#means.settings);
    round.credentials.set(registry, reading);
    const credentials = await reading.catch((cause: unknown) => {
      throw new NoDigest(explain(cause), { cause });
    });
    const insecure = await this.#origins.isInsecure(apiHost(registry));
    return { registry, repository, credentials, insecure, signal: round.signal };
  }

  async #send(
    { registry, repository, tag }: ImageRef,
    method: Method,
    authorization: string | undefined,
    round: Round,
  ): Promise<Answered> {
    const asked = {
      method,
      host: apiHost(registry),
      path: `/v2/${repository}/manifests/${tag}`,
      headers: { accept: ACCEPT, ...(authorization !== undefined && { authorization }) },
      maxBytes: MANIFEST_BYTES,
    };
    this.#refuseToDisturb(registry, round);
    const answered = await this.#origins.ask(asked, round.signal).catch((cause: unknown) => {
      if (!(cause instanceof Unreachable)) throw cause;
      throw new NoDigest(countSilence(registry, cause, round), { cause });
    });
    const wait = answered.headers["retry-after"];
    if (answered.status === 429 || (answered.status === 503 && wait !== undefined))
      throw new AskedToWait(
        `${registry} answered ${answered.status}`,
        retryAfterMs(wait, this.#means.clock.now()),
      );
    return answered;
  }

  #refuseToDisturb(registry: string, { givenUp }: Round): void {
    const wait = this.#waits.get(registry);
    if (wait !== undefined && wait.until > this.#means.clock.monotonic()) throw new NoDigest(wait.because);
    const because = givenUp.get(registry);
    if (because !== undefined) throw new NoDigest(because);
  }

  #letAlone(registry: string, { message, ms }: AskedToWait): string {
    const { clock } = this.#means;
    const kept = this.#waits.get(registry);
    if (kept !== undefined && kept.until > clock.monotonic() + ms - 2000) return kept.because;
    const because = `registry asks to wait: ${message}; it is not asked before ${iso(clock.now() + ms)}`;
    this.#waits.set(registry, { until: clock.monotonic() + ms, because });
    return because;
  }
}

const unknown = (because: string): Answer => ({ kind: "unknown", because });

function digestIn({ headers }: Answered): string | undefined {
  const said = headers["docker-content-digest"];
  return typeof said === "string" && DIGEST.test(said) ? said : undefined;
}

/** A registry that gave no answer several times is not waited for again for each of its images. */
function countSilence(registry: string, { message }: Unreachable, { silent, givenUp }: Round): string {
  const because = `registry unreachable: ${registry}: ${message}`;
  const times = (silent.get(registry) ?? 0) + 1;
  silent.set(registry, times);
  if (times >= SILENT_ENOUGH) givenUp.set(registry, because);
  return because;
}

function refusal({ registry, familiar }: ImageRef, { status }: Answered): NoDigest {
  if (status === 404)
    return new NoDigest(`${registry} has no ${familiar}, or shows it only to those who log in there`);
  if (status === 403) return new NoDigest(`${registry} denies access to ${familiar}`);
  return new NoDigest(`${registry} answered ${status} for ${familiar}`);
}
