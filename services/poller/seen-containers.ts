// The containers that the last cycle has seen running: what starts later is new, and what none of them runs need not be
// looked at. Pure but for its own memory.
import { type ContainerFacts, isUp } from "../../shared/containers/container-facts.ts";
import { tagPolicyOf } from "../../shared/containers/tag-policy-of.ts";
import { type PushedImage, isAbout } from "../../shared/contract/pushed-image.ts";
import { isTagAllowed } from "../../shared/registry/choose-tag.ts";
import { type ImageRef, parseImageRef, withTag } from "../../shared/registry/image-ref.ts";
import type { Settings } from "../../shared/settings/settings.ts";
import type { TagPolicy } from "../../shared/settings/tag-policy.ts";

type FollowingFacts = Pick<ContainerFacts, "reference" | "labels" | "service">;
type FollowSettings = Pick<Settings, "LATEST_ONLY" | "TAG_POLICY">;

/** What a container follows: its own tag, the later ones that its tag policy takes, or `latest` with LATEST_ONLY. */
interface FollowedImage {
  readonly ref: ImageRef;
  readonly policy: TagPolicy | undefined;
}

/** Whether a push of the image can lead to an update of the container. */
export function mayFollow(facts: FollowingFacts, image: PushedImage, settings: FollowSettings): boolean {
  const followed = followedImageOf(facts, settings);
  return followed !== undefined && isFollowed(image, followed, settings);
}

function followedImageOf(facts: FollowingFacts, settings: FollowSettings): FollowedImage | undefined {
  const ref = parseImageRef(facts.reference);
  return ref === undefined ? undefined : { ref, policy: tagPolicyOf(facts, settings) };
}

function isFollowed(
  image: PushedImage,
  { ref, policy }: FollowedImage,
  { LATEST_ONLY }: Pick<Settings, "LATEST_ONLY">,
): boolean {
  if (isAbout(image, ref)) return true;
  if (image.tag === null || !isAbout({ ...image, tag: null }, ref)) return false;
  if (policy !== undefined && policy.kind !== "same") return isTagAllowed(ref.tag, image.tag, policy);
  return LATEST_ONLY && isAbout(image, withTag(ref, "latest"));
}

const keyOf = ({ ref, policy }: FollowedImage): string => `${ref.familiar} ${policy?.text ?? ""}`;

export class SeenContainers {
  readonly #settings: FollowSettings;
  #ids: ReadonlySet<string> | undefined;
  #followed: readonly FollowedImage[] = [];

  constructor(settings: FollowSettings) {
    this.#settings = settings;
  }

  /** `all`: the containers of the host. */
  note(all: readonly (FollowingFacts & Pick<ContainerFacts, "id" | "status">)[]): void {
    this.#ids = new Set(all.filter(isUp).map(({ id }) => id));
    const followed = all.flatMap((facts) => followedImageOf(facts, this.#settings) ?? []);
    this.#followed = [...new Map(followed.map((image) => [keyOf(image), image])).values()];
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
    return (
      this.#ids === undefined ||
      this.#followed.some((followed) => isFollowed(image, followed, this.#settings))
    );
  }
}
