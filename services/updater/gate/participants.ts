// Who must be asked, followed as it changes, so that an event costs no listing.
import type { Logger } from "pino";
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
import { BUCKETS, executorOf } from "../../../shared/subjects.ts";
import { isToken, untoken } from "../../../shared/tokens.ts";
import type { Bus } from "../bus.ts";
import type { ContainerAbout } from "./about.ts";
import { type BucketEntry, followBucket } from "./follow-bucket.ts";

interface KnownParticipant {
  readonly participant: Participant | Unreadable;
  /** Server time of the entry, milliseconds since 1970. */
  readonly since: number;
}

const EXECUTOR = Participant.pick({ timeout_ms: true, max_ms: true, on_timeout: true }).parse({});

/** A key that someone wrote by hand may be no token. */
const nameIn = (key: string): string => (isToken(key) ? untoken(key) : key);

export class Participants implements AsyncDisposable {
  readonly #known = new Map<string, KnownParticipant>();
  readonly #log: Logger;
  #following: AsyncDisposable | undefined;

  private constructor(log: Logger) {
    this.#log = log;
  }

  /** Resolves when all entries of now are known. */
  static async follow(bus: Bus): Promise<Participants> {
    const participants = new Participants(bus.context.log);
    participants.#following = await followBucket(bus, BUCKETS.participants, (entry) =>
      participants.#take(entry),
    );
    return participants;
  }

  #take({ key, text, written }: BucketEntry): void {
    const name = nameIn(key);
    if (text === undefined) {
      this.#known.delete(name);
      return;
    }
    const participant = readEntry(text);
    this.#known.set(name, { participant, since: written });
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
      readonly about?: readonly ContainerAbout[];
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
    await this.#following?.[Symbol.asyncDispose]();
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
  { hook, about }: { readonly hook: HookName; readonly about: readonly ContainerAbout[] },
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
