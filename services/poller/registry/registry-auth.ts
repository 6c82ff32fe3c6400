// Answers a registry's 401: Basic with the credentials themselves, Bearer with a token from the token server that the
// challenge names. Distribution spec, "Token Authentication" and "OAuth2 Token Authentication". Where the token
// server allows it, one token is requested with the scopes of all repositories of the round.
import type { Clock } from "../../../shared/clock.ts";
import { messageOf, reasonOf } from "../../../shared/catalogue/entry.ts";
import { registryErrors } from "../../../shared/catalogue/registry-errors.ts";
import type { Credentials } from "../../../shared/registry/credentials.ts";
import type { Challenge } from "./challenge.ts";
import { mayGetCredentials } from "./realm.ts";
import { AskedToWait, NoDigest, DEFAULT_WAIT_MS, retryAfterMs } from "./registry-error.ts";
import { type HttpResponse, type HttpExchange, type HttpRequest, Unreachable } from "./http-exchange.ts";
import { parseTokenResponse } from "./token-response.ts";

export interface RegistryLogin {
  /** The registry's name as the user writes it, for messages. */
  readonly registry: string;
  /** The API's host, with its port. */
  readonly apiHost: string;
  readonly repository: string;
  readonly credentials: Credentials | undefined;
  /** Why there are no credentials although some are configured. */
  readonly trouble?: string | undefined;
  /** The registry may be asked without TLS, and so may its token server. */
  readonly insecure: boolean;
  /** The entries of the setting TOKEN_SERVERS. */
  readonly rules: readonly string[];
  /** All repositories of this round: their scopes go into one token. */
  readonly together: readonly string[];
  readonly signal: AbortSignal;
}

const MEGABYTE = 1024 * 1024;
const LIFETIME_S = 60; // where the token server does not say: the spec's default
const MARGIN_S = 5;
/** How many scopes go into one request, and how long they may be: a URL and a token have limits. */
const MOST_SCOPES = 60;
const MOST_CHARACTERS = 4000;

interface Token {
  readonly authorization: string;
  /** On the monotonic clock. */
  readonly until: number;
}

export class TokenCache {
  readonly #exchange: HttpExchange;
  readonly #clock: Clock;
  readonly #tokens = new Map<string, Token>();
  readonly #asking = new Map<string, Promise<void>>();
  /** Token servers that accept only one scope at a time. */
  readonly #oneByOne = new Set<string>();

  constructor(exchange: HttpExchange, clock: Clock) {
    this.#exchange = exchange;
    this.#clock = clock;
  }

  /** The Authorization header that answers the challenge. @throws NoDigest */
  async authorizationFor(challenge: Challenge, access: RegistryLogin): Promise<string> {
    if (challenge.scheme === "basic") return basicOf(access);
    const own = scopeOf(challenge, access);
    const key = keyOf(challenge, access, own);
    for (let pending = this.#asking.get(key); pending !== undefined; pending = this.#asking.get(key))
      await pending;
    const kept = this.#kept(key);
    if (kept !== undefined) return kept.authorization;
    const scopes = this.#scopesFor(challenge, access, own);
    const asking = this.#ask(challenge, access, scopes).finally(() => {
      for (const scope of scopes) this.#asking.delete(keyOf(challenge, access, scope));
    });
    const settled = asking.then(
      () => undefined,
      () => undefined,
    );
    for (const scope of scopes) this.#asking.set(keyOf(challenge, access, scope), settled);
    return (await asking).authorization;
  }

  /** Drops a token that the registry did not accept. */
  forget(challenge: Challenge, access: RegistryLogin): void {
    this.#tokens.delete(keyOf(challenge, access, scopeOf(challenge, access)));
  }

  /** Asks for one scope at a time from now on: the registry refused a token of several scopes. */
  askOneByOne({ params }: Challenge): void {
    this.#oneByOne.add(params["realm"] ?? "");
  }

  #kept(key: string): Token | undefined {
    const kept = this.#tokens.get(key);
    return kept !== undefined && kept.until > this.#clock.monotonic() ? kept : undefined;
  }

  /** The scopes to ask for, the repository's own first. */
  #scopesFor(challenge: Challenge, access: RegistryLogin, own: string): string[] {
    const scopes = [own];
    if (this.#oneByOne.has(challenge.params["realm"] ?? "") || own !== pullScope(access.repository))
      return scopes;
    for (const scope of new Set(access.together.map(pullScope))) {
      const key = keyOf(challenge, access, scope);
      const isFull = scopes.length >= MOST_SCOPES || [...scopes, scope].join("").length > MOST_CHARACTERS;
      if (scope !== own && !isFull && this.#kept(key) === undefined && !this.#asking.has(key))
        scopes.push(scope);
    }
    return scopes;
  }

  async #ask(challenge: Challenge, access: RegistryLogin, scopes: readonly string[]): Promise<Token> {
    if (scopes.length > 1) {
      try {
        return await this.#fetch(challenge, access, scopes);
      } catch (error) {
        const isRefusal = error instanceof NoDigest && !(error instanceof AskedToWait);
        if (!isRefusal || error.isPassing || error.kind === "unreachable") throw error;
        this.askOneByOne(challenge);
      }
    }
    return this.#fetch(challenge, access, scopes.slice(0, 1));
  }

  async #fetch(challenge: Challenge, access: RegistryLogin, scopes: readonly string[]): Promise<Token> {
    const { registry } = access;
    const request = tokenRequest(challenge, access, scopes);
    const response = await this.#exchange.ask(request, access.signal).catch((error: unknown) => {
      if (!(error instanceof Unreachable)) throw error;
      const server = request.url.host;
      throw new NoDigest(
        reasonOf(registryErrors.tokenServerUnreachable, { server, registry, because: error.message }),
        { cause: error, kind: "unreachable", isPassing: error.isPassing },
      );
    });
    this.#check(response, access);
    const parsed = parseTokenResponse(response.body.toString());
    if (parsed === undefined) throw new NoDigest(reasonOf(registryErrors.tokenUnusable, { registry }));
    const seconds = (parsed.expires_in ?? LIFETIME_S) - MARGIN_S;
    const token = {
      authorization: `Bearer ${parsed.token}`,
      until: this.#clock.monotonic() + seconds * 1000,
    };
    for (const scope of scopes) this.#tokens.set(keyOf(challenge, access, scope), token);
    return token;
  }

  #check({ status, headers }: HttpResponse, access: RegistryLogin): void {
    if (status === 200) return;
    const server = `${access.registry}'s token server`;
    const wait = retryAfterMs(headers["retry-after"], this.#clock.now());
    if (status === 429)
      throw new AskedToWait(reasonOf(registryErrors.tokenServerBusy, { server }), wait ?? DEFAULT_WAIT_MS);
    if (status === 503 && wait !== undefined)
      throw new AskedToWait(reasonOf(registryErrors.serverStatus, { server, status }), wait);
    if (status === 400 || status === 401 || status === 403) throw accessDenied(access);
    const because = reasonOf(registryErrors.serverStatus, { server, status });
    throw new NoDigest(because, { kind: status >= 500 ? "passing" : "final" });
  }
}

