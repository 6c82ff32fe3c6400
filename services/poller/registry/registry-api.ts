// One request to one registry: the digest of a tag, or a page of its list of tags. Distribution spec, "Pulling manifests"
// and "Checking if content exists in the registry": HEAD for the digest, GET where HEAD gives none; "Listing Tags".
import { createHash } from "node:crypto";
import { messageOf, reasonOf } from "../../../shared/catalogue/entry.ts";
import { registryErrors } from "../../../shared/catalogue/registry-errors.ts";
import { type Clock, iso } from "../../../shared/clock.ts";
import type { CredentialSettings } from "../../../shared/registry/credentials.ts";
import type { ImageRef } from "../../../shared/registry/image-ref.ts";
import type { Settings } from "../../../shared/settings/settings.ts";
import { type Challenge, selectChallenge, parseChallenges } from "./challenge.ts";
import { CHALLENGES } from "./known-registries.ts";
import { type FoundLogin, findLogin } from "./registry-login.ts";
import type { Proxies } from "./proxy.ts";
import type { RateLimit } from "../../../shared/contract/rate-limit.ts";
import { readRateLimit } from "./rate-limit-headers.ts";
import { type RegistryLogin, TokenCache, accessDenied, pullScope } from "./registry-auth.ts";
import { AskedToWait, NoDigest, DEFAULT_WAIT_MS, retryAfterMs } from "./registry-error.ts";
import { RegistrySchemes } from "./registry-scheme.ts";
import { type HttpResponse, HttpExchange, Unreachable } from "./http-exchange.ts";
import type { RegistryEndpoint, RegistryRound } from "./registry-round.ts";
import { RegistryBackoff } from "./registry-backoff.ts";

export interface ApiAccess {
  readonly settings: CredentialSettings & Pick<Settings, "TOKEN_SERVERS">;
  /** The Engine's insecure registries. */
  readonly insecure: readonly string[];
  readonly proxies: Proxies;
  readonly clock: Clock;
}

interface RepositoryRequest {
  readonly ref: ImageRef;
  readonly method: "HEAD" | "GET";
  /** What follows `/v2/REPOSITORY/`. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly round: RegistryRound;
}

export interface TagPageRequest {
  /** As in a URL, with its question mark. */
  readonly query: string;
  /** Of the page as it is known. */
  readonly etag: string | undefined;
  readonly round: RegistryRound;
}

const ACCEPT = [
  "application/vnd.docker.distribution.manifest.v2+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.oci.image.index.v1+json",
].join(", ");
const MANIFEST_BYTES = 4 * 1024 * 1024;
const DIGEST = /^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/;
/** Statuses that may only mean that the registry does not support HEAD; 401 means one without a challenge. */
const HEAD_UNSURE: ReadonlySet<number> = new Set([200, 400, 401, 403, 404, 405, 431]);
const isUnsure = (status: number): boolean => HEAD_UNSURE.has(status) || status >= 500;

/** Remembers tokens, challenges and schemes of each registry, until disposed of. */
export class RegistryApi implements Disposable {
  readonly backoff: RegistryBackoff;
  /** Each registry's last rate limit. */
  readonly budgets = new Map<string, RateLimit>();
  /** The registry that REPO_USER turned out to be for. */
  bound: string | undefined;
  readonly #options: ApiAccess;
  readonly #exchange: HttpExchange;
  readonly #schemes: RegistrySchemes;
  readonly #tokens: TokenCache;
  /** The last challenge of each registry, or of a repository with a scope of its own; undefined for none. */
  readonly #challenges = new Map<string, Challenge | undefined>(CHALLENGES);

  constructor(options: ApiAccess) {
    this.#options = options;
    this.#exchange = new HttpExchange(options.clock, options.proxies);
    this.#schemes = new RegistrySchemes(this.#exchange, options.insecure);
    this.#tokens = new TokenCache(this.#exchange, options.clock);
    this.backoff = new RegistryBackoff(options.clock);
  }

  [Symbol.dispose](): void {
    this.#exchange[Symbol.dispose]();
  }

  /** @throws NoDigest */
  digestAt(endpoint: RegistryEndpoint, ref: ImageRef, round: RegistryRound): Promise<string> {
    return this.#afterOpener(endpoint, round, () => this.#digestAt(endpoint, ref, round));
  }

