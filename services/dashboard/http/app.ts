// The routes of the dashboard. What people see is in views.ts beside this file, what they do in actions.ts, signing in in
// sign-in.ts.
import { Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { HTTPException } from "hono/http-exception";
import { explain } from "../../../shared/errors.ts";
import { isSameSecret } from "../../../shared/runtime/is-same-secret.ts";
import { refusal } from "../refusals.ts";
import { addActions } from "./actions.ts";
import { type AppContext, type AppEnv, type AppParts, factsOf, headerOf, refuse } from "./app-context.ts";
import type { Asset } from "./assets.ts";
import { addImageViews } from "./image-views.ts";
import { isFromAnotherSite, securityHeaders } from "./security-headers.ts";
import { addSignIn } from "./sign-in.ts";
import { addViews } from "./views.ts";

const MAX_BODY = 64 * 1024;

export function makeApp(parts: AppParts): Hono<AppEnv> {
  const { observing, assets, identification } = parts;
  const app = new Hono<AppEnv>();
  app.use(async (c, next) => {
    await next();
    for (const [name, value] of Object.entries(securityHeaders)) c.header(name, value);
    if (!c.res.headers.has("cache-control")) c.header("cache-control", "no-store");
  });
  app.onError((error, c) => {
    if (error instanceof HTTPException) return c.json({ because: error.message }, error.status);
    observing.log.error({ err: error, path: c.req.path }, "a request to the dashboard failed");
    return c.json({ because: `it failed: ${explain(error)}` }, 500);
  });
  app.notFound((c) => c.json({ because: "there is no such page" }, 404));
  app.get("/", (c) => sendAsset(c, assets.get("index.html")));
  app.get("/:folder{page|packages}/:name", (c) =>
    sendAsset(c, assets.get(`${c.req.param("folder")}/${c.req.param("name")}`)),
  );
  app.post("*", bodyLimit({ maxSize: MAX_BODY }), async (c, next) => {
    const publicUrl = observing.settings.DASHBOARD_URL;
    if (isFromAnotherSite({ header: headerOf(c), publicUrl })) return c.json(refusal("otherSite"), 403);
    return next();
  });
  addSignIn(app, parts);
  app.use("/api/*", async (c: AppContext, next) => {
    const found = identification.identify(factsOf(c));
    if ("refused" in found) return refuse(c, found.refused);
    if (c.req.method !== "GET" && found.csrf !== undefined) {
      if (!isSameSecret(c.req.header("x-csrf-token") ?? "", found.csrf))
        return c.json({ ...refusal("oldPage"), stale: true }, 403);
    }
    c.set("person", found.person);
    return next();
  });
  addViews(app, parts);
  addImageViews(app, parts);
  addActions(app, parts);
  return app;
}

function sendAsset(c: AppContext, asset: Asset | undefined): Response | Promise<Response> {
  if (asset === undefined) return c.notFound();
  c.header("etag", asset.etag);
  c.header("cache-control", "no-cache");
  if (c.req.header("if-none-match") === asset.etag) return c.body(null, 304);
  c.header("content-type", asset.type);
  c.header("vary", "accept-encoding");
  if (!/\bgzip\b/.test(c.req.header("accept-encoding") ?? "")) return c.body(asset.body);
  c.header("content-encoding", "gzip");
  return c.body(asset.gzipped);
}