/** The error for a refused registry: why access was denied, and the remedy. */
export function accessDenied({
  registry,
  credentials,
  trouble,
}: Omit<RegistryLogin, "signal" | "repository">): NoDigest {
  if (credentials === undefined && trouble !== undefined)
    return new NoDigest(reasonOf(registryErrors.loginUnreadable, { registry, because: trouble }), {
      kind: "login",
    });
  return credentials === undefined
    ? new NoDigest(messageOf(registryErrors.loginNeeded, { registry }), { kind: "login" })
    : new NoDigest(
        messageOf(registryErrors.loginRefused, {
          registry,
          user: credentials.username || "its identity token",
        }),
      );
}

function basicOf(access: RegistryLogin): string {
  const { credentials } = access;
  if (credentials === undefined || credentials.identityToken !== undefined) throw accessDenied(access);
  return `Basic ${Buffer.from(`${credentials.username}:${credentials.password}`).toString("base64")}`;
}

function tokenRequest({ params }: Challenge, access: RegistryLogin, scopes: readonly string[]): HttpRequest {
  const { credentials, insecure } = access;
  const url = realmOf(params["realm"] ?? "", access);
  const { service } = params;
  const base = { maxBytes: MEGABYTE, unverified: insecure && isOfRegistry(url, access) };
  if (credentials?.identityToken !== undefined) {
    const form = {
      ...(service !== undefined && { service }),
      scope: scopes.join(" "),
      grant_type: "refresh_token",
      client_id: "ouroboros",
    };
    return {
      ...base,
      method: "POST",
      url,
      headers: { "content-type": "application/x-www-form-urlencoded" },
      body: new URLSearchParams({ ...form, refresh_token: credentials.identityToken }).toString(),
    };
  }
  if (service !== undefined) url.searchParams.set("service", service);
  for (const scope of scopes) url.searchParams.append("scope", scope);
  return {
    ...base,
    method: "GET",
    url,
    headers: credentials === undefined ? {} : { authorization: basicOf(access) },
  };
}

/** The token server's URL, checked by the rules of realm.ts. @throws NoDigest */
function realmOf(realm: string, { registry, apiHost, insecure, credentials, rules }: RegistryLogin): URL {
  const url = URL.canParse(realm) ? new URL(realm) : undefined;
  const isTrusted = url?.protocol === "https:" || (insecure && url?.protocol === "http:");
  if (url === undefined || !isTrusted)
    throw new NoDigest(
      reasonOf(registryErrors.tokenServerUntrusted, { registry, realm: JSON.stringify(realm) }),
    );
  if (credentials !== undefined && !mayGetCredentials(url, apiHost, rules))
    throw new NoDigest(messageOf(registryErrors.tokenServerElsewhere, { registry, server: url.hostname }));
  return url;
}

const isOfRegistry = (url: URL, { apiHost }: RegistryLogin): boolean => mayGetCredentials(url, apiHost, []);

/** The scope where the challenge names none. */
export const pullScope = (repository: string): string => `repository:${repository}:pull`;

const scopeOf = ({ params }: Challenge, { repository }: RegistryLogin): string =>
  params["scope"] ?? pullScope(repository);

const keyOf = ({ params }: Challenge, { credentials }: RegistryLogin, scope: string): string =>
  JSON.stringify([
    params["realm"],
    params["service"],
    scope,
    credentials?.username,
    credentials?.password,
    credentials?.identityToken,
  ]);
