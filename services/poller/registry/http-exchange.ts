// One HTTP request to a registry or its token server: bounded in time and size, and through the proxy for its
// address. Redirects are followed, but never from https to http, and the Authorization header never goes to another
// origin. Not fetch, because fetch cannot skip the certificate check for one host, as the Engine does for its
// insecure registries.
import type { IncomingHttpHeaders } from "node:http";
import { Agent, type Dispatcher, ProxyAgent } from "undici";
import type { Clock } from "../../../shared/clock.ts";
import { type Proxies, proxyFor } from "./proxy.ts";

export interface HttpRequest {
  readonly method: "HEAD" | "GET" | "POST";
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** A longer response is an error. */
  readonly maxBytes: number;
  /** Skip the check of the server's certificate. */
  readonly unverified: boolean;
}

export interface HttpResponse {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** The URL that answered, after redirects. */
  readonly url: URL;
}

/** No HTTP response came. The message says why, without the URL. */
export class Unreachable extends Error {
  override readonly name = "Unreachable";
  /** The failure is transient: a retry may succeed. */
  readonly isPassing: boolean;
  constructor(message: string, { cause, isPassing = false }: { cause?: unknown; isPassing?: boolean } = {}) {
    super(message, { cause });
    this.isPassing = isPassing;
  }
}

const TIMEOUT_MS = 10_000;
const MOST_REDIRECTS = 5;
const UNKNOWN_CA: ReadonlySet<unknown> = new Set([
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
]);
const CUT: ReadonlySet<unknown> = new Set(["UND_ERR_SOCKET", "ECONNRESET", "EPIPE"]);
const PASSING: ReadonlySet<unknown> = new Set([
  ...CUT,
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
]);
const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/** Keeps connections open for later requests until disposed of. */
export class HttpExchange implements Disposable {
  readonly #clock: Clock;
  readonly #proxies: Proxies;
  /** By proxy and by whether certificates are checked. */
  readonly #dispatchers = new Map<string, Dispatcher>();

  constructor(clock: Clock, proxies: Proxies) {
    this.#clock = clock;
    this.#proxies = proxies;
  }

  /** @throws Unreachable */
  async ask(request: HttpRequest, signal: AbortSignal): Promise<HttpResponse> {
    const deadline = this.#clock.deadline(TIMEOUT_MS, signal);
    let next = request;
    for (let n = 0; n <= MOST_REDIRECTS; n++) {
      const response = await this.#send(next, deadline).catch((cause: unknown) => {
        if (signal.aborted) throw new Unreachable("stopped while asking", { cause });
        const isPassing = !deadline.aborted && PASSING.has(codeOf(cause));
        throw new Unreachable(this.#describeFailure(cause, next, deadline), { cause, isPassing });
      });
      const target = redirectOf(next, response);
      if (target === undefined) return response;
      next = redirectRequest(next, target);
    }
    throw new Unreachable(`redirected more than ${MOST_REDIRECTS} times`);
  }

  async #send(request: HttpRequest, signal: AbortSignal, mayRetry = true): Promise<HttpResponse> {
    const { method, url, body = null, maxBytes } = request;
    try {
      const response = await this.#dispatcherFor(request).request({
        origin: url.origin,
        path: `${url.pathname}${url.search}`,
        method,
        headers: { "user-agent": "ouroboros", ...request.headers },
        body,
        signal,
      });
      return {
        status: response.statusCode,
        headers: response.headers,
        body: await bodyOf(response.body, maxBytes),
        url,
      };
    } catch (error) {
      // The server may have closed a kept connection just as it was reused.
      if (mayRetry && CUT.has(codeOf(error)) && !signal.aborted) return this.#send(request, signal, false);
      throw error;
    }
  }

  #dispatcherFor({ url, unverified }: HttpRequest): Dispatcher {
    const proxy = proxyFor(url, this.#proxies);
    const key = `${unverified} ${proxy?.href ?? ""}`;
    const kept = this.#dispatchers.get(key);
    if (kept !== undefined) return kept;
    const tls = { rejectUnauthorized: !unverified };
    const made =
      proxy === undefined
        ? new Agent({ connect: tls })
        : new ProxyAgent({ uri: proxy.href, requestTls: tls, proxyTunnel: false });
    this.#dispatchers.set(key, made);
    return made;
  }

  #describeFailure(error: unknown, { url }: HttpRequest, deadline: AbortSignal): string {
    const proxy = proxyFor(url, this.#proxies);
    const through = proxy === undefined ? "" : `through the proxy ${proxy.host}: `;
    if (deadline.aborted) return `${through}no answer within ${TIMEOUT_MS / 1000} s`;
    const { message } = error as Error;
    if (UNKNOWN_CA.has(codeOf(error)))
      return `${through}${message}; NODE_EXTRA_CA_CERTS may name the file of its CA`;
    const [first] = error instanceof AggregateError ? (error.errors as Error[]) : [];
    return `${through}${message || first?.message || (codeOf(error) ?? "no connection")}`;
  }

  [Symbol.dispose](): void {
    for (const dispatcher of this.#dispatchers.values()) dispatcher.destroy().catch(() => undefined);
  }
}

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code;

async function bodyOf(body: AsyncIterable<Buffer>, maxBytes: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of body) {
    size += part.length;
    if (size > maxBytes) throw new Error(`the answer is longer than ${maxBytes} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts);
}

function redirectOf({ method, url }: HttpRequest, { status, headers }: HttpResponse): URL | undefined {
  const { location } = headers;
  if (!REDIRECTS.has(status) || location === undefined || method === "POST") return undefined;
  const target = URL.canParse(location, url.href) ? new URL(location, url) : undefined;
  if (target === undefined || !/^https?:$/.test(target.protocol))
    throw new Unreachable("redirected to what is no web address");
  if (url.protocol === "https:" && target.protocol === "http:")
    throw new Unreachable(`redirected from https to http://${target.host}, which is not followed`);
  return target;
}

/** The Authorization header and the skipped certificate check apply to the same scheme, host and port only. */
function redirectRequest(request: HttpRequest, target: URL): HttpRequest {
  if (target.origin === request.url.origin) return { ...request, url: target };
  const headers = Object.fromEntries(
    Object.entries(request.headers).filter(([name]) => name.toLowerCase() !== "authorization"),
  );
  return { ...request, url: target, headers, unverified: false };
}
