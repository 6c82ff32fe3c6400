// How a registry is spoken to, found out as the Engine does it: over TLS, and without it only where the Engine takes
// the registry for an insecure one and TLS gave no answer.
import { isInsecure } from "./insecure-registries.ts";
import { type HttpResponse, type HttpExchange, type HttpRequest, Unreachable } from "./http-exchange.ts";

type Scheme = "https" | "http";

interface RegistryQuery extends Pick<HttpRequest, "method" | "headers" | "maxBytes"> {
  /** The API's, with its port if it has one. */
  readonly host: string;
  readonly path: string;
  /** Where it is given: a mirror's, as the Engine lists it. */
  readonly scheme?: Scheme | undefined;
}

export class RegistrySchemes {
  readonly #exchange: HttpExchange;
  readonly #insecure: readonly string[];
  /** What worked last time. */
  readonly #known = new Map<string, Scheme>();

  constructor(exchange: HttpExchange, insecure: readonly string[]) {
    this.#exchange = exchange;
    this.#insecure = insecure;
  }

  isInsecure(host: string): boolean {
    return isInsecure(host, this.#insecure);
  }

  /** @throws Unreachable */
  async ask({ host, path, scheme, ...rest }: RegistryQuery, signal: AbortSignal): Promise<HttpResponse> {
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
    rest: Pick<HttpRequest, "method" | "headers" | "maxBytes">,
    signal: AbortSignal,
  ): Promise<HttpResponse> {
    return this.#exchange.ask({ ...rest, url, unverified: false }, signal);
  }
}
