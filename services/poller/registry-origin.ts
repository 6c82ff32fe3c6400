// How a registry is spoken to, found out as the Engine does it: over TLS, and without it only where the Engine takes
// the registry for an insecure one and TLS gave no answer.
import { isInsecure } from "./insecure.ts";
import { type Answered, type Exchange, type Question, Unreachable } from "./request.ts";

interface Origin {
  readonly scheme: "https" | "http";
  readonly insecure: boolean;
}

interface Asked extends Pick<Question, "method" | "headers" | "maxBytes"> {
  /** The API's, with its port if it has one. */
  readonly host: string;
  readonly path: string;
}

export class Origins {
  readonly #exchange: Exchange;
  readonly #insecure: readonly string[];
  /** What worked last time. */
  readonly #known = new Map<string, Origin>();

  constructor(exchange: Exchange, insecure: readonly string[]) {
    this.#exchange = exchange;
    this.#insecure = insecure;
  }

  async isInsecure(host: string): Promise<boolean> {
    return this.#known.get(host)?.insecure ?? isInsecure(host, this.#insecure);
  }

  /** @throws Unreachable */
  async ask({ host, path, ...rest }: Asked, signal: AbortSignal): Promise<Answered> {
    const insecure = await this.isInsecure(host);
    const known = this.#known.get(host)?.scheme;
    const schemes =
      known !== undefined ? [known] : insecure ? (["https", "http"] as const) : (["https"] as const);
    const failures: Unreachable[] = [];
    for (const scheme of schemes) {
      try {
        const url = new URL(path, `${scheme}://${host}`);
        const answered = await this.#exchange.ask({ ...rest, url, unverified: insecure }, signal);
        this.#known.set(host, { scheme, insecure });
        return answered;
      } catch (error) {
        if (!(error instanceof Unreachable)) throw error;
        failures.push(error);
      }
    }
    this.#known.delete(host);
    throw failures.at(-1) ?? new Unreachable("not asked");
  }
}
