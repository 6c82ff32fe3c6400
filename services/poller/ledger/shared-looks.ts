// SHARE_LOOK_UPS: of all hosts that run an image, one asks its registry, and the others take its answer.
//
// Who is to ask is settled by a lease in KV OUROBOROS_LOOKS, one key for each image, taken by compare-and-set. The answer
// is in a key of the host that gave it, which no other host may write (nats/permissions.ts), and counts only where this
// host is set to believe that one.
//
// 1. The lease decides nothing but who asks first: without NATS, or without an answer, a host asks by itself.
// 2. A host waits for another at most twice the lease's term in one search, and once where nobody dies.
// 3. An answer that needed a login is shared only among hosts that send one, and taken only by a host whose own login the
//    registry has accepted for this image within a day: nobody learns by it what it may not see. Nothing about the
//    credentials themselves is published.
// 4. Another's answer never moves a tag: what no container of this host runs yet is asked about once by this host itself.
//    So a host that lies can keep updates from the hosts that believe it, and cause none.
// 5. What depends on the host is not shared: mirrors of its Engine, registries on loopback.
import type { KV } from "@nats-io/kv";
import type { JetStreamManager, StoredMsg } from "@nats-io/jetstream";
import type { Logger } from "pino";
import { type Clock, iso } from "../../../shared/clock.ts";
import { parseJson } from "../../../shared/contract/messages.ts";
import { encodeToken } from "../../../shared/contract/subject-tokens.ts";
import { BUCKETS } from "../../../shared/contract/subjects.ts";
import { inParallel } from "../../../shared/in-parallel.ts";
import { getLastMessage, isConflict } from "../../../shared/nats/jetstream.ts";
import { streamOf } from "../../../shared/nats/topology.ts";
import type { ImageRef } from "../../../shared/registry/image-ref.ts";
import { Backoff } from "../../../shared/retry.ts";
import type { RegistryAnswer } from "../plan/plan.ts";
import { LoggedAttempts } from "./logged-attempts.ts";
import { Answer, Lease, scopeOf } from "./look-messages.ts";

export interface SharedLooksOptions {
  readonly host: string;
  /** Names of the hosts that are believed; `*` stands for all. */
  readonly believed: readonly string[];
  readonly bucket: KV;
  readonly manager: JetStreamManager;
  readonly clock: Clock;
  readonly log: Pick<Logger, "info" | "debug">;
  readonly registries: AskedRegistries;
  /** How long others wait for the answer of the host that has the lease; LEASE_TERM_MS without it. */
  readonly termMs?: number;
}

/** What is needed of the registries. */
export interface AskedRegistries {
  readonly digestsOf: (
    refs: readonly ImageRef[],
    signal: AbortSignal,
  ) => Promise<ReadonlyMap<string, RegistryAnswer>>;
  /** Whether the answer holds for this host only. */
  readonly isLocal: (ref: ImageRef) => boolean;
  /** Whether the registry is sent credentials. */
  readonly sendsLogin: (registry: string, signal: AbortSignal) => Promise<boolean>;
  /** Takes note of an answer that another host got so many milliseconds ago. */
  readonly noteAnswer: (familiar: string, answer: DigestFound, ageMs: number) => void;
}

type DigestFound = Extract<RegistryAnswer, { kind: "digest" }>;

export interface LookExtent {
  /** When the search began, by the server's clock. Milliseconds since 1970. */
  readonly now: number;
  /** Answers of searches that began at most so many milliseconds before are taken; 0: none. */
  readonly freshMs: number;
  /** Whether all containers of the image run this digest. */
  readonly isCurrent: (familiar: string, digest: string) => boolean;
  readonly signal: AbortSignal;
}

/** A host's own answer must not count at its next look, which is an interval later, or a little less. */
export const OWN_ANSWER_SLACK_MS = 500;
const LEASE_TERM_MS = 15_000;
const PROOF_MS = 86_400_000;
const PAUSES = { first: 100, most: 1000 };
const CONCURRENCY = { all: 16 };
const MAX_ROUNDS = 2;

interface SharedLook {
  readonly ref: ImageRef;
  readonly scope: string;
  readonly login: boolean;
}

type Turn =
  | { readonly kind: "answered"; readonly digest: string; readonly at: number }
  | { readonly kind: "asks" }
  | { readonly kind: "waits" };

export class SharedLooks {
  readonly #options: SharedLooksOptions;
  /** By reference: when the registry accepted this host's login for it, on the monotonic clock. */
  readonly #proven = new Map<string, number>();
  /** By reference: the last digest that a registry gave this host itself. */
  readonly #confirmed = new Map<string, string>();
  readonly #attempts: LoggedAttempts;

