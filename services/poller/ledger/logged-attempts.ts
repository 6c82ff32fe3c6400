// LoggedAttempts at what NATS may refuse, or not answer, without harm: the log has the first failure since a success at info,
// the others at debug.
import type { Logger } from "pino";
import { explain } from "../../../shared/errors.ts";

export class LoggedAttempts {
  readonly #log: Pick<Logger, "info" | "debug">;
  readonly #message: string;
  #hasFailed = false;

  /** `message` says what is not done now. */
  constructor(log: Pick<Logger, "info" | "debug">, message: string) {
    this.#log = log;
    this.#message = message;
  }

  /** False where the work failed: NATS or the bucket is not there, or this user may not use it. */
  async attempt(work: () => Promise<unknown>): Promise<boolean> {
    try {
      await work();
      this.#hasFailed = false;
      return true;
    } catch (error) {
      this.#log[this.#hasFailed ? "debug" : "info"]({ because: explain(error) }, this.#message);
      this.#hasFailed = true;
      return false;
    }
  }
}
