// Chooses https or http for a registry as the Engine does: https first, and http only where the Engine lists the
// registry as insecure and https gave no answer.
import { isInsecure } from "./insecure-registries.ts";
import { type HttpResponse, type HttpExchange, type HttpRequest, Unreachable } from "./http-exchange.ts";

type Scheme = "https" | "http";

interface RegistryQuery extends Pick<HttpRequest, "method" | "headers" | "maxBytes"> {
  /** The API's host, with its port if it has one. */
  readonly host: string;
  readonly path: string;
  /** A mirror's scheme, as the Engine lists it; undefined to find it out. */
  readonly scheme?: Scheme | undefined;
}

export class RegistrySchemes {
  readonly #exchange: HttpExchange;
  readonly #insecure: readonly string[];
  /** By host: the scheme that worked last. */
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
    for (const candidate of schemes) {
      try {
        const url = new URL(path, `${candidate}://${host}`);
        const response = await this.#exchange.ask({ ...rest, url, unverified }, signal);
        this.#known.set(host, candidate);
        return response;
      } catch (error) {
        if (!(error instanceof Unreachable)) throw error;
        failures.push(error);
      }
    }
    this.#known.delete(host);
    throw failures.at(-1) ?? new Unreachable("not asked");
  }

  /** Asks the URL that a redirect led to, always with a certificate check. @throws Unreachable */
  askAt(
    url: URL,
    rest: Pick<HttpRequest, "method" | "headers" | "maxBytes">,
    signal: AbortSignal,
  ): Promise<HttpResponse> {
    return this.#exchange.ask({ ...rest, url, unverified: false }, signal);
  }
}
