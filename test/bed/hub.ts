/**
 * A read-only stand-in for Docker Hub, ghcr.io and quay.io, by their real names over TLS, in front of a plain
 * registry. host/NAME is kept there as NAME under a folder of the host's name: docker.io/library/nginx, ghcr.io/acme/app.
 * Follows the distribution specification's token flow and Docker Hub's rate limit headers.
 *
 *   BACKEND=http://10.77.0.1:5000 LISTEN=10.77.0.2 TLS=dir node hub.js
 *
 * It is steered by plain HTTP on port 8000 of the same address: PUT and GET /faults, /limit, /users, /log; bed.ts
 * has the client.
 */
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { text } from "node:stream/consumers";
import { setTimeout as pause } from "node:timers/promises";

/** Something that goes wrong on purpose. The first that matches a request and has `times` left is taken. */
export interface Fault {
  /** A regular expression over `METHOD host/path`; without it every request matches. */
  readonly match?: string;
  /** How often; without it, always. */
  times?: number;
  /** Answers this instead, with `headers` and `body`. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** Waits so many milliseconds first. */
  readonly delay?: number;
  /** Ends the connection without an answer, or with `slow` after the first part of it. */
  readonly cut?: boolean;
  /** Sends so many bytes a second. */
  readonly slow?: number;
}

export interface Limit {
  /** GETs of manifests on Docker Hub from one address or user … */
  readonly limit: number;
  /** … in so many seconds. */
  readonly window: number;
}

export interface LoggedRequest {
  readonly time: number;
  readonly address: string;
  readonly user: string | null;
  readonly method: string;
  readonly host: string;
  readonly path: string;
  readonly status: number | "cut";
}

interface State {
  faults: Fault[];
  limit: Limit;
  /** Names and passwords. A repository with /private/ in its path is there for them alone. */
  users: Record<string, string>;
  log: LoggedRequest[];
}
interface Grant {
  readonly user: string | null;
  readonly scopes: string;
  readonly until: number;
}
interface Call {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Who asks, kept as a closed connection forgets it. */
  readonly address: string;
  readonly host: string;
  readonly url: URL;
  readonly fault: Fault | undefined;
}

const { BACKEND = "http://10.77.0.1:5000", LISTEN = "10.77.0.2", TLS = "." } = process.env;
const dockerHub = ["registry-1.docker.io", "index.docker.io"];
const passed = ["accept", "range", "if-none-match"];
const returned = [
  "content-type",
  "content-length",
  "content-range",
  "docker-content-digest",
  "docker-distribution-api-version",
  "etag",
  "accept-ranges",
];
const state: State = { faults: [], limit: { limit: 100, window: 21600 }, users: { ann: "secret" }, log: [] };
const grants = new Map<string, Grant>();
const used = new Map<string, number[]>();

createTlsServer(
  { key: readFileSync(`${TLS}/hub.key`), cert: readFileSync(`${TLS}/hub.pem`) },
  (request, response) => {
    serve(request, response).catch((error: unknown) => {
      console.error(error);
      response.destroy();
    });
  },
).listen(443, LISTEN);
createServer((request, response) => void control(request, response)).listen(8000, LISTEN);

async function control(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const key = (request.url ?? "").slice(1);
  if (request.method === "PUT" && isPartOfState(key)) {
    Object.assign(state, { [key]: JSON.parse(await text(request)) as unknown });
    used.clear();
  }
  if (isPartOfState(key)) json(response, 200, state[key]);
  else json(response, 404, {});
}
function isPartOfState(key: string): key is keyof State {
  return Object.hasOwn(state, key);
}

async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const host = (request.headers.host ?? "").replace(/:.*/, "");
  const url = new URL(request.url ?? "/", `https://${host}`);
  const fault = state.faults.find(
    ({ match = "", times }) =>
      times !== 0 && RegExp(match).test(`${request.method ?? ""} ${host}${url.pathname}`),
  );
  const call = { request, response, address: request.socket.remoteAddress ?? "", host, url, fault };
  response.on("close", () => state.log.push(logged(call)));
  if (fault?.times !== undefined) fault.times -= 1;
  if (fault?.delay !== undefined) await pause(fault.delay);
  if (fault?.status !== undefined)
    json(response, fault.status, fault.body ?? errors("FAULT", "made on purpose"), fault.headers);
  else if (fault?.cut === true && fault.slow === undefined) request.socket.destroy();
  else if (url.pathname === "/token") grantToken(call);
  else if (url.pathname.startsWith("/v2/")) await answer(call);
  else json(response, 404, {});
}

function logged({ request, response, address, host, url }: Call): LoggedRequest {
  return {
    time: Date.now(),
    address,
    user: url.pathname === "/token" ? (credentials(request)?.name ?? null) : (grantOf(request)?.user ?? null),
    method: request.method ?? "",
    host,
    path: request.url ?? "",
    status: response.writableFinished ? response.statusCode : "cut",
  };
}