  /** Resolves with status 200 or 304. @throws NoDigest */
  tagPageAt(
    endpoint: RegistryEndpoint,
    ref: ImageRef,
    { query, etag, round }: TagPageRequest,
  ): Promise<HttpResponse> {
    const headers = {
      accept: "application/json",
      ...(etag !== undefined && { "if-none-match": etag }),
    };
    const list = { ref, path: `tags/list${query}`, headers, round };
    return this.#afterOpener(endpoint, round, () => this.#get(endpoint, list, [200, 304]));
  }

  /** A registry's first request learns its challenge; the others wait for it. */
  async #afterOpener<T>(
    { registry }: RegistryEndpoint,
    round: RegistryRound,
    ask: () => Promise<T>,
  ): Promise<T> {
    if (this.#challenges.has(registry)) return ask();
    const opener = round.openers.get(registry);
    if (opener !== undefined) await opener;
    const asking = ask();
    const settled = asking.catch(() => undefined);
    if (opener === undefined) round.openers.set(registry, settled);
    return asking;
  }

  async loginFor(registry: string, { logins }: RegistryRound): Promise<FoundLogin> {
    const reading =
      logins.get(registry) ?? findLogin(registry, { bound: this.bound, ...this.#options.settings });
    logins.set(registry, reading);
    return reading;
  }

  async #digestAt(endpoint: RegistryEndpoint, ref: ImageRef, round: RegistryRound): Promise<string> {
    const manifest = { ref, path: `manifests/${ref.tag}`, headers: { accept: ACCEPT }, round };
    const head = await this.#ask(endpoint, { ...manifest, method: "HEAD" });
    const digest = head.status === 200 ? digestIn(head) : undefined;
    if (digest !== undefined) return digest;
    if (!isUnsure(head.status)) throw refusal(ref, head);
    const got = await this.#get(endpoint, manifest, [200]);
    return digestIn(got) ?? `sha256:${createHash("sha256").update(got.body).digest("hex")}`;
  }

  /** @throws NoDigest where the registry answers with another status than the `expected`. */
  async #get(
    endpoint: RegistryEndpoint,
    asking: Omit<RepositoryRequest, "method">,
    expected: readonly number[],
  ): Promise<HttpResponse> {
    const { ref, round } = asking;
    const response = await this.#ask(endpoint, { ...asking, method: "GET" });
    if (expected.includes(response.status)) return response;
    if (response.status === 401) throw accessDenied(await this.#accessTo(endpoint, ref, round));
    throw refusal(ref, response);
  }

  /** Asks with the authorization that worked last time, and once more if the registry sends another challenge. */
  async #ask(endpoint: RegistryEndpoint, asking: RepositoryRequest): Promise<HttpResponse> {
    const { ref, round } = asking;
    const { registry } = endpoint;
    const access = await this.#accessTo(endpoint, ref, round);
    const known = this.#challenges.get(`${registry}/${ref.repository}`) ?? this.#challenges.get(registry);
    const authorization = known && (await this.#authorizeInAdvance(known, access));
    const first = await this.#send(endpoint, asking, authorization);
    if (first.status !== 401) {
      if (!this.#challenges.has(registry)) this.#challenges.set(registry, undefined);
      return first;
    }
    const challenge = selectChallenge(parseChallenges(first.headers["www-authenticate"] ?? ""));
    if (challenge === undefined) {
      if (first.headers["www-authenticate"] !== undefined) throw accessDenied(access);
      return first;
    }
    if (first.url.host !== endpoint.host) return this.#askAfterRedirect(first.url, challenge, asking);
    const own = authorization === undefined ? access : { ...access, together: [] };
    if (authorization !== undefined) this.#tokens.forget(challenge, access);
    this.#remember(challenge, endpoint, ref);
    const second = await this.#send(endpoint, asking, await this.#tokens.authorizationFor(challenge, own));
    if (second.status === 401) throw accessDenied(access);
    if (own !== access) this.#tokens.askOneByOne(challenge);
    return second;
  }

  /** A built-in challenge may be out of date: if its token server fails, the registry is asked without a token. */
  async #authorizeInAdvance(known: Challenge, access: RegistryLogin): Promise<string | undefined> {
    if (known !== CHALLENGES.get(access.registry)) return this.#tokens.authorizationFor(known, access);
    return this.#tokens.authorizationFor(known, access).catch((error: unknown) => {
      if (!(error instanceof NoDigest) || error instanceof AskedToWait || error.isPassing) throw error;
      return undefined;
    });
  }

  /** After a redirect to another registry that wants its own token: asks with that registry's credentials, if any. */
  async #askAfterRedirect(url: URL, challenge: Challenge, asking: RepositoryRequest): Promise<HttpResponse> {
    const { ref, method, round } = asking;
    const [, repository = ref.repository] = /^\/v2\/(.+)\/(?:manifests|tags)\//.exec(url.pathname) ?? [];
    const endpoint: RegistryEndpoint = { registry: url.host, host: url.host };
    const access = { ...(await this.#accessTo(endpoint, { ...ref, repository }, round)), together: [] };
    const authorization = await this.#tokens.authorizationFor(challenge, access);
    const headers = { ...asking.headers, authorization };
    await this.backoff.waitForTurn(url.host, round.signal);
    const rest = { method, headers, maxBytes: MANIFEST_BYTES };
    const response = await this.#schemes
      .askAt(url, rest, round.signal)
      .catch((cause: unknown) => unreachable(url.host, cause));
    if (response.status === 401) throw accessDenied(access);
    return this.#checkPause(url.host, response);
  }

  /** A Bearer challenge with the usual scope holds for the whole registry, any other for its repository only. */
  #remember(challenge: Challenge, { registry }: RegistryEndpoint, { repository }: ImageRef): void {
    const { scope = pullScope(repository), ...params } = challenge.params;
    const isGeneral = challenge.scheme === "bearer" && scope === pullScope(repository);
    if (isGeneral) this.#challenges.set(registry, { ...challenge, params });
    else this.#challenges.set(`${registry}/${repository}`, challenge);
  }

  async #accessTo(
    { registry, host }: RegistryEndpoint,
    ref: ImageRef,
    round: RegistryRound,
  ): Promise<RegistryLogin> {
    return {
      ...(await this.loginFor(registry, round)),
      registry,
      apiHost: host,
      repository: ref.repository,
      insecure: this.#schemes.isInsecure(host),
      rules: this.#options.settings.TOKEN_SERVERS,
      together: round.repositories.get(ref.registry) ?? [],
      signal: round.signal,
    };
  }

  async #send(
    { registry, host, scheme }: RegistryEndpoint,
    { ref, method, path, headers, round }: RepositoryRequest,
    authorization: string | undefined,
  ): Promise<HttpResponse> {
    const query = {
      method,
      host,
      scheme,
      path: `/v2/${ref.repository}/${path}`,
      headers: { ...headers, ...(authorization !== undefined && { authorization }) },
      maxBytes: MANIFEST_BYTES,
    };
    await this.backoff.waitForTurn(registry, round.signal);
    const response = await this.#schemes
      .ask(query, round.signal)
      .catch((cause: unknown) => unreachable(registry, cause));
    return this.#checkPause(registry, response);
  }

  /** Notes the rate limit. @throws AskedToWait where the registry asks for a pause. */
  #checkPause(registry: string, response: HttpResponse): HttpResponse {
    const { status, headers } = response;
    const { clock } = this.#options;
    const budget = readRateLimit(headers, iso(clock.now()));
    if (budget !== undefined) this.budgets.set(registry, budget);
    const wait = retryAfterMs(headers["retry-after"], clock.now());
    if (status === 429 || (status === 503 && wait !== undefined))
      throw new AskedToWait(
        reasonOf(registryErrors.serverStatus, { server: registry, status }),
        wait ?? DEFAULT_WAIT_MS,
      );
    return response;
  }
}

function unreachable(registry: string, cause: unknown): never {
  if (!(cause instanceof Unreachable)) throw cause;
  const { message, isPassing } = cause;
  throw new NoDigest(reasonOf(registryErrors.unreachable, { server: registry, because: message }), {
    cause,
    kind: "unreachable",
    isPassing,
  });
}

function digestIn({ headers }: HttpResponse): string | undefined {
  const digest = headers["docker-content-digest"];
  return typeof digest === "string" && DIGEST.test(digest) ? digest : undefined;
}

function refusal({ registry, familiar }: ImageRef, { status }: HttpResponse): NoDigest {
  if (status === 404)
    return new NoDigest(messageOf(registryErrors.imageMissing, { registry, image: familiar }));
  if (status === 403)
    return new NoDigest(messageOf(registryErrors.forbidden, { registry, image: familiar }), {
      kind: "login",
    });
  return new NoDigest(reasonOf(registryErrors.status, { registry, status, image: familiar }), {
    kind: status >= 500 ? "passing" : "final",
  });
}
