// Keeps the registries' last digests for a minute, so that repeated operator requests do not ask again.
import type { Clock } from "../../shared/clock.ts";
import type { ImageRef } from "../../shared/registry/image-ref.ts";
import type { RegistryAnswer } from "./plan/plan.ts";

export type DigestAnswer = Extract<RegistryAnswer, { kind: "digest" }>;

interface RecentAnswer {
  readonly answer: DigestAnswer;
  /** When it came, on the monotonic clock. */
  readonly at: number;
  /** The same on the wall clock, milliseconds since 1970. */
  readonly wall: number;
}

/** How long an answer counts as recent. */
export const RECENT_MS = 60_000;

export class RecentAnswers {
  readonly #clock: Clock;
  /** By `familiar` reference. */
  readonly #answers = new Map<string, RecentAnswer>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Remembers digests only: a failed request is repeated. */
  remember(answers: ReadonlyMap<string, RegistryAnswer>): void {
    const at = this.#clock.monotonic();
    const wall = this.#clock.now();
    for (const [familiar, recent] of this.#answers)
      if (recent.at + RECENT_MS < at) this.#answers.delete(familiar);
    for (const [familiar, answer] of answers)
      if (answer.kind === "digest") this.#answers.set(familiar, { answer, at, wall });
  }

  /** Remembers the answer that somebody else got so many milliseconds ago. */
  note(familiar: string, answer: DigestAnswer, ageMs: number): void {
    const at = this.#clock.monotonic() - ageMs;
    this.#answers.set(familiar, { answer, at, wall: this.#clock.now() - ageMs });
  }

  /** The answers younger than `ms`, by `familiar` reference. */
  get(refs: readonly ImageRef[], ms: number): ReadonlyMap<string, RegistryAnswer> {
    const from = this.#clock.monotonic() - ms;
    return new Map(
      refs.flatMap(({ familiar }) => {
        const recent = this.#answers.get(familiar);
        return recent === undefined || recent.at <= from ? [] : [[familiar, recent.answer] as const];
      }),
    );
  }

  /** When the registry answered, milliseconds since 1970; undefined where no answer is remembered. */
  saidAt({ familiar }: ImageRef): number | undefined {
    return this.#answers.get(familiar)?.wall;
  }
}
