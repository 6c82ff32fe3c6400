// Listens for browsers, and stops.
import type { Server } from "node:http";
import { createAdaptorServer } from "@hono/node-server";
import type { Hono } from "hono";
import { messageOf } from "../../../shared/catalogue/entry.ts";
import { observerErrors } from "../../../shared/catalogue/start-errors.ts";
import { listenOn, stopping } from "../../../shared/runtime/http-server.ts";
import type { Settings } from "../../../shared/settings/settings.ts";
import type { AppEnv } from "./app-context.ts";
import { basePathOf } from "./cookies.ts";

type ServeSettings = Pick<Settings, "DASHBOARD_ADDR" | "DASHBOARD_PORT" | "DASHBOARD_URL">;

const MAX_CONNECTIONS = 1000;

/** @throws CannotStart where the address is not one of this machine's, or the port is in use. */
export async function serveApp(app: Hono<AppEnv>, settings: ServeSettings): Promise<AsyncDisposable> {
  const base = basePathOf(settings.DASHBOARD_URL);
  const server = createAdaptorServer({
    fetch: (request, env) => withoutBase(request, base, (inner) => app.fetch(inner, env)),
    serverOptions: { requestTimeout: 30_000, maxHeaderSize: 16_384 },
  }) as Server;
  server.maxConnections = MAX_CONNECTIONS;
  const { DASHBOARD_ADDR: address, DASHBOARD_PORT: port } = settings;
  await listenOn(server, { address, port }, (values) => messageOf(observerErrors.dashboardAddress, values));
  server.on("error", () => undefined); // one connection's; without a listener it ends the program
  return stopping(server);
}

/** A proxy may leave the prefix of DASHBOARD_URL in the path, or take it away. */
function withoutBase(
  request: Request,
  base: string,
  answer: (request: Request) => Response | Promise<Response>,
): Response | Promise<Response> {
  const url = new URL(request.url);
  if (base === "" || (url.pathname !== base && !url.pathname.startsWith(`${base}/`))) return answer(request);
  if (url.pathname === base) return new Response(null, { status: 308, headers: { location: `${base}/` } });
  url.pathname = url.pathname.slice(base.length);
  return answer(new Request(url, request));
}
