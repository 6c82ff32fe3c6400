// Which containers are updated, and why each of the others is not. Pure: facts in, decisions out. `chooseCandidates`
// selects the containers whose registry is asked; `makePlan` decides with the answers.
import { type ContainerFacts, hasNameOrId } from "../../../shared/containers/container-facts.ts";
import { messageOf, reasonOf } from "../../../shared/catalogue/entry.ts";
import { skipReasons } from "../../../shared/catalogue/skip-reasons.ts";
import { serviceReasons } from "../../../shared/catalogue/swarm-reasons.ts";
import { groupServices, groupUpdates } from "../../../shared/containers/update-groups.ts";
import { type HeldEntry, holderOf } from "../../../shared/contract/held-entry.ts";
import type { TagMove } from "../../../shared/contract/payloads.ts";
import { type ImageRef, parseImageRef } from "../../../shared/registry/image-ref.ts";
import { type MirrorLag, whyLagging } from "../mirror-lag.ts";
import type { SelfUpdatePolicy } from "../../../shared/containers/self-update-policy.ts";
import { type ImageStore, type Origin, originKey, originOf } from "../../../shared/registry/provenance.ts";
import type { Settings } from "../../../shared/settings/settings.ts";
import type { FollowedTag } from "../tags/followed-tag.ts";
import { type WatchSettings, whyLeftAlone, whyOnlyMonitored } from "../../../shared/containers/watch-list.ts";

/** A container as the Engine shows it. */
export interface WatchedContainer {
  readonly facts: ContainerFacts;
  /** `RepoDigests` of its image; undefined where the Engine no longer has that image. */
  readonly digests: readonly string[] | undefined;
  /** Id of a removed container whose namespace it shares. */
  readonly lost?: string;
}

/** What is known of the Engine's images. */
export interface KnownImages {
  readonly store: ImageStore;
  /** Images that a registry has confirmed to be of their repository, by `originKey`. */
  readonly known: ReadonlySet<string>;
}

const PROVEN_BY_DIGEST: KnownImages = { store: "driver", known: new Set() };

export interface Candidate {
  readonly facts: ContainerFacts;
  readonly ref: ImageRef;
  /** The digests under which its registry may have the image it runs. */
  readonly digests: readonly string[];
  /** The image is known to come from the repository of its reference; otherwise the registry has to confirm it. */
  readonly isProven: boolean;
  /** Where it has a tag policy: how `ref` was chosen. */
  readonly followed?: FollowedTag;
  /** With a cooldown, too: lower tags that it may take while that of `ref` is too new, the highest first, its own last. */
  readonly lower?: readonly ImageRef[];
}

/** A registry's answer about a reference. */
export type RegistryAnswer =
  | {
      readonly kind: "digest";
      readonly digest: string;
      /** The Engine's mirror that gave this answer, as host and port. */
      readonly mirror?: string;
    }
  | {
      readonly kind: "unknown";
      readonly because: string;
      /** The registry requires a login, and no credentials were sent. */
      readonly wantsLogin?: true;
    };

/** What a cooldown makes of the registry's answer for one container. */
export type SoakedAnswer =
  /** An older digest than the tag's. */
  { readonly kind: "older"; readonly digest: string } | { readonly kind: "left"; readonly because: string };

export interface SkippedContainer {
  readonly container: ContainerFacts;
  readonly because: string;
  /** The reason is a failure; without this it is an ordinary state. */
  readonly wrong?: true;
}

export interface PlannedEntry {
  readonly facts: ContainerFacts;
  readonly ref: ImageRef;
  /** The registry's digest of the new image. */
  readonly digest: string;
  /** The digest that the tag names, where the new image is an older one. */
  readonly passedOver?: string;
  /** Where a tag policy has chosen another tag than its own. */
  readonly move?: TagMove;
}

export interface PlannedGroup {
  /** In update order: a container comes before the containers that it stops. */
  readonly entries: readonly PlannedEntry[];
  readonly dependencies: readonly ContainerFacts[];
  readonly hardDependencies: readonly ContainerFacts[];
}

export interface UpdatePlan {
  readonly groups: readonly PlannedGroup[];
  readonly skipped: readonly SkippedContainer[];
}

export interface CandidateChoice {
  readonly candidates: readonly Candidate[];
  readonly skipped: readonly SkippedContainer[];
}

