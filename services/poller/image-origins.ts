// Whether running images come from the repository that they are updated from. Where the Engine cannot prove it
// (shared/registry/provenance.ts), the registry is asked for the image's digest. A yes is remembered across restarts.
import { type Engine, ifExists } from "../../shared/docker/engine.ts";
import { messageOf } from "../../shared/catalogue/entry.ts";
import { skipReasons } from "../../shared/catalogue/skip-reasons.ts";
import { inParallel } from "../../shared/in-parallel.ts";
import type { ImageRef } from "../../shared/registry/image-ref.ts";
import { type ImageContent, isSameContent, originKey } from "../../shared/registry/provenance.ts";
import {
  type RegistryAnswer,
  type Candidate,
  type PlanFindings,
  type KnownImages,
  hasTagMoved,
} from "./plan/plan.ts";
import type { Registries } from "./registries.ts";

type OriginAnswers = PlanFindings["answers"];

/** How many images the host's record keeps. */
const REMEMBERED = 2000;
const CONCURRENCY = { all: 8 };

export class ImageOrigins {
  readonly #engine: Engine;
  readonly #registries: Pick<Registries, "digestsOf">;
  readonly #known = new Set<string>();
  constructor(engine: Engine, registries: Pick<Registries, "digestsOf">) {
    this.#engine = engine;
    this.#registries = registries;
  }

  get images(): KnownImages {
    return { store: this.#engine.store, known: this.#known };
  }

  /** The `originKey`s of images that are known to come from their repository. */
  get known(): ReadonlySet<string> {
    return this.#known;
  }

  remember(keys: Iterable<string>): void {
    for (const key of keys) {
      this.#known.delete(key); // move it to the end: the oldest are dropped first
      this.#known.add(key);
    }
    for (const key of this.#known) if (this.#known.size > REMEMBERED) this.#known.delete(key);
  }

  /**
   * What `makePlan` needs for candidates whose tag has moved.
   * @throws dockerode's error where the Engine is unreachable.
   */
  async examine(
    candidates: readonly Candidate[],
    answers: OriginAnswers,
    signal: AbortSignal,
  ): Promise<Required<Pick<PlanFindings, "strangers" | "same">>> {
    if (this.#engine.store === "driver") return { strangers: new Map(), same: new Set() };
    const isMoving = (candidate: Candidate): boolean => hasTagMoved(candidate, answers);
    const current = candidates.filter(
      (candidate) => answers.get(candidate.ref.familiar)?.kind === "digest" && !isMoving(candidate),
    );
    this.remember(current.map(keyOf));
    const moving = candidates.filter(isMoving);
    const strangers = await this.#strangersAmong(
      moving.filter(({ isProven }) => !isProven),
      signal,
    );
    const same = await inParallel(moving, CONCURRENCY, async (candidate) =>
      (await this.#isSame(candidate, answers)) ? [candidate.facts.name] : [],
    );
    return { strangers, same: new Set(same.flat()) };
  }

  async #strangersAmong(
    candidates: readonly Candidate[],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, string>> {
    const queries = candidates.map((candidate) => ({
      candidate,
      refs: candidate.digests.map((digest) => atDigest(candidate.ref, digest)),
    }));
    const refsToAsk = queries.flatMap(({ refs }) => refs);
    const answers = await this.#registries.digestsOf(refsToAsk, signal);
    const strangers = new Map<string, string>();
    for (const { candidate, refs } of queries)
      if (refs.some((ref) => digestIn(answers.get(ref.familiar)) === ref.tag))
        this.remember([keyOf(candidate)]);
      else strangers.set(candidate.facts.name, whyOriginUnknown(candidate, refs, answers));
    return strangers;
  }

  /**
   * Whether the Engine already has the tag's new image, and with the same content as the running image. Of a service it
   * does not count: the Engine has the image for its own platform, and other nodes may have another.
   */
  async #isSame({ facts, ref }: Candidate, answers: OriginAnswers): Promise<boolean> {
    const { docker, store } = this.#engine;
    if (store !== "containerd" || facts.service !== undefined) return false;
    const tagged = await ifExists(docker.getImage(ref.familiar).inspect());
    if (tagged === undefined || tagged.Id !== digestIn(answers.get(ref.familiar))) return false;
    const running = await ifExists(docker.getImage(facts.imageId).inspect());
    const [current, latest] = [running, tagged] as unknown as [ImageContent | undefined, ImageContent];
    return current !== undefined && isSameContent(current, latest, store);
  }
}

const keyOf = ({ ref, facts }: Candidate): string => originKey(ref, facts.imageId);

const digestIn = (answer: RegistryAnswer | undefined): string | undefined =>
  answer?.kind === "digest" ? answer.digest : undefined;

const atDigest = (ref: ImageRef, digest: string): ImageRef => ({
  ...ref,
  tag: digest,
  familiar: `${ref.name}@${digest}`,
});

function whyOriginUnknown({ ref }: Candidate, refs: readonly ImageRef[], answers: OriginAnswers): string {
  const failure = refs
    .map(({ familiar }) => answers.get(familiar))
    .find((answer) => answer?.kind === "unknown");
  const why = failure?.kind === "unknown" ? ` (${failure.because})` : "";
  return messageOf(skipReasons.originUnknown, { name: ref.name, why });
}
