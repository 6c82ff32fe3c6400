// Finds tags for which a mirror of the Engine serves another digest than the registry (mirror-lag.ts). The Engine
// pulls from its mirrors, so mirrors are asked in every cycle. The registry behind a mirror is asked rarely: at
// intervals, and before an update to a mirror's image. Where this process reaches no mirror, the Engine is asked
// before an update.
import { type Clock, iso } from "../../shared/clock.ts";
import type { ImageRef } from "../../shared/registry/image-ref.ts";
import { type MirrorLag, updateLag } from "./mirror-lag.ts";
import { type Candidate, type RegistryAnswer, hasTagMoved } from "./plan/plan.ts";
import type { DigestAnswer } from "./recent-answers.ts";
import type { Registries } from "./registries.ts";

/** The `mirrors` field of the host's record. */
export interface MirrorRecord {
  /** RFC 3339: when a registry behind a mirror was asked last. */
  readonly asked_at: string;
  /** By `familiar` reference. */
  readonly lagging: Readonly<Record<string, MirrorLag>>;
}

interface ComparisonExtent {
  readonly signal: AbortSignal;
  /** The registry behind a mirror is asked again after so many milliseconds. */
  readonly everyMs: number;
}

interface MirrorFindings {
  /** The digests that the Engine would pull. */
  readonly answers: ReadonlyMap<string, RegistryAnswer>;
  /** By `familiar` reference. */
  readonly lags: ReadonlyMap<string, MirrorLag>;
}

type AnsweredImage = readonly [ImageRef, DigestAnswer];

/** How many lags the host's record keeps. */
const REMEMBERED = 100;

export class Mirrors {
  readonly #registries: Registries;
  readonly #clock: Clock;
  readonly #lags = new Map<string, MirrorLag>();
  /** By reference: the digest on which mirror and registry agreed, or which could not be compared. */
  readonly #agreed = new Map<string, string>();
  /** By reference: when the registry was asked, milliseconds since 1970. */
  readonly #askedAt = new Map<string, number>();
  #askedBefore = 0;

  constructor(registries: Registries, clock: Clock) {
    this.#registries = registries;
    this.#clock = clock;
  }

  remember(record: MirrorRecord | undefined): void {
    if (record === undefined) return;
    this.#askedBefore = Date.parse(record.asked_at);
    for (const [familiar, lag] of Object.entries(record.lagging)) this.#lags.set(familiar, lag);
  }

  get record(): MirrorRecord | undefined {
    const askedAt = Math.max(this.#askedBefore, ...this.#askedAt.values());
    if (askedAt === 0) return undefined;
    return { asked_at: iso(askedAt), lagging: Object.fromEntries([...this.#lags].slice(-REMEMBERED)) };
  }

  /** Compares mirrors and registries where that is due for these candidates. */
  async examine(
    candidates: readonly Candidate[],
    answers: ReadonlyMap<string, RegistryAnswer>,
    extent: ComparisonExtent,
  ): Promise<MirrorFindings> {
    const found = new Map<string, AnsweredImage>();
    for (const { ref } of candidates) {
      const answer = answers.get(ref.familiar);
      if (answer?.kind === "digest" && this.#registries.mirrorsOf(ref).length > 0)
        found.set(ref.familiar, [ref, answer]);
    }
    const moving = new Set(
      candidates.filter((candidate) => hasTagMoved(candidate, answers)).map(({ ref }) => ref.familiar),
    );
    const all = [...found.values()];
    await this.#compareServed(
      all.filter(([, { mirror }]) => mirror !== undefined),
      moving,
      extent,
    );
    const engineAnswers = await this.#askEngineFor(
      all.filter(([, { mirror }]) => mirror === undefined),
      moving,
      extent.signal,
    );
    const lags = all.flatMap(([{ familiar }]) => {
      const lag = this.#lags.get(familiar);
      return lag === undefined ? [] : [[familiar, lag] as const];
    });
    return { answers: new Map([...answers, ...engineAnswers]), lags: new Map(lags) };
  }

  /** For answers that came from a mirror: asks the registry, too, where that is due. */
  async #compareServed(
    served: readonly AnsweredImage[],
    moving: ReadonlySet<string>,
    { signal, everyMs }: ComparisonExtent,
  ): Promise<void> {
    for (const [{ familiar }, { digest }] of served)
      if (this.#lags.get(familiar)?.upstream === digest) this.#agreeOn(familiar, digest);
    const now = this.#clock.now();
    const isDue = ([{ familiar }, { digest }]: AnsweredImage): boolean => {
      const since = now - (this.#askedAt.get(familiar) ?? this.#askedBefore);
      if (since < 0 || since >= everyMs) return true;
      const lag = this.#lags.get(familiar);
      if (lag !== undefined) return lag.serves !== digest;
      return moving.has(familiar) && this.#agreed.get(familiar) !== digest;
    };
    const due = served.filter(isDue);
    const upstream = await this.#registries.upstreamOf(
      due.map(([ref]) => ref),
      signal,
    );
    for (const [{ familiar }, { digest, mirror = "" }] of due) {
      this.#askedAt.set(familiar, now);
      this.#compare(familiar, { mirror, serves: digest, upstream: upstream.get(familiar) });
    }
  }

  /** For answers that came from the registry because no mirror answered: asks the Engine what it would pull. */
  async #askEngineFor(
    direct: readonly AnsweredImage[],
    moving: ReadonlySet<string>,
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, DigestAnswer>> {
    for (const [{ familiar }] of direct) if (!moving.has(familiar)) this.#lags.delete(familiar);
    const due = direct.filter(
      ([{ familiar }, { digest }]) => moving.has(familiar) && this.#agreed.get(familiar) !== digest,
    );
    const served = await this.#registries.throughEngine(
      due.map(([ref]) => ref),
      signal,
    );
    const answers = new Map<string, DigestAnswer>();
    for (const [ref, { digest: upstream }] of due) {
      const serves = served.get(ref.familiar);
      const mirror = this.#registries.mirrorsOf(ref).join(" or ");
      if (serves === undefined) this.#agreeOn(ref.familiar, upstream);
      else {
        this.#compare(ref.familiar, { mirror, serves, upstream });
        if (serves !== upstream) answers.set(ref.familiar, { kind: "digest", digest: serves, mirror });
      }
    }
    return answers;
  }

  #compare(familiar: string, seen: { mirror: string; serves: string; upstream: string | undefined }): void {
    const { serves, upstream } = seen;
    const before = this.#lags.get(familiar);
    if (upstream === undefined && before?.serves === serves) return;
    const lag = upstream === undefined ? undefined : updateLag(before, { ...seen, upstream });
    if (lag === undefined) return this.#agreeOn(familiar, serves);
    this.#lags.delete(familiar); // move it to the end: the record keeps the newest
    this.#lags.set(familiar, lag);
    this.#agreed.delete(familiar);
  }

  #agreeOn(familiar: string, digest: string): void {
    this.#lags.delete(familiar);
    this.#agreed.set(familiar, digest);
  }
}