/** Chooses the containers whose registry is asked; the others are left alone whatever the registry has. */
export function chooseCandidates(
  containers: readonly WatchedContainer[],
  settings: WatchSettings,
  selfUpdate: SelfUpdatePolicy = { own: [], update: false },
  images: KnownImages = PROVEN_BY_DIGEST,
): CandidateChoice {
  const all = containers.map(({ facts }) => facts).filter(isContainer);
  const candidates: Candidate[] = [];
  const skipped: SkippedContainer[] = [];
  for (const { facts, digests, lost } of containers) {
    const ref = parseImageRef(facts.reference);
    const origin = ref && digests && knownOrigin({ facts, digests }, ref, images);
    const because =
      whyLeftAlone(facts, { settings, all, selfUpdate }) ??
      whySameName(facts, all) ??
      whyLost(lost) ??
      whyNoOrigin(facts, digests, origin);
    if (because !== undefined) skipped.push({ container: facts, because });
    else if (ref !== undefined && origin !== undefined) candidates.push({ facts, ref, ...origin });
  }
  return { candidates, skipped };
}

const isContainer = ({ service }: ContainerFacts): boolean => service === undefined;

/** The name tells events, holds and journal which of the two it is about. */
const whySameName = (
  { name, service }: ContainerFacts,
  containers: readonly ContainerFacts[],
): string | undefined =>
  service !== undefined && containers.some((container) => container.name === name)
    ? messageOf(serviceReasons.sameName)
    : undefined;

const whyLost = (lost: string | undefined): string | undefined =>
  lost === undefined ? undefined : messageOf(skipReasons.parentGone, { parent: lost.slice(0, 12) });

function knownOrigin(
  { facts, digests = [] }: WatchedContainer,
  ref: ImageRef,
  { store, known }: KnownImages,
): Origin {
  if (facts.service !== undefined) return { digests: [facts.imageId], isProven: true };
  const origin = originOf({ id: facts.imageId, digests }, ref, store);
  return { ...origin, isProven: origin.isProven || known.has(originKey(ref, facts.imageId)) };
}

function whyNoOrigin(
  { reference }: ContainerFacts,
  repoDigests: readonly string[] | undefined,
  origin: Origin | undefined,
): string | undefined {
  if (repoDigests === undefined) return reasonOf(skipReasons.imageGone);
  if (origin === undefined || origin.isProven || origin.digests.length > 0) return undefined;
  if (repoDigests.length === 0) return messageOf(skipReasons.builtHere);
  const from = repoDigests.map((text) => text.split("@")[0]).join(", ");
  return messageOf(skipReasons.taggedHere, { from, reference });
}

export interface PlanFindings {
  readonly candidates: readonly Candidate[];
  /** By `familiar` reference. */
  readonly answers: ReadonlyMap<string, RegistryAnswer>;
  /** By container name. */
  readonly held: ReadonlyMap<string, HeldEntry>;
  /** Containers whose new image the operator has refused for all hosts: name → why. */
  readonly refused?: ReadonlyMap<string, string>;
  /** Containers whose image is not known to come from its repository: name → why. */
  readonly strangers?: ReadonlyMap<string, string>;
  /** Names of containers whose tag has moved to an image with the same content. */
  readonly same?: ReadonlySet<string>;
  /** Tags for which a mirror and the registry have different digests, by `familiar` reference. */
  readonly lags?: ReadonlyMap<string, MirrorLag>;
  /** What cooldowns make of the answers, by container name. */
  readonly soaked?: ReadonlyMap<string, SoakedAnswer>;
  /** All containers of the host. */
  readonly all: readonly ContainerFacts[];
  /** Milliseconds since 1970. */
  readonly now: number;
  readonly compat: Settings["COMPAT_LABELS"];
}

export function makePlan(findings: PlanFindings): UpdatePlan {
  const { candidates, answers, all, compat } = findings;
  const entries = new Map<ContainerFacts, PlannedEntry>();
  const skipped: SkippedContainer[] = [];
  for (const candidate of candidates) {
    const { facts } = candidate;
    const tagged = answerFor(candidate, answers);
    const answer = soakedAnswerFor(candidate, tagged, findings);
    const because = whyNotNow(candidate, answer, findings) ?? whyOnlyMonitored(facts, compat);
    if (answer.kind === "unknown") skipped.push({ container: facts, because: answer.because, wrong: true });
    else if (because !== undefined) skipped.push({ container: facts, because });
    else entries.set(facts, plannedEntry(candidate, answer, tagged));
  }
  const containers = groupUpdates([...entries.keys()].filter(isContainer), all.filter(isContainer));
  const groups = containers.groups.map(({ updates, dependencies }) => {
    const isHard = (facts: ContainerFacts): boolean =>
      updates.some(({ hardDependsOn }) => hardDependsOn.some((name) => hasNameOrId(facts, name)));
    return {
      entries: updates.flatMap((facts) => entries.get(facts) ?? []),
      dependencies: dependencies.filter((facts) => !isHard(facts)),
      hardDependencies: dependencies.filter(isHard),
    };
  });
  const services = groupServices([...entries.keys()], all);
  const ordered = services.groups.map(({ updates }) => ({
    entries: updates.flatMap((facts) => entries.get(facts) ?? []),
    dependencies: [],
    hardDependencies: [],
  }));
  return {
    groups: [...groups, ...ordered],
    skipped: [...skipped, ...containers.skipped, ...services.skipped],
  };
}