function grantToken({ request, response, url }: Call): void {
  const caller = credentials(request);
  if (caller !== undefined && state.users[caller.name] !== caller.secret) {
    json(response, 401, errors("UNAUTHORIZED", "incorrect username or password"));
    return;
  }
  const id = randomUUID();
  const scopes = url.searchParams.getAll("scope").join(" ");
  grants.set(id, { user: caller?.name ?? null, scopes, until: Date.now() + 300_000 });
  json(response, 200, { token: id, access_token: id, expires_in: 300, issued_at: new Date().toISOString() });
}
function credentials(request: IncomingMessage): { name: string; secret: string } | undefined {
  const [, encoded] = /^Basic (.+)$/i.exec(request.headers.authorization ?? "") ?? [];
  if (encoded === undefined) return undefined;
  const [, name = "", secret = ""] = /^([^:]*):?(.*)$/s.exec(Buffer.from(encoded, "base64").toString()) ?? [];
  return { name, secret };
}
function grantOf(request: IncomingMessage): Grant | undefined {
  const grant = grants.get((request.headers.authorization ?? "").replace(/^Bearer /i, ""));
  return grant !== undefined && grant.until > Date.now() ? grant : undefined;
}

async function answer(call: Call): Promise<void> {
  const [, repository, kind] = /^\/v2\/(.+)\/(manifests|blobs|tags)\//.exec(call.url.pathname) ?? [];
  const grant = grantOf(call.request);
  if (grant === undefined || (repository !== undefined && !allows(grant, repository))) {
    challenge(call, repository, grant);
    return;
  }
  const counted = kind === "manifests" && dockerHub.includes(call.host);
  const rate = counted ? countManifest(call, grant) : {};
  const tooMany = errors("TOOMANYREQUESTS", "You have reached your pull rate limit.");
  if (rate === "too many") json(call.response, 429, tooMany, { "retry-after": "60" });
  else await forward(call, rate);
}
function allows({ user, scopes }: Grant, repository: string): boolean {
  return (
    scopes.includes(`repository:${repository}:`) &&
    (user !== null || !`/${repository}/`.includes("/private/"))
  );
}

function challenge({ response, host }: Call, repository: string | undefined, grant: Grant | undefined): void {
  const hub = dockerHub.includes(host);
  const realm = hub ? "https://auth.docker.io/token" : `https://${host}/token`;
  const scope = repository === undefined ? "" : `,scope="repository:${repository}:pull"`;
  const reason = grant === undefined ? "" : ',error="insufficient_scope"';
  json(response, 401, errors("UNAUTHORIZED", "authentication required"), {
    "www-authenticate": `Bearer realm="${realm}",service="${hub ? "registry.docker.io" : host}"${scope}${reason}`,
    "docker-distribution-api-version": "registry/2.0",
  });
}

/** Docker Hub counts GETs of manifests, and tells of the count on HEAD too. */
function countManifest({ request, address }: Call, { user }: Grant): Record<string, string> | "too many" {
  const source = user ?? address;
  const { limit, window } = state.limit;
  const past = (used.get(source) ?? []).filter((time) => time > Date.now() - window * 1000);
  if (request.method === "GET" && past.length >= limit) return "too many";
  if (request.method === "GET") past.push(Date.now());
  used.set(source, past);
  return {
    "ratelimit-limit": `${limit};w=${window}`,
    "ratelimit-remaining": `${limit - past.length};w=${window}`,
    "docker-ratelimit-source": source,
  };
}

async function forward(
  { request, response, host, url, fault }: Call,
  headers: Record<string, string>,
): Promise<void> {
  const folder = dockerHub.includes(host) ? "docker.io" : host;
  const asked = passed.flatMap((name) =>
    request.headers[name] === undefined ? [] : [[name, String(request.headers[name])]],
  );
  const from = await fetch(
    `${BACKEND}${url.pathname.replace(/^\/v2\/(?=.)/, `/v2/${folder}/`)}${url.search}`,
    {
      method: request.method ?? "GET",
      headers: Object.fromEntries(asked) as Record<string, string>,
    },
  );
  for (const name of returned) {
    const value = from.headers.get(name);
    if (value !== null) headers[name] = value;
  }
  const link = from.headers.get("link");
  if (link !== null) headers["link"] = link.replace(`/v2/${folder}/`, "/v2/");
  response.writeHead(from.status, headers);
  if (request.method !== "HEAD" && (await send(from, response, fault)) === "cut") response.destroy();
  else response.end();
}

async function send(
  from: Response,
  response: ServerResponse,
  fault: Fault | undefined,
): Promise<"cut" | "whole"> {
  for await (const part of (from.body ?? []) as AsyncIterable<Uint8Array>) {
    const step = fault?.slow ?? part.length;
    for (let at = 0; at < part.length; at += step) {
      response.write(part.subarray(at, at + step));
      if (fault?.slow !== undefined) await pause(1000);
    }
    if (fault?.cut === true) return "cut";
  }
  return "whole";
}

function errors(code: string, message: string): object {
  return { errors: [{ code, message, detail: null }] };
}
function json(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, { "content-type": "application/json", ...headers });
  response.end(typeof body === "string" ? body : JSON.stringify(body));
}
