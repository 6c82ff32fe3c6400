// Honours a registry's request to wait: a short wait is waited out, a long one fails the request.
import { type Clock, iso } from "../../../shared/clock.ts";
import { type UserMessage, reasonOf } from "../../../shared/catalogue/entry.ts";
import { registryErrors } from "../../../shared/catalogue/registry-errors.ts";
import { type AskedToWait, NoDigest } from "./registry-error.ts";

/** The longest wait within a cycle. */
export const SHORT_WAIT_MS = 10_000;

export class RegistryBackoff {
  readonly #clock: Clock;
  /** Registry → the monotonic time until which it is not asked, and why. */
  readonly #waits = new Map<string, { readonly until: number; readonly because: UserMessage }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Resolves when the registry may be asked. @throws NoDigest where the wait is too long for a cycle. */
  async waitForTurn(registry: string, signal: AbortSignal): Promise<void> {
    const wait = this.#waits.get(registry);
    const left = wait === undefined ? 0 : wait.until - this.#clock.monotonic();
    if (wait === undefined || left <= 0) return;
    if (left > SHORT_WAIT_MS) throw new NoDigest(wait.because);
    await this.#clock.sleep(left, signal);
  }

  /** Holds all requests to the registry for `ms`; resolves after that. */
  async pause(registry: string, ms: number, signal: AbortSignal): Promise<void> {
    const until = Math.max(this.#waits.get(registry)?.until ?? 0, this.#clock.monotonic() + ms);
    this.#waits.set(registry, { until, because: reasonOf(registryErrors.pauseUnderWay, { registry }) });
    await this.#clock.sleep(ms, signal);
  }

  /** Stops asking the registry until the requested time. Returns the reason. */
  block(registry: string, { message, ms }: AskedToWait): UserMessage {
    const kept = this.#waits.get(registry);
    if (kept !== undefined && ms > SHORT_WAIT_MS && kept.until > this.#clock.monotonic() + ms - 2000)
      return kept.because;
    const time = iso(this.#clock.now() + ms);
    const because = reasonOf(registryErrors.askedToWait, { because: message, time });
    this.#waits.set(registry, { until: this.#clock.monotonic() + ms, because });
    return because;
  }
}
