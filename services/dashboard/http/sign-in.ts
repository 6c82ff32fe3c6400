// Signing in and out: by a token that is sent once and becomes a session, or at an OpenID Connect provider.
import type { Hono } from "hono";
import * as z from "zod";
import { explain } from "../../../shared/errors.ts";
import { parseJson } from "../../../shared/contract/messages.ts";
import { OWN_VERSION } from "../../../shared/runtime/own-version.ts";
import { fingerprint } from "../auth/secrets.ts";
import { SESSION_MS } from "../auth/sessions.ts";
import { refusal } from "../refusals.ts";
import { type AppEnv, type AppParts, SESSION_COOKIE, factsOf, refuse } from "./app-context.ts";
import { SIGN_IN_COOKIE, basePathOf, readCookie, removeCookie, writeCookie } from "./cookies.ts";

const Login = z.object({ token: z.string().min(1).max(1000) });
const SIGN_IN_S = 600;

export function addSignIn(app: Hono<AppEnv>, parts: AppParts): void {
  const { observing, identification, sessions } = parts;
  const { DASHBOARD_AUTH: kind, DASHBOARD_URL: publicUrl } = observing.settings;

  app.get("/api/me", (c) => {
    const found = identification.identify(factsOf(c));
    if ("refused" in found && found.refused === "sign in") return c.json({ sign_in: kind }, 401);
    if ("refused" in found) return refuse(c, found.refused);
    const { person, csrf } = found;
    return c.json({ ...person, csrf, sign_in: kind, version: OWN_VERSION });
  });

  app.post("/auth/login", async (c) => {
    if (kind !== "token") return c.json({ because: "there are no tokens here" }, 404);
    const address = identification.addressOf(factsOf(c));
    const given = Login.safeParse(parseJson(await c.req.text())).data;
    const found = given === undefined ? "wrong" : identification.findToken(address, given.token);
    if (found === "too many tries") {
      c.header("retry-after", String(parts.attempts.waitFor(address)));
      return refuse(c, found);
    }
    if (found === "wrong") {
      observing.log.warn({ address }, "somebody tried to sign in to the dashboard with a wrong token");
      return c.json(refusal("wrongToken"), 401);
    }
    const session = sessions.open({ name: found.name, groups: [], token: fingerprint(found.token) });
    const seconds = SESSION_MS / 1000;
    writeCookie(c, [SESSION_COOKIE, session], { publicUrl, seconds, isFromProvider: false });
    return c.json({ name: found.name, role: found.role });
  });

  app.post("/auth/logout", (c) => {
    const session = readCookie(c, SESSION_COOKIE);
    if (session !== undefined) sessions.close(session);
    removeCookie(c, SESSION_COOKIE, publicUrl);
    return c.json({});
  });

  addOidc(app, parts);
}

function addOidc(app: Hono<AppEnv>, { observing, sessions, oidc }: AppParts): void {
  const { log, settings } = observing;
  if (oidc === undefined) return;
  const publicUrl = settings.DASHBOARD_URL;
  const home = `${basePathOf(publicUrl)}/`;

  app.get("/auth/start", async (c) => {
    try {
      const { url, cookie } = await oidc.begin();
      writeCookie(c, [SIGN_IN_COOKIE, cookie], { publicUrl, seconds: SIGN_IN_S, isFromProvider: true });
      return c.redirect(url);
    } catch (error) {
      log.warn({ because: explain(error) }, "the OIDC provider cannot be asked");
      return c.redirect(`${home}#/sign-in/unreachable`);
    }
  });

  app.get("/auth/callback", async (c) => {
    try {
      const { search } = new URL(c.req.url);
      const { name, groups } = await oidc.end(readCookie(c, SIGN_IN_COOKIE) ?? "", search);
      removeCookie(c, SIGN_IN_COOKIE, publicUrl);
      const session = sessions.open({ name, groups: [...groups], token: "" });
      const seconds = SESSION_MS / 1000;
      writeCookie(c, [SESSION_COOKIE, session], { publicUrl, seconds, isFromProvider: true });
      return c.redirect(home);
    } catch (error) {
      log.warn({ because: explain(error) }, "a sign-in at the OIDC provider was not accepted");
      return c.redirect(`${home}#/sign-in/refused`);
    }
  });
}
