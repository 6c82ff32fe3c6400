// Who is signed in. Kept in KV OUROBOROS_OBSERVERS, so that a restart of the service signs nobody out; there is only the
// hash of what is in the browser's cookie, which helps nobody who can read the bucket.
import * as z from "zod";
import { parseJson } from "../../../shared/contract/messages.ts";
import { BUCKETS } from "../../../shared/contract/subjects.ts";
import { explain } from "../../../shared/errors.ts";
import { readMessages } from "../../../shared/nats/jetstream.ts";
import type { Observing } from "../../../shared/runtime/run-observer.ts";
import { fingerprint, randomId } from "./secrets.ts";

const Session = z.object({
  name: z.string(),
  groups: z.array(z.string()),
  /** Of the token that was used; empty where it was none. A token that is no longer valid ends its sessions. */
  token: z.string(),
  /** Milliseconds since 1970. */
  until: z.number(),
});
export type DashboardSession = z.infer<typeof Session>;

export const SESSION_MS = 7 * 86_400_000;
const MAX_SESSIONS = 1000;

type SessionContext = Pick<Observing, "clock" | "log" | "manager" | "name" | "state">;

export class Sessions {
  readonly #context: SessionContext;
  /** By the hash of the cookie, the oldest first. */
  readonly #byHash = new Map<string, DashboardSession>();

  constructor(context: SessionContext) {
    this.#context = context;
  }

  /** @throws the NATS client's error. */
  async load(): Promise<void> {
    const { manager } = this.#context;
    const subject = `$KV.${BUCKETS.observers}.${this.#key("*")}`;
    for await (const message of readMessages(manager, `KV_${BUCKETS.observers}`, subject)) {
      const session = Session.safeParse(parseJson(message.string())).data;
      const hash = message.subject.split(".").at(-1) ?? "";
      if (session === undefined) this.#byHash.delete(hash);
      else this.#byHash.set(hash, session);
    }
  }

  /** The text for the cookie. */
  open(session: Omit<DashboardSession, "until">): string {
    const id = randomId();
    const hash = fingerprint(id);
    const stored = { ...session, until: this.#context.clock.now() + SESSION_MS };
    this.#byHash.set(hash, stored);
    this.#store(this.#context.state.put(this.#key(hash), JSON.stringify(stored)));
    this.#removeOld();
    return id;
  }

  find(id: string): DashboardSession | undefined {
    const session = this.#byHash.get(fingerprint(id));
    return session !== undefined && session.until > this.#context.clock.now() ? session : undefined;
  }

  close(id: string): void {
    this.#remove(fingerprint(id));
  }

  #removeOld(): void {
    const now = this.#context.clock.now();
    for (const [hash, { until }] of this.#byHash)
      if (until <= now || this.#byHash.size > MAX_SESSIONS) this.#remove(hash);
  }

  #remove(hash: string): void {
    if (!this.#byHash.delete(hash)) return;
    this.#store(this.#context.state.delete(this.#key(hash)));
  }

  /** One that could not be stored counts until the service is restarted. */
  #store(written: Promise<unknown>): void {
    written.catch((error: unknown) =>
      this.#context.log.debug({ because: explain(error) }, "a session could not be stored"),
    );
  }

  #key(hash: string): string {
    return `${this.#context.name}.session.${hash}`;
  }
}