const soakedAnswerFor = (
  { facts: { name } }: Candidate,
  tagged: RegistryAnswer,
  { soaked }: PlanFindings,
): RegistryAnswer => {
  const answer = soaked?.get(name);
  return tagged.kind === "digest" && answer?.kind === "older" ? { ...tagged, digest: answer.digest } : tagged;
};

/** What is known of the tag that a candidate follows. */
export function answerFor(
  { ref, followed }: Candidate,
  answers: ReadonlyMap<string, RegistryAnswer>,
): RegistryAnswer {
  if (followed?.kind === "unknown") return { kind: "unknown", because: followed.because };
  return answers.get(ref.familiar) ?? { kind: "unknown", because: reasonOf(skipReasons.notAsked) };
}

/**
 * What is passed over of another tag is told with that tag: an updater that knows no tag policies must not give the older
 * digest the container's own tag.
 */
function plannedEntry(
  { facts, ref, followed }: Candidate,
  { digest }: Extract<RegistryAnswer, { kind: "digest" }>,
  tagged: RegistryAnswer,
): PlannedEntry {
  const onTag = tagged.kind === "digest" && tagged.digest !== digest ? tagged.digest : undefined;
  if (followed?.kind !== "follows" || followed.own === ref.tag)
    return { facts, ref, digest, ...(onTag !== undefined && { passedOver: onTag }) };
  const { own: from, policy, passedOver: passed_over } = followed;
  const move = { from, to: ref.tag, policy, passed_over: [...passed_over] };
  return { facts, ref, digest, move: { ...move, ...(onTag !== undefined && { on_tag: onTag }) } };
}

/** The tag it follows does not name the image that the container runs. Holds are not considered here. */
export function hasTagMoved(candidate: Candidate, answers: ReadonlyMap<string, RegistryAnswer>): boolean {
  const answer = answerFor(candidate, answers);
  return answer.kind === "digest" && !candidate.digests.includes(answer.digest);
}

/** Containers whose registry has a newer image, also where it is held or only monitored: name → its digest. */
export const findNewer = (findings: PlanFindings): ReadonlyMap<string, string> =>
  new Map(
    findings.candidates.flatMap((candidate) => {
      const answer = answerFor(candidate, findings.answers);
      return answer.kind === "digest" && whyNoUpdate(candidate, answer, findings) === undefined
        ? [[candidate.facts.name, answer.digest] as const]
        : [];
    }),
  );

function whyNotNow(candidate: Candidate, answer: RegistryAnswer, findings: PlanFindings): string | undefined {
  return (
    whyNoUpdate(candidate, answer, findings) ??
    whyCooling(candidate, findings) ??
    findings.refused?.get(candidate.facts.name) ??
    whyHeld(candidate, answer, findings)
  );
}

function whyCooling({ facts: { name } }: Candidate, { soaked }: PlanFindings): string | undefined {
  const answer = soaked?.get(name);
  return answer?.kind === "left" ? answer.because : undefined;
}

function whyNoUpdate(
  { facts: { name }, ref: { familiar }, digests }: Candidate,
  answer: RegistryAnswer,
  { strangers, same, lags }: PlanFindings,
): string | undefined {
  if (answer.kind === "unknown") return answer.because;
  const lag = lags?.get(familiar);
  const because = lag && whyLagging(lag, digests, familiar);
  if (because !== undefined) return because;
  if (digests.includes(answer.digest) || same?.has(name) === true) return reasonOf(skipReasons.current);
  return strangers?.get(name);
}

function whyHeld(
  { facts: { name } }: Candidate,
  answer: RegistryAnswer,
  { held: heldEntries, now }: PlanFindings,
): string | undefined {
  const held = heldEntries.get(name);
  if (answer.kind === "unknown" || held?.digest !== answer.digest) return undefined;
  if (held.until !== null && held.until <= now) return undefined;
  const end = held.until === null ? "the tag changes" : new Date(held.until).toISOString();
  return reasonOf(skipReasons.held, { because: held.because, by: holderOf(held), end });
}

/** Names in dependency labels that no container bears: they are ignored, with a warning. */
export const unknownDependencies = (facts: ContainerFacts, all: readonly ContainerFacts[]): string[] =>
  [...facts.dependsOn, ...facts.hardDependsOn].filter(
    (name) => !all.some((container) => hasNameOrId(container, name)),
  );
