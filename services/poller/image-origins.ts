// Whether the images that containers run come from the repositories that they are updated from, where the Engine cannot
// prove it (shared/registry/provenance.ts): the registry is asked for the image's digest. What it has said is remembered, across
// restarts where it was yes.
import { type Engine, ifExists } from "../../shared/docker/engine.ts";
import { inParallel } from "../../shared/in-parallel.ts";
import type { ImageRef } from "../../shared/registry/image-ref.ts";
import { type ImageContent, isSameContent, originKey } from "../../shared/registry/provenance.ts";
import {
  type RegistryAnswer,
  type Candidate,
  type PlanFindings,
  type KnownImages,
  RUN_PULLED_NAME,
  hasTagMoved,
} from "./plan.ts";
import type { Registries } from "./registries.ts";

type OriginAnswers = PlanFindings["answers"];

/** How many images are remembered. */
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

  /** Keys of images that are known to come from their repository. */
  get known(): ReadonlySet<string> {
    return this.#known;
  }

  remember(keys: Iterable<string>): void {
    for (const key of keys) {
      this.#known.delete(key); // to the end
      this.#known.add(key);
    }
    for (const key of this.#known) if (this.#known.size > REMEMBERED) this.#known.delete(key);
  }

  /** What `planOf` has to know of those whose tag has moved. @throws what dockerode throws where the Engine is away. */
  async examine(
    candidates: readonly Candidate[],
    answers: OriginAnswers,
    signal: AbortSignal,
  ): Promise<Required<Pick<PlanFindings, "strangers" | "same">>> {
    if (this.#engine.store === "driver") return { strangers: new Map(), same: new Set() };
    const isMoving = (candidate: Candidate): boolean => hasTagMoved(candidate, answers);
    const current = candidates.filter(
      (one) => answers.get(one.ref.familiar)?.kind === "digest" && !isMoving(one),
    );
    this.remember(current.map(keyOf));
    const moving = candidates.filter(isMoving);
    const strangers = await this.#strangersAmong(
      moving.filter((one) => !one.isProven),
      signal,
    );
    const same = await inParallel(moving, CONCURRENCY, async (one) =>
      (await this.#isSame(one, answers)) ? [one.facts.name] : [],
    );
    return { strangers, same: new Set(same.flat()) };
  }

  async #strangersAmong(
    candidates: readonly Candidate[],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, string>> {
    const questions = candidates.map((one) => ({
      one,
      refs: one.digests.map((digest) => atDigest(one.ref, digest)),
    }));
    const asked = questions.flatMap(({ refs }) => refs);
    const said = await this.#registries.digestsOf(asked, signal);
    const strangers = new Map<string, string>();
    for (const { one, refs } of questions)
      if (refs.some((ref) => digestIn(said.get(ref.familiar)) === ref.tag)) this.remember([keyOf(one)]);
      else strangers.set(one.facts.name, whyOriginUnknown(one, refs, said));
    return strangers;
  }

  /** Its tag names an image here already that has the registry's digest and the content of the one that it runs. */
  async #isSame({ facts, ref }: Candidate, answers: OriginAnswers): Promise<boolean> {
    const { docker, store } = this.#engine;
    if (store !== "containerd") return false;
    const tagged = await ifExists(docker.getImage(ref.familiar).inspect());
    if (tagged === undefined || tagged.Id !== digestIn(answers.get(ref.familiar))) return false;
    const running = await ifExists(docker.getImage(facts.imageId).inspect());
    const [one, other] = [running, tagged] as unknown as [ImageContent | undefined, ImageContent];
    return one !== undefined && isSameContent(one, other, store);
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

function whyOriginUnknown({ ref }: Candidate, refs: readonly ImageRef[], said: OriginAnswers): string {
  const answers = refs.map(({ familiar }) => said.get(familiar));
  const because = answers.find((answer) => answer?.kind === "unknown");
  const why = because?.kind === "unknown" ? ` (${because.because})` : "";
  return `built or tagged here, as its image is not known to come from ${ref.name}${why}; ${RUN_PULLED_NAME}`;
}
