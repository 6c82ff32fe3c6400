// What all routes share: the parts of the service, who sends a request, and how one is refused.
import type { HttpBindings } from "@hono/node-server";
import type { Context } from "hono";
import { getCookie } from "hono/cookie";
import type { Observing } from "../../../shared/runtime/run-observer.ts";
import type { DashboardRole } from "../../../shared/settings/dashboard-settings.ts";
import type { Attempts } from "../../../shared/runtime/attempts.ts";
import type { Identification, RequestFacts, SignInRefusal } from "../auth/identify.ts";
import type { OidcSignIn } from "../auth/oidc.ts";
import { type Person, mayAct } from "../auth/person.ts";
import type { Sessions } from "../auth/sessions.ts";
import type { LiveFleet } from "../read/live-fleet.ts";
import { refusal } from "../refusals.ts";
import type { Asset } from "./assets.ts";

export interface AppParts {
  readonly observing: Observing;
  readonly fleet: LiveFleet;
  readonly sessions: Sessions;
  readonly attempts: Attempts;
  readonly identification: Identification;
  readonly oidc: OidcSignIn | undefined;
  readonly assets: ReadonlyMap<string, Asset>;
}

export interface AppEnv {
  readonly Bindings: HttpBindings;
  readonly Variables: { readonly person: Person };
}
export type AppContext = Context<AppEnv>;

export const SESSION_COOKIE = "ouroboros_session";

export const headerOf =
  (c: AppContext) =>
  (name: string): string | undefined =>
    c.req.header(name);

export const factsOf = (c: AppContext): RequestFacts => ({
  address: c.env.incoming.socket.remoteAddress ?? "",
  header: headerOf(c),
  cookie: getCookie(c, SESSION_COOKIE),
});

export function refuse(c: AppContext, refused: SignInRefusal): Response {
  switch (refused) {
    case "sign in":
      return c.json(refusal("signInFirst"), 401);
    case "too many tries":
      return c.json(refusal("tooManyTries"), 429);
    case "no role":
      return c.json(refusal("noRole"), 403);
    case "not from a proxy":
      return c.json(refusal("notFromProxy"), 403);
  }
}

/** Lets only those go on who have at least this role. */
export const needs =
  (role: DashboardRole) =>
  async (c: AppContext, next: () => Promise<void>): Promise<Response | undefined> => {
    if (!mayAct(c.get("person"), role)) return c.json(refusal("roleNeeded", { role }), 403);
    await next();
    return undefined;
  };
