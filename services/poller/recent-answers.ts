// What registries said last of each reference, for a while: who only wants to know does not ask twice within it.
import type { Clock } from "../../shared/clock.ts";
import type { ImageRef } from "../../shared/registry/image-ref.ts";
import type { RegistryAnswer } from "./plan.ts";

export type DigestAnswer = Extract<RegistryAnswer, { kind: "digest" }>;

interface RecentAnswer {
  readonly answer: DigestAnswer;
  /** Monotonic, and of the wall's clock. */
  readonly at: number;
  readonly wall: number;
}

/** How long an answer is recent. */
export const RECENT_MS = 60_000;

export class RecentAnswers {
  readonly #clock: Clock;
  /** By `familiar` reference. */
  readonly #said = new Map<string, RecentAnswer>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Digests only: what failed is asked again. */
  remember(answers: ReadonlyMap<string, RegistryAnswer>): void {
    const at = this.#clock.monotonic();
    const wall = this.#clock.now();
    for (const [familiar, said] of this.#said) if (said.at + RECENT_MS < at) this.#said.delete(familiar);
    for (const [familiar, answer] of answers)
      if (answer.kind === "digest") this.#said.set(familiar, { answer, at, wall });
  }

  /** Answers that are younger than `ms`, by `familiar` reference. */
  get(refs: readonly ImageRef[], ms: number): ReadonlyMap<string, RegistryAnswer> {
    const from = this.#clock.monotonic() - ms;
    return new Map(
      refs.flatMap(({ familiar }) => {
        const said = this.#said.get(familiar);
        return said === undefined || said.at <= from ? [] : [[familiar, said.answer] as const];
      }),
    );
  }

  /** Milliseconds since 1970; undefined where it said nothing lately. */
  saidAt({ familiar }: ImageRef): number | undefined {
    return this.#said.get(familiar)?.wall;
  }
}
