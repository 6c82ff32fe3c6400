// One HTTP exchange with a registry or its token server: bounded in time and size, redirects followed without
// telling a secret to another host. Not fetch, because that cannot leave a certificate unchecked for one host, as
// the Engine does for its insecure registries.
import {
  type IncomingHttpHeaders,
  type IncomingMessage,
  Agent as HttpAgent,
  request as http,
} from "node:http";
import { Agent as HttpsAgent, request as https } from "node:https";
import type { Clock } from "../../shared/clock.ts";

export interface Question {
  readonly method: "HEAD" | "GET" | "POST";
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** A longer answer is an error. */
  readonly maxBytes: number;
  /** The server's certificate need not be valid. */
  readonly unverified: boolean;
}

export interface Answered {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** No HTTP answer came. The message says why, without the URL. */
export class Unreachable extends Error {
  override readonly name = "Unreachable";
}

const TIMEOUT_MS = 10_000;
const MOST_REDIRECTS = 5;
const UNKNOWN_CA: ReadonlySet<unknown> = new Set([
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
]);
const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/** Keeps connections for the next question until disposed of. */
export class Exchange implements Disposable {
  readonly #clock: Clock;
  readonly #plain = new HttpAgent({ keepAlive: true });
  readonly #tls = new HttpsAgent({ keepAlive: true });

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @throws Unreachable */
  async ask(question: Question, signal: AbortSignal): Promise<Answered> {
    const limit = this.#clock.deadline(TIMEOUT_MS, signal);
    let next = question;
    for (let n = 0; n <= MOST_REDIRECTS; n++) {
      const answered = await this.#once(next, limit).catch((error: unknown) => {
        throw new Unreachable(signal.aborted ? "stopped while asking" : wordsFor(error, limit), {
          cause: error,
        });
      });
      const target = redirectOf(next, answered);
      if (target === undefined) return answered;
      next = followed(next, target);
    }
    throw new Unreachable(`redirected more than ${MOST_REDIRECTS} times`);
  }

  async #once(question: Question, signal: AbortSignal, again = true): Promise<Answered> {
    const { method, url, body, unverified } = question;
    const options = { method, headers: { "user-agent": "ouroboros", ...question.headers }, signal };
    const request =
      url.protocol === "https:"
        ? https(url, { ...options, agent: this.#tls, rejectUnauthorized: !unverified })
        : http(url, { ...options, agent: this.#plain });
    try {
      const response = await new Promise<IncomingMessage>((resolve, reject) => {
        request.on("response", resolve).on("error", reject).end(body);
      });
      return {
        status: response.statusCode ?? 0,
        headers: response.headers,
        body: await bodyOf(response, question.maxBytes),
      };
    } catch (error) {
      // The server closed a kept connection just as it was taken again.
      if (again && request.reusedSocket && !signal.aborted) return this.#once(question, signal, false);
      throw error;
    }
  }

  [Symbol.dispose](): void {
    this.#plain.destroy();
    this.#tls.destroy();
  }
}

async function bodyOf(response: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of response as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > maxBytes) throw new Error(`the answer is longer than ${maxBytes} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts);
}

function redirectOf({ method, url }: Question, { status, headers }: Answered): URL | undefined {
  if (!REDIRECTS.has(status) || headers.location === undefined || method === "POST") return undefined;
  if (URL.canParse(headers.location, url.href)) {
    const target = new URL(headers.location, url);
    if (/^https?:$/.test(target.protocol)) return target;
  }
  throw new Unreachable("redirected to what is no web address");
}

/** Secrets stay with the host, port and scheme they were meant for, and so does leaving a certificate unchecked. */
function followed(question: Question, target: URL): Question {
  if (target.origin === question.url.origin) return { ...question, url: target };
  const headers = Object.fromEntries(
    Object.entries(question.headers).filter(([name]) => name.toLowerCase() !== "authorization"),
  );
  return { ...question, url: target, headers, unverified: false };
}

function wordsFor(error: unknown, limit: AbortSignal): string {
  if (limit.aborted) return `no answer within ${TIMEOUT_MS / 1000} s`;
  const { message, code } = error as NodeJS.ErrnoException;
  if (UNKNOWN_CA.has(code)) return `${message}; NODE_EXTRA_CA_CERTS may name the file of its CA`;
  const [first] = error instanceof AggregateError ? (error.errors as Error[]) : [];
  return message || first?.message || code || "no connection";
}
