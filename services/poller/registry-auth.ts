// How a registry's 401 is answered: Basic with the credentials themselves, Bearer with a token from the token server
// that the challenge names. Distribution spec, "Token Authentication" and "OAuth2 Token Authentication".
import { z } from "zod";
import type { Clock } from "../../shared/clock.ts";
import type { Credentials } from "../../shared/credentials.ts";
import { parseJson } from "../../shared/messages.ts";
import type { Challenge } from "./challenge.ts";
import { AskedToWait, NoDigest, retryAfterMs } from "./registry-error.ts";
import { type Answered, type Exchange, type Question, Unreachable } from "./request.ts";

export interface Access {
  /** As the user writes it, for what we say. */
  readonly registry: string;
  readonly repository: string;
  readonly credentials: Credentials | undefined;
  /** The registry may be asked without TLS, so its token server may too. */
  readonly insecure: boolean;
  readonly signal: AbortSignal;
}

const TokenAnswer = z
  .object({
    token: z.string().optional(),
    access_token: z.string().optional(),
    expires_in: z.number().positive().optional(),
  })
  .transform(({ token, access_token, expires_in }) => ({ token: token ?? access_token ?? "", expires_in }))
  .refine(({ token }) => token !== "");

const MEGABYTE = 1024 * 1024;
const LIFETIME_S = 60; // where the token server does not say: the spec's default
const MARGIN_S = 5;

interface Token {
  readonly authorization: string;
  /** Monotonic. */
  readonly until: number;
}

export class Tokens {
  readonly #exchange: Exchange;
  readonly #clock: Clock;
  readonly #tokens = new Map<string, Token>();
  readonly #asking = new Map<string, Promise<Token>>();

  constructor(exchange: Exchange, clock: Clock) {
    this.#exchange = exchange;
    this.#clock = clock;
  }

  /** The Authorization header that answers the challenge. @throws NoDigest */
  async authorizationFor(challenge: Challenge, access: Access): Promise<string> {
    if (challenge.scheme === "basic") return basicOf(access);
    const key = keyOf(challenge, access);
    const kept = this.#tokens.get(key);
    if (kept !== undefined && kept.until > this.#clock.monotonic()) return kept.authorization;
    const asking =
      this.#asking.get(key) ?? this.#fetch(challenge, access).finally(() => this.#asking.delete(key));
    this.#asking.set(key, asking);
    const token = await asking;
    this.#tokens.set(key, token);
    return token.authorization;
  }

  /** The token was not accepted. */
  forget(challenge: Challenge, access: Access): void {
    this.#tokens.delete(keyOf(challenge, access));
  }

  async #fetch(challenge: Challenge, access: Access): Promise<Token> {
    const { registry } = access;
    const question = tokenQuestion(challenge, access);
    const answered = await this.#exchange.ask(question, access.signal).catch((error: unknown) => {
      if (!(error instanceof Unreachable)) throw error;
      const server = question.url.host;
      throw new NoDigest(
        `registry unreachable: ${server}, which gives ${registry}'s tokens: ${error.message}`,
      );
    });
    this.#check(answered, access);
    const token = TokenAnswer.safeParse(parseJson(answered.body.toString()));
    if (!token.success) throw new NoDigest(`${registry}'s token server gave no token that can be used`);
    const seconds = (token.data.expires_in ?? LIFETIME_S) - MARGIN_S;
    return {
      authorization: `Bearer ${token.data.token}`,
      until: this.#clock.monotonic() + seconds * 1000,
    };
  }

  #check({ status, headers }: Answered, { registry, credentials }: Access): void {
    if (status === 200) return;
    const server = `${registry}'s token server`;
    if (status === 429) {
      const ms = retryAfterMs(headers["retry-after"], this.#clock.now());
      throw new AskedToWait(`${server} is asked too often`, ms);
    }
    if (status === 400 || status === 401 || status === 403) throw denied(registry, credentials);
    throw new NoDigest(`${server} answered ${status}`);
  }
}

/** Why there is no access, and what to do about it. */
export function denied(registry: string, credentials: Credentials | undefined): NoDigest {
  return credentials === undefined
    ? new NoDigest(`${registry} denies access without credentials: \`docker login\` there, or set REPO_USER`)
    : new NoDigest(
        `${registry} refuses the credentials of ${credentials.username || "its identity token"}: \`docker login\` there again, or correct REPO_USER and REPO_PASS`,
      );
}

function basicOf({ registry, credentials }: Access): string {
  if (credentials === undefined || credentials.identityToken !== undefined)
    throw denied(registry, credentials);
  return `Basic ${Buffer.from(`${credentials.username}:${credentials.password}`).toString("base64")}`;
}

function tokenQuestion(challenge: Challenge, access: Access): Question {
  const { credentials, insecure } = access;
  const url = realmOf(challenge, access);
  const { service } = challenge.params;
  const common = { ...(service !== undefined && { service }), scope: scopeOf(challenge, access) };
  const base = { maxBytes: MEGABYTE, unverified: insecure };
  if (credentials?.identityToken !== undefined) {
    const form = { ...common, grant_type: "refresh_token", client_id: "ouroboros" };
    return {
      ...base,
      method: "POST",
      url,
      headers: { "content-type": "application/x-www-form-urlencoded" },
      body: new URLSearchParams({ ...form, refresh_token: credentials.identityToken }).toString(),
    };
  }
  for (const [name, value] of Object.entries(common)) url.searchParams.set(name, value);
  return {
    ...base,
    method: "GET",
    url,
    headers: credentials === undefined ? {} : { authorization: basicOf(access) },
  };
}

function realmOf({ params }: Challenge, { registry, insecure }: Access): URL {
  const { realm = "" } = params;
  const url = URL.canParse(realm) ? new URL(realm) : undefined;
  if (url?.protocol === "https:" || (insecure && url?.protocol === "http:")) return url;
  throw new NoDigest(`${registry} names a token server that cannot be trusted: ${JSON.stringify(realm)}`);
}

/** What is asked for where the challenge names no scope. */
export const pullScope = (repository: string): string => `repository:${repository}:pull`;

const scopeOf = ({ params }: Challenge, { repository }: Access): string =>
  params["scope"] ?? pullScope(repository);

const keyOf = (challenge: Challenge, access: Access): string =>
  JSON.stringify([
    challenge.params["realm"],
    challenge.params["service"],
    scopeOf(challenge, access),
    access.credentials?.username,
    access.credentials?.password,
    access.credentials?.identityToken,
  ]);
