// Who sends a request, by what DASHBOARD_AUTH says. A cookie and a proxy's header come with every request of a browser,
// whoever made it send one: what changes something must then also bring the token that only our own page can read.
import type { DashboardToken } from "../../../shared/settings/dashboard-settings.ts";
import type { Settings } from "../../../shared/settings/settings.ts";
import type { Attempts } from "../../../shared/runtime/attempts.ts";
import { makeForwardAuth, makeProxyCheck } from "./forward-auth.ts";
import { type Person, roleOf } from "./person.ts";
import { isSameSecret } from "../../../shared/runtime/is-same-secret.ts";
import { fingerprint, randomId, sign } from "./secrets.ts";
import type { DashboardSession, Sessions } from "./sessions.ts";

export interface RequestFacts {
  /** Of whoever opened the connection. */
  readonly address: string;
  readonly header: (name: string) => string | undefined;
  /** The session's cookie. */
  readonly cookie: string | undefined;
}

export type Identified =
  | { readonly person: Person; /** Undefined where none is needed. */ readonly csrf: string | undefined }
  | { readonly refused: SignInRefusal };
export type SignInRefusal = "sign in" | "not from a proxy" | "no role" | "too many tries";

export class Identification {
  readonly #settings: Settings;
  readonly #sessions: Sessions;
  readonly #attempts: Attempts;
  readonly #forwarded: ReturnType<typeof makeForwardAuth>;
  readonly #isProxy: ReturnType<typeof makeProxyCheck>;
  /** Of this process: behind a proxy a page gets another token after a restart, and asks for it by itself. */
  readonly #key = randomId();

  constructor(settings: Settings, sessions: Sessions, attempts: Attempts) {
    [this.#settings, this.#sessions, this.#attempts] = [settings, sessions, attempts];
    this.#forwarded = makeForwardAuth(settings);
    this.#isProxy = makeProxyCheck(settings);
  }

  identify(request: RequestFacts): Identified {
    if (this.#settings.DASHBOARD_AUTH === "forward-auth") return this.#fromProxy(request);
    const bearer = /^Bearer (.+)$/.exec(request.header("authorization") ?? "")?.[1];
    if (bearer !== undefined && this.#settings.DASHBOARD_AUTH === "token")
      return this.#byToken(this.addressOf(request), bearer);
    const session = this.#sessions.find(request.cookie ?? "");
    const person = session && this.#personOf(session);
    if (person === undefined) return { refused: session === undefined ? "sign in" : "no role" };
    return { person, csrf: sign(request.cookie ?? "", "page") }; // stays valid after a restart
  }

  /** Of whoever tries to sign in; a proxy of DASHBOARD_PROXIES says for whom it asks. */
  addressOf({ address, header }: RequestFacts): string {
    if (!this.#isProxy(address)) return address;
    return (header("x-forwarded-for") ?? "").split(",").at(-1)?.trim() || address;
  }

  /** Whose token it is; it counts as a try of the address. */
  findToken(address: string, given: string): DashboardToken | "wrong" | "too many tries" {
    if (this.#attempts.waitFor(address) > 0) return "too many tries";
    const found = this.#settings.DASHBOARD_TOKENS.find(({ token }) => isSameSecret(given, token));
    if (found === undefined) this.#attempts.noteFailure(address);
    else this.#attempts.noteSuccess(address);
    return found ?? "wrong";
  }

  #byToken(address: string, bearer: string): Identified {
    const found = this.findToken(address, bearer);
    if (found === "too many tries") return { refused: found };
    if (found === "wrong") return { refused: "sign in" };
    return { person: { name: found.name, role: found.role }, csrf: undefined };
  }

  #fromProxy({ address, header }: RequestFacts): Identified {
    const person = this.#forwarded(address, header);
    if (typeof person !== "string") return { person, csrf: sign(this.#key, person.name) };
    return { refused: person === "nobody" ? "sign in" : person };
  }

  /** Undefined where the token is no longer valid, or nobody grants a role any more. */
  #personOf({ name, groups, token }: DashboardSession): Person | undefined {
    if (this.#settings.DASHBOARD_AUTH === "token") {
      const found = this.#settings.DASHBOARD_TOKENS.find((one) => one.name === name);
      return found !== undefined && fingerprint(found.token) === token
        ? { name, role: found.role }
        : undefined;
    }
    const role = token === "" ? roleOf({ name, groups }, this.#settings.DASHBOARD_ROLES) : undefined;
    return role && { name, role };
  }
}