  constructor(options: SharedLooksOptions) {
    this.#options = options;
    this.#attempts = new LoggedAttempts(
      options.log,
      "look-ups are not shared now: NATS does not take or give them",
    );
  }

  /** Like `digestsOf` of the registries, with the answers of other hosts where there are any. */
  async digestsOf(
    refs: readonly ImageRef[],
    extent: LookExtent,
  ): Promise<ReadonlyMap<string, RegistryAnswer>> {
    const { believed, registries, clock } = this.#options;
    if (believed.length === 0 || extent.freshMs <= 0) return registries.digestsOf(refs, extent.signal);
    const began = clock.monotonic();
    const search: Search = {
      ...extent,
      looks: await this.#looksOf(refs, extent.signal),
      answers: new Map(),
      serverTime: () => extent.now + clock.monotonic() - began,
    };
    const shared = search.looks.filter((look) => this.#mayTakeOthers(look));
    const sharedNames = new Set(shared.map(({ ref }) => ref.familiar));
    let ownRefs = refs.filter(({ familiar }) => !sharedNames.has(familiar));
    let waiting: readonly SharedLook[] = shared;
    for (let round = 1; ; round++) {
      const turns = await this.#turnsOf(waiting, search);
      await this.#ask([...ownRefs, ...turns.asks.map(({ ref }) => ref)], search);
      ownRefs = [];
      waiting = await this.#wait(turns.waits, search);
      if (waiting.length > 0 && round < MAX_ROUNDS && !extent.signal.aborted) continue;
      const unconfirmed = shared.filter((look) => waiting.includes(look) || this.#isNews(look, search));
      await this.#ask(
        unconfirmed.map(({ ref }) => ref),
        search,
      );
      return search.answers;
    }
  }

  /** Whether an update would follow from an answer that another host gave. */
  #isNews({ ref: { familiar } }: SharedLook, { answers, isCurrent }: Search): boolean {
    const answer = answers.get(familiar);
    if (answer?.kind !== "digest" || isCurrent(familiar, answer.digest)) return false;
    return this.#confirmed.get(familiar) !== answer.digest;
  }

  async #looksOf(refs: readonly ImageRef[], signal: AbortSignal): Promise<readonly SharedLook[]> {
    const { registries } = this.#options;
    const distinct = [...new Map(refs.map((ref) => [ref.familiar, ref])).values()];
    const common = distinct.filter((ref) => !registries.isLocal(ref));
    const logins = new Map<string, boolean>();
    for (const registry of new Set(common.map((ref) => ref.registry)))
      logins.set(registry, await registries.sendsLogin(registry, signal));
    return common.map((ref) => {
      const login = logins.get(ref.registry) ?? true;
      return { ref, login, scope: scopeOf(ref, login) };
    });
  }

  #mayTakeOthers({ ref, login }: SharedLook): boolean {
    const provenAt = this.#proven.get(ref.familiar) ?? Number.NEGATIVE_INFINITY;
    return !login || this.#options.clock.monotonic() - provenAt < PROOF_MS;
  }

  /** Takes the answers that are there, and the leases that are free. Without NATS this host asks about everything. */
  async #turnsOf(
    looks: readonly SharedLook[],
    search: Search,
  ): Promise<Record<"asks" | "waits", readonly SharedLook[]>> {
    const turns = new Map<SharedLook, Turn>();
    await this.#attempts.attempt(() =>
      inParallel(looks, CONCURRENCY, async (look) => turns.set(look, await this.#turnOf(look, search))),
    );
    for (const [look, turn] of turns) if (turn.kind === "answered") this.#accept(look, turn, search);
    return {
      asks: looks.filter((look) => (turns.get(look)?.kind ?? "asks") === "asks"),
      waits: looks.filter((look) => turns.get(look)?.kind === "waits"),
    };
  }

  async #turnOf(look: SharedLook, search: Search): Promise<Turn> {
    const { host, bucket } = this.#options;
    for (;;) {
      const { turn, sequence } = await this.#look(look, search);
      if (turn !== undefined) return turn;
      try {
        const lease = { host, at: iso(search.now) };
        await bucket.put(look.scope, JSON.stringify(lease), { previousSeq: sequence, timeout: 2000 });
        return { kind: "asks" };
      } catch (error) {
        if (!isConflict(error) || search.signal.aborted) throw error;
      }
    }
  }

  /** What the lease says. No turn: it is free, or its holder is not believed or has not answered within the term. */
  async #look(
    { scope }: SharedLook,
    { now, freshMs, serverTime }: Search,
  ): Promise<{ readonly turn?: Turn; readonly sequence: number }> {
    const message = await this.#read(scope);
    const sequence = message?.seq ?? 0;
    const lease = Lease.safeParse(parseJson(message?.string() ?? "")).data;
    if (message === undefined || lease === undefined || !this.#believes(lease.host)) return { sequence };
    const takenAt = message.time.getTime();
    const began = Date.parse(lease.at);
    const slack = lease.host === this.#options.host ? OWN_ANSWER_SLACK_MS : 0;
    if (!(now - Math.min(began, takenAt) < freshMs - slack)) return { sequence };
    const answered = await this.#read(`${encodeToken(lease.host)}.${scope}`);
    const answer = Answer.safeParse(parseJson(answered?.string() ?? "")).data;
    if (answered !== undefined && answer !== undefined && answered.seq > sequence) {
      if (answer.digest === null) return { sequence };
      return { turn: { kind: "answered", digest: answer.digest, at: answered.time.getTime() }, sequence };
    }
    return serverTime() - takenAt < this.#termMs ? { turn: { kind: "waits" }, sequence } : { sequence };
  }

  /** Resolves with those that nobody has answered within the term, or whose lease somebody else may take now. */
  async #wait(looks: readonly SharedLook[], search: Search): Promise<readonly SharedLook[]> {
    const { clock } = this.#options;
    const until = clock.monotonic() + this.#termMs;
    const pauses = new Backoff(clock, PAUSES);
    const unanswered: SharedLook[] = [];
    let waiting = looks;
    while (waiting.length > 0 && clock.monotonic() < until && !search.signal.aborted) {
      await pauses.pause(search.signal);
      const turns = new Map<SharedLook, Turn | undefined>();
      const isThere = await this.#attempts.attempt(() =>
        inParallel(waiting, CONCURRENCY, async (look) =>
          turns.set(look, (await this.#look(look, search)).turn),
        ),
      );
      if (!isThere) break;
      for (const [look, turn] of turns) {
        if (turn?.kind === "answered") this.#accept(look, turn, search);
        if (turn === undefined) unanswered.push(look);
      }
      waiting = waiting.filter((look) => turns.get(look)?.kind === "waits");
    }
    return [...unanswered, ...waiting];
  }

  #accept(
    { ref }: SharedLook,
    { digest, at }: Extract<Turn, { kind: "answered" }>,
    { answers, serverTime }: Search,
  ): void {
    answers.set(ref.familiar, { kind: "digest", digest });
    const ageMs = Math.max(serverTime() - at, 0);
    this.#options.registries.noteAnswer(ref.familiar, { kind: "digest", digest }, ageMs);
  }

  /** Asks the registries, and tells the other hosts. */
  async #ask(refs: readonly ImageRef[], { answers, looks, signal }: Search): Promise<void> {
    if (refs.length === 0) return;
    const { registries, clock, bucket, host } = this.#options;
    const found = await registries.digestsOf(refs, signal);
    for (const [familiar, answer] of found) {
      answers.set(familiar, answer);
      if (answer.kind === "digest") this.#confirmed.set(familiar, answer.digest);
    }
    const told = looks.flatMap(({ ref, scope, login }) => {
      const answer = found.get(ref.familiar);
      if (answer === undefined) return [];
      const digest = answer.kind === "digest" ? answer.digest : null;
      if (login && digest !== null) this.#proven.set(ref.familiar, clock.monotonic());
      return [{ scope, digest }];
    });
    await this.#attempts.attempt(() =>
      inParallel(told, CONCURRENCY, ({ scope, digest }) =>
        bucket.put(`${encodeToken(host)}.${scope}`, JSON.stringify({ digest }), { timeout: 2000 }),
      ),
    );
  }

  #read(key: string): Promise<StoredMsg | undefined> {
    return getLastMessage(this.#options.manager, streamOf(BUCKETS.looks), `$KV.${BUCKETS.looks}.${key}`);
  }

  get #termMs(): number {
    return this.#options.termMs ?? LEASE_TERM_MS;
  }

  #believes(host: string): boolean {
    const { believed, host: own } = this.#options;
    return host === own || believed.includes("*") || believed.includes(host);
  }
}

interface Search extends LookExtent {
  readonly looks: readonly SharedLook[];
  readonly answers: Map<string, RegistryAnswer>;
  /** Milliseconds since 1970. */
  readonly serverTime: () => number;
}
