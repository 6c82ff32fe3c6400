// How a registry is spoken to, found out as the Engine does it: over TLS, and without it only where the Engine takes
// the registry for an insecure one and TLS gave no answer.
import { isInsecure } from "./insecure.ts";
import { type HttpAnswer, type Exchange, type Question, Unreachable } from "./request.ts";

type Scheme = "https" | "http";

interface OriginRequest extends Pick<Question, "method" | "headers" | "maxBytes"> {
  /** The API's, with its port if it has one. */
  readonly host: string;
  readonly path: string;
  /** Where it is given: a mirror's, as the Engine lists it. */
  readonly scheme?: Scheme | undefined;
}

export class Origins {
  readonly #exchange: Exchange;
  readonly #insecure: readonly string[];
  /** What worked last time. */
  readonly #known = new Map<string, Scheme>();

  constructor(exchange: Exchange, insecure: readonly string[]) {
    this.#exchange = exchange;
    this.#insecure = insecure;
  }

  isInsecure(host: string): boolean {
    return isInsecure(host, this.#insecure);
  }

  /** @throws Unreachable */
  async ask({ host, path, scheme, ...rest }: OriginRequest, signal: AbortSignal): Promise<HttpAnswer> {
    const unverified = this.isInsecure(host);
    const known = scheme ?? this.#known.get(host);
    const schemes: readonly Scheme[] =
      known !== undefined ? [known] : unverified ? ["https", "http"] : ["https"];
    const failures: Unreachable[] = [];
    for (const one of schemes) {
      try {
        const url = new URL(path, `${one}://${host}`);
        const answered = await this.#exchange.ask({ ...rest, url, unverified }, signal);
        this.#known.set(host, one);
        return answered;
      } catch (error) {
        if (!(error instanceof Unreachable)) throw error;
        failures.push(error);
      }
    }
    this.#known.delete(host);
    throw failures.at(-1) ?? new Unreachable("not asked");
  }

  /** At the address that a redirect led to. @throws Unreachable */
  askAt(
    url: URL,
    rest: Pick<Question, "method" | "headers" | "maxBytes">,
    signal: AbortSignal,
  ): Promise<HttpAnswer> {
    return this.#exchange.ask({ ...rest, url, unverified: false }, signal);
  }
}
