// One HTTP exchange with a registry or its token server: bounded in time and size, through the proxy that is meant for it,
// redirects followed without telling a secret to another host, and never from TLS to none. Not fetch, because that cannot
// leave a certificate unchecked for one host, as the Engine does for its insecure registries.
import type { IncomingHttpHeaders } from "node:http";
import { Agent, type Dispatcher, ProxyAgent } from "undici";
import type { Clock } from "../../shared/clock.ts";
import { type Proxies, proxyFor } from "./proxy.ts";

export interface HttpRequest {
  readonly method: "HEAD" | "GET" | "POST";
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** A longer answer is an error. */
  readonly maxBytes: number;
  /** The server's certificate need not be valid. */
  readonly unverified: boolean;
}

export interface HttpResponse {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** Who answered, after the redirects. */
  readonly url: URL;
}

/** No HTTP answer came. The message says why, without the URL. */
export class Unreachable extends Error {
  override readonly name = "Unreachable";
  /** It may be better in a moment. */
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

/** Keeps connections for the next question until disposed of. */
export class HttpExchange implements Disposable {
  readonly #clock: Clock;
  readonly #proxies: Proxies;
  /** By proxy, and by whether certificates are checked. */
  readonly #dispatchers = new Map<string, Dispatcher>();

  constructor(clock: Clock, proxies: Proxies) {
    this.#clock = clock;
    this.#proxies = proxies;
  }

  /** @throws Unreachable */
  async ask(question: HttpRequest, signal: AbortSignal): Promise<HttpResponse> {
    const limit = this.#clock.deadline(TIMEOUT_MS, signal);
    let next = question;
    for (let n = 0; n <= MOST_REDIRECTS; n++) {
      const answered = await this.#once(next, limit).catch((cause: unknown) => {
        if (signal.aborted) throw new Unreachable("stopped while asking", { cause });
        const isPassing = !limit.aborted && PASSING.has(codeOf(cause));
        throw new Unreachable(this.#wordsFor(cause, next, limit), { cause, isPassing });
      });
      const target = redirectOf(next, answered);
      if (target === undefined) return answered;
      next = redirectRequest(next, target);
    }
    throw new Unreachable(`redirected more than ${MOST_REDIRECTS} times`);
  }

  async #once(question: HttpRequest, signal: AbortSignal, again = true): Promise<HttpResponse> {
    const { method, url, body = null, maxBytes } = question;
    try {
      const response = await this.#dispatcherFor(question).request({
        origin: url.origin,
        path: `${url.pathname}${url.search}`,
        method,
        headers: { "user-agent": "ouroboros", ...question.headers },
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
      // The server may have closed a kept connection just as it was taken again.
      if (again && CUT.has(codeOf(error)) && !signal.aborted) return this.#once(question, signal, false);
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

  #wordsFor(error: unknown, { url }: HttpRequest, limit: AbortSignal): string {
    const proxy = proxyFor(url, this.#proxies);
    const through = proxy === undefined ? "" : `through the proxy ${proxy.host}: `;
    if (limit.aborted) return `${through}no answer within ${TIMEOUT_MS / 1000} s`;
    const { message } = error as Error;
    if (UNKNOWN_CA.has(codeOf(error)))
      return `${through}${message}; NODE_EXTRA_CA_CERTS may name the file of its CA`;
    const [first] = error instanceof AggregateError ? (error.errors as Error[]) : [];
    return `${through}${message || first?.message || (codeOf(error) ?? "no connection")}`;
  }

  [Symbol.dispose](): void {
    for (const one of this.#dispatchers.values()) one.destroy().catch(() => undefined);
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

/** Secrets stay with the host, port and scheme they were meant for, and so does leaving a certificate unchecked. */
function redirectRequest(question: HttpRequest, target: URL): HttpRequest {
  if (target.origin === question.url.origin) return { ...question, url: target };
  const headers = Object.fromEntries(
    Object.entries(question.headers).filter(([name]) => name.toLowerCase() !== "authorization"),
  );
  return { ...question, url: target, headers, unverified: false };
}
