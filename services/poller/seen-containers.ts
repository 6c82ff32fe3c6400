// The containers that the last cycle has seen running: what starts later is new, and what none of them runs need not be
// looked at. Pure but for its own memory.
import { type ContainerFacts, isUp } from "../../shared/containers/container-facts.ts";
import { type PushedImage, isAbout } from "../../shared/contract/pushed-image.ts";
import { type ImageRef, parseImageRef, withTag } from "../../shared/registry/image-ref.ts";
import type { Settings } from "../../shared/settings/settings.ts";

type SeenFacts = Pick<ContainerFacts, "id" | "reference" | "status">;

/** The tags whose move can lead to an update of a container. */
export const followedRefs = (
  { reference }: Pick<ContainerFacts, "reference">,
  { LATEST_ONLY }: Pick<Settings, "LATEST_ONLY">,
): readonly ImageRef[] => {
  const ref = parseImageRef(reference);
  if (ref === undefined) return [];
  return LATEST_ONLY ? [ref, withTag(ref, "latest")] : [ref];
};

export class SeenContainers {
  readonly #settings: Pick<Settings, "LATEST_ONLY">;
  #ids: ReadonlySet<string> | undefined;
  #refs: readonly ImageRef[] = [];

  constructor(settings: Pick<Settings, "LATEST_ONLY">) {
    this.#settings = settings;
  }

  /** `all`: the containers of the host. */
  note(all: readonly SeenFacts[]): void {
    this.#ids = new Set(all.filter(isUp).map(({ id }) => id));
    const refs = all.flatMap((facts) => followedRefs(facts, this.#settings));
    this.#refs = [...new Map(refs.map((ref) => [ref.familiar, ref])).values()];
  }

  /** False before the first cycle. */
  get hasLooked(): boolean {
    return this.#ids !== undefined;
  }

  has(id: string): boolean {
    return this.#ids?.has(id) === true;
  }

  /** Whether a container of the host may follow the image. Before the first cycle each may. */
  mayFollow(image: PushedImage): boolean {
    return this.#ids === undefined || this.#refs.some((ref) => isAbout(image, ref));
  }
}
