// Knows who must be asked, and follows the bucket of participants, so that an event needs no listing.
import type { Logger } from "pino";
import { type HookName, hooks } from "../../../shared/contract/hooks.ts";
import {
  type AskedParticipant,
  Participant,
  type UnreadableEntry,
  matchesContainer,
  hasContainerFilter,
  mayConcern,
  mustBeAsked,
  readParticipant,
} from "../../../shared/contract/participants.ts";
import { BUCKETS, executorParticipant } from "../../../shared/contract/subjects.ts";
import { isToken, decodeToken } from "../../../shared/contract/subject-tokens.ts";
import type { Bus } from "../bus.ts";
import type { ConcernedContainer } from "./concerned-containers.ts";
import { type BucketEntry, followBucket } from "./follow-bucket.ts";

interface KnownParticipant {
  readonly participant: Participant | UnreadableEntry;
  /** Server time of the entry, milliseconds since 1970. */
  readonly since: number;
}

/** How many versions of an entry are known, so that a change does not exempt it from a plan published before. */
const MAX_VERSIONS = 10;

const EXECUTOR = Participant.pick({ timeout_ms: true, max_ms: true, on_timeout: true }).parse({});

/** A key that somebody wrote by hand may not be a token. */
const participantNameOf = (key: string): string => (isToken(key) ? decodeToken(key) : key);

export class Participants implements AsyncDisposable {
  /** By name: its entry, and before it those that were changed since this process started, the newest first. */
  readonly #known = new Map<string, readonly KnownParticipant[]>();
  readonly #log: Logger;
  #following: AsyncDisposable | undefined;

  private constructor(log: Logger) {
    this.#log = log;
  }

  /** Resolves when all current entries are known. */
  static async follow(bus: Bus): Promise<Participants> {
    const participants = new Participants(bus.context.log);
    participants.#following = await followBucket(bus, BUCKETS.participants, (entry) =>
      participants.#take(entry),
    );
    return participants;
  }

  #take({ key, text, written }: BucketEntry): void {
    const name = participantNameOf(key);
    if (text === undefined) {
      this.#known.delete(name);
      return;
    }
    const participant = readParticipant(text);
    const before = this.#known.get(name) ?? [];
    this.#known.set(name, [{ participant, since: written }, ...before].slice(0, MAX_VERSIONS));
    if ("because" in participant)
      this.#log.error(
        { participant: name, because: participant.because, mend: `ouroboros participant remove ${name}` },
        "participant's entry cannot be understood; what it may concern is put off",
      );
  }

  /**
   * The participants who must answer a hook of this host. With `before` (server time, milliseconds) their entries count as
   * they were then, and newer participants do not; it is for an event that was published already.
   */
  findAsked(
    hook: HookName,
    host: string,
    options: {
      readonly executor: boolean;
      readonly others: boolean;
      readonly before?: number;
      /** The containers that the event is about. */
      readonly about?: readonly ConcernedContainer[];
    },
  ): AskedParticipant[] {
    const { executor, others, before = Number.POSITIVE_INFINITY, about = [] } = options;
    const found = [...this.#known].flatMap(([name, versions]) => {
      const participant = versions.find(({ since }) => since < before)?.participant;
      if (participant === undefined) return [];
      if ("because" in participant)
        return mayConcern(participant, hook, host) ? [askUnreadable(name, participant)] : [];
      return mustBeAsked(participant, hook, host) ? askIfConcerned(name, participant, { hook, about }) : [];
    });
    return [
      ...(executor ? [{ name: executorParticipant(host), ...EXECUTOR }] : []),
      ...(others ? found : []),
    ];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#following?.[Symbol.asyncDispose]();
  }
}

const askUnreadable = (name: string, { because }: UnreadableEntry): AskedParticipant => ({
  ...{ name, ...EXECUTOR },
  unreadable: `the entry of participant ${name} cannot be understood: ${because}; mend it, or run \`ouroboros participant remove ${name}\``,
});

/** Empty if the participant chose none of the containers. */
function askIfConcerned(
  name: string,
  participant: Participant,
  { hook, about }: { readonly hook: HookName; readonly about: readonly ConcernedContainer[] },
): AskedParticipant[] {
  const { timeout_ms, max_ms, on_timeout, advisory, group, needs, by_digest } = participant;
  const asked: AskedParticipant = {
    ...{ name, timeout_ms, max_ms, on_timeout },
    ...(advisory === true && { advisory }),
    ...(group !== undefined && { group }),
    ...(needs !== undefined && { needs }),
    ...(by_digest === true && { by_digest }),
  };
  if (!hasContainerFilter(participant)) return [asked];
  const chosen = about
    .filter((container) => matchesContainer(participant, container))
    .map((container) => container.name);
  if (chosen.length === 0) return [];
  return [hooks[hook].about === "run" ? { ...asked, only: chosen } : asked];
}
