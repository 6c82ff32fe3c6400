// Who must be asked, followed by a KV watch, so that an event costs no listing.
import type { KV, KvEntry } from "@nats-io/kv";
import type { Logger } from "pino";
import type { Clock } from "../../../shared/clock.ts";
import { type HookName, hooks } from "../../../shared/hooks.ts";
import {
  type Asked,
  Participant,
  type Unreadable,
  isAbout,
  isChoosy,
  mayConcern,
  mustBeAsked,
  readEntry,
} from "../../../shared/participants.ts";
import { executorOf } from "../../../shared/subjects.ts";
import { isToken, untoken } from "../../../shared/tokens.ts";
import type { About } from "./about.ts";

interface Known {
  readonly participant: Participant | Unreadable;
  /** Server time of the entry, milliseconds since 1970. */
  readonly since: number;
}

type Watch = Awaited<ReturnType<KV["watch"]>>;

const EXECUTOR = Participant.pick({ timeout_ms: true, max_ms: true, on_timeout: true }).parse({});

const WATCH_AGAIN_MS = 1000;

/** A key that someone wrote by hand may be no token. */
const nameIn = (key: string): string => (isToken(key) ? untoken(key) : key);

export class Participants implements AsyncDisposable {
  readonly #known = new Map<string, Known>();
  readonly #bucket: KV;
  readonly #log: Logger;
  readonly #over = new AbortController();
  #reading: Promise<void> = Promise.resolve();

  private constructor(bucket: KV, log: Logger) {
    this.#bucket = bucket;
    this.#log = log;
  }

  /** Resolves when all entries of now are known. A watch that ends is begun again. */
  static async follow(bucket: KV, { log, clock }: { log: Logger; clock: Clock }): Promise<Participants> {
    const participants = new Participants(bucket, log);
    const first = await bucket.watch();
    const expected = (await bucket.status()).values > 0;
    const known = new Promise<void>((resolve) => {
      participants.#reading = participants.#follow(first, resolve, clock);
    });
    if (expected) await known;
    return participants;
  }

  async #follow(first: Watch, onKnown: () => void, clock: Clock): Promise<void> {
    for (let watch: Watch | undefined = first; !this.#over.signal.aborted;) {
      const stop = (): void => watch?.stop();
      this.#over.signal.addEventListener("abort", stop, { once: true });
      for await (const entry of watch ?? []) {
        this.#take(entry);
        if (entry.isUpdate) onKnown();
      }
      this.#over.signal.removeEventListener("abort", stop);
      await clock.sleep(WATCH_AGAIN_MS, this.#over.signal);
      if (!this.#over.signal.aborted) watch = await this.#bucket.watch().catch(() => undefined);
    }
  }

  #take(entry: KvEntry): void {
    const name = nameIn(entry.key);
    if (entry.operation !== "PUT") {
      this.#known.delete(name);
      return;
    }
    const participant = readEntry(entry.string());
    this.#known.set(name, { participant, since: entry.created.getTime() });
    if ("because" in participant)
      this.#log.error(
        { participant: name, because: participant.because, mend: `ouroboros participant remove ${name}` },
        "participant's entry cannot be understood; what it may concern is put off",
      );
  }

  /**
   * Those who must answer a hook of this host. `before`: only those whose entry is older, in server time
   * (milliseconds); for an event that was published already.
   */
  askedAt(
    hook: HookName,
    host: string,
    options: {
      readonly executor: boolean;
      readonly others: boolean;
      readonly before?: number;
      /** The containers that the event is about. */
      readonly about?: readonly About[];
    },
  ): Asked[] {
    const { executor, others, before = Number.POSITIVE_INFINITY, about = [] } = options;
    const found = [...this.#known]
      .filter(([, { since }]) => since < before)
      .flatMap(([name, { participant }]) => {
        if ("because" in participant)
          return mayConcern(participant, hook, host) ? [putOff(name, participant)] : [];
        return mustBeAsked(participant, hook, host) ? askedAbout(name, participant, { hook, about }) : [];
      });
    return [...(executor ? [{ name: executorOf(host), ...EXECUTOR }] : []), ...(others ? found : [])];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#over.abort();
    await this.#reading;
  }
}

const putOff = (name: string, { because }: Unreadable): Asked => ({
  ...{ name, ...EXECUTOR },
  unreadable: `the entry of participant ${name} cannot be understood: ${because}; mend it, or run \`ouroboros participant remove ${name}\``,
});

/** Empty where none of the containers is its concern. */
function askedAbout(
  name: string,
  participant: Participant,
  { hook, about }: { readonly hook: HookName; readonly about: readonly About[] },
): Asked[] {
  const { timeout_ms, max_ms, on_timeout, advisory, group, needs } = participant;
  const asked: Asked = {
    ...{ name, timeout_ms, max_ms, on_timeout },
    ...(advisory === true && { advisory }),
    ...(group !== undefined && { group }),
    ...(needs !== undefined && { needs }),
  };
  if (!isChoosy(participant)) return [asked];
  const chosen = about.filter((one) => isAbout(participant, one)).map((one) => one.name);
  if (chosen.length === 0) return [];
  return [hooks[hook].about === "run" ? { ...asked, only: chosen } : asked];
}
