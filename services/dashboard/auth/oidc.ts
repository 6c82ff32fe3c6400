// DASHBOARD_AUTH=oidc: signs people in at an OpenID Connect provider, by the authorization code flow with PKCE
// (openid-client). What a sign-in needs until its end is kept in memory.
import * as oidc from "openid-client";
import type { Clock } from "../../../shared/clock.ts";
import type { Settings } from "../../../shared/settings/settings.ts";
import { readPersonName } from "./person.ts";
import { randomId } from "./secrets.ts";

type OidcSettings = Pick<
  Settings,
  | "DASHBOARD_URL"
  | "DASHBOARD_OIDC_ISSUER"
  | "DASHBOARD_OIDC_CLIENT"
  | "DASHBOARD_OIDC_SECRET"
  | "DASHBOARD_OIDC_GROUPS"
>;

/** What the provider said of a person. */
export interface ClaimedIdentity {
  readonly name: string;
  readonly groups: readonly string[];
}

interface SignIn {
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
  /** By the monotonic clock. */
  readonly until: number;
}

const SIGN_IN_MS = 10 * 60_000;
const MAX_SIGN_INS = 1000;

export class OidcSignIn {
  readonly #settings: OidcSettings;
  readonly #clock: Pick<Clock, "monotonic">;
  readonly #open = new Map<string, SignIn>();
  #provider: Promise<oidc.Configuration> | undefined;

  constructor(settings: OidcSettings, clock: Pick<Clock, "monotonic">) {
    [this.#settings, this.#clock] = [settings, clock];
  }

  /** Where to send the browser, and the text for a cookie that it has to bring back. @throws where there is no provider. */
  async begin(): Promise<{ readonly url: string; readonly cookie: string }> {
    const provider = await this.#discover();
    const signIn = {
      state: oidc.randomState(),
      nonce: oidc.randomNonce(),
      verifier: oidc.randomPKCECodeVerifier(),
      until: this.#clock.monotonic() + SIGN_IN_MS,
    };
    const url = oidc.buildAuthorizationUrl(provider, {
      redirect_uri: this.#callback,
      scope: "openid profile email",
      state: signIn.state,
      nonce: signIn.nonce,
      code_challenge: await oidc.calculatePKCECodeChallenge(signIn.verifier),
      code_challenge_method: "S256",
    });
    const cookie = randomId();
    this.#open.set(cookie, signIn);
    for (const [id, { until }] of this.#open)
      if (until < this.#clock.monotonic() || this.#open.size > MAX_SIGN_INS) this.#open.delete(id);
    return { url: url.href, cookie };
  }

  /** `query`: of the request by which the browser comes back. @throws where the sign-in is not valid. */
  async end(cookie: string, query: string): Promise<ClaimedIdentity> {
    const signIn = this.#open.get(cookie);
    this.#open.delete(cookie);
    if (signIn === undefined || signIn.until < this.#clock.monotonic())
      throw new Error("the sign-in took too long, or was begun elsewhere");
    const answer = await oidc.authorizationCodeGrant(
      await this.#discover(),
      new URL(`${this.#callback}${query}`),
      {
        expectedState: signIn.state,
        expectedNonce: signIn.nonce,
        pkceCodeVerifier: signIn.verifier,
        idTokenExpected: true,
      },
    );
    const claims: Readonly<Record<string, unknown>> = answer.claims() ?? {};
    const name = readPersonName(claims["preferred_username"] ?? claims["email"] ?? claims["sub"]);
    if (name === undefined) throw new Error("the provider does not say who it is");
    const groups: unknown = claims[this.#settings.DASHBOARD_OIDC_GROUPS];
    return { name, groups: Array.isArray(groups) ? groups.filter((group) => typeof group === "string") : [] };
  }

  get #callback(): string {
    return `${this.#settings.DASHBOARD_URL.replace(/\/+$/, "")}/auth/callback`;
  }

  /** Asked once; again after a failure. */
  #discover(): Promise<oidc.Configuration> {
    const { DASHBOARD_OIDC_ISSUER: issuer, DASHBOARD_OIDC_CLIENT: client } = this.#settings;
    // A provider on a loopback address, or in the same network, may have no TLS. The function is marked so only to stand out.
    // eslint-disable-next-line @typescript-eslint/no-deprecated
    const options = issuer.startsWith("http://") ? { execute: [oidc.allowInsecureRequests] } : undefined;
    this.#provider ??= oidc
      .discovery(new URL(issuer), client, this.#settings.DASHBOARD_OIDC_SECRET, undefined, options)
      .catch((error: unknown) => {
        this.#provider = undefined;
        throw error;
      });
    return this.#provider;
  }
}
