// What approvals say at a hook: the verdicts that participants and the operator have recorded for the digests that the event
// is about. Pure.
//   - A participant that has recorded a verdict for each of them need not answer the event. An answer to the event itself
//     comes first (gate-wait.ts).
//   - For one that answers by digest only, what the operator has recorded counts where it has not recorded anything
//     itself, and without both it defers.
//   - At an event about one container the operator's refusal decides, whoever is asked; an approval of the operator
//     skips nobody.
import {
  type ImageDigest,
  type StoredApproval,
  countsApprovals,
  heaviestVerdict,
  imageDigestText,
  isInForce,
  verdictOfApproval,
} from "../../../shared/contract/approvals.ts";
import { type HookName, hooks } from "../../../shared/contract/hooks.ts";
import type { Verdict } from "../../../shared/contract/messages.ts";
import { type AskedParticipant, OPERATOR } from "../../../shared/contract/participants.ts";
import type { ImagePayload } from "../../../shared/contract/payloads.ts";
import { parseImageRef } from "../../../shared/registry/image-ref.ts";

/** The image that a container, or a service, is to get. */
export interface NewImage {
  readonly container: string;
  /** The names under which the Engine or the registry has it in the container's own repository. */
  readonly images: readonly ImageDigest[];
}

export interface StandingQuestion {
  readonly hook: HookName;
  readonly newImages: readonly NewImage[];
  readonly asked: readonly AskedParticipant[];
  readonly entryOf: (voter: string, image: ImageDigest) => StoredApproval | undefined;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** By voter. */
export type StandingVerdicts = ReadonlyMap<string, Verdict>;

export function standingVerdicts(question: StandingQuestion): StandingVerdicts {
  const { hook, newImages, asked } = question;
  const found = new Map<string, Verdict>();
  if (newImages.length === 0) return found;
  for (const participant of asked) {
    const verdict = participant.unreadable === undefined ? verdictOf(participant, question) : undefined;
    if (verdict !== undefined) found.set(participant.name, verdict);
  }
  if (hooks[hook].about === "run") return found;
  const operators = heaviestVerdict(newImages.flatMap((image) => recordedBy(OPERATOR, image, question)));
  if (operators !== undefined && operators.verdict !== "proceed") found.set(OPERATOR, operators);
  return found;
}

/** Undefined where it has to answer the event. */
function verdictOf(participant: AskedParticipant, question: StandingQuestion): Verdict | undefined {
  const { only } = participant;
  const concerned = question.newImages.filter(({ container }) => only?.includes(container) ?? true);
  const answers = concerned.map(
    (image) => [image.container, answerOf(participant, image, question)] as const,
  );
  const given = answers.flatMap(([container, verdict]) =>
    verdict === undefined ? [] : [[container, verdict] as const],
  );
  if (given.length < answers.length) return undefined;
  return hooks[question.hook].about === "run"
    ? { verdict: "proceed", containers: Object.fromEntries(given) }
    : given[0]?.[1];
}

function answerOf(
  { name, by_digest }: AskedParticipant,
  image: NewImage,
  question: StandingQuestion,
): Verdict | undefined {
  const own = heaviestVerdict(recordedBy(name, image, question));
  if (own !== undefined || by_digest !== true) return own;
  return heaviestVerdict(recordedBy(OPERATOR, image, question)) ?? whyUnapproved(name, image);
}

const recordedBy = (
  voter: string,
  { images }: NewImage,
  { entryOf, hook, now }: StandingQuestion,
): Verdict[] =>
  images.flatMap((image) => {
    const entry = entryOf(voter, image);
    return entry !== undefined && isInForce(entry, { hook, now }) ? [verdictOfApproval(entry, voter)] : [];
  });

function whyUnapproved(name: string, { images: [image] }: NewImage): Verdict {
  const reason =
    image === undefined
      ? `${name} answers by digest, and the digest of the new image is not known`
      : `${name} waits for \`ouroboros approve ${imageDigestText(image)}\``;
  return { verdict: "defer", reason };
}

/** The new images that an event is about; none at hooks at which approvals do not count. */
export function newImagesIn(hook: HookName, container: string | null, locals: object): NewImage[] {
  if (!countsApprovals(hook)) return [];
  const all = locals as PossibleLocals;
  if (container === null)
    return [...(all.updateable ?? []), ...(all.updateable_services ?? [])].flatMap(
      ({ container: one, service = one, latest_image }) =>
        service === undefined ? [] : [newImageOf(service.name, service.image, latest_image)],
    );
  const follows = (all.old_container ?? all.service)?.image;
  return all.new_image === undefined || follows === undefined
    ? []
    : [newImageOf(container, follows, all.new_image)];
}

interface Workload {
  readonly name: string;
  readonly image: string;
}

interface PossibleUpdate {
  readonly container?: Workload;
  readonly service?: Workload;
  readonly latest_image: ImagePayload;
}

interface PossibleLocals {
  readonly updateable?: readonly PossibleUpdate[];
  readonly updateable_services?: readonly PossibleUpdate[];
  readonly old_container?: Workload;
  readonly service?: Workload;
  readonly new_image?: ImagePayload;
}

function newImageOf(container: string, follows: string, { digests }: ImagePayload): NewImage {
  const repository = parseImageRef(follows)?.name;
  const images = digests.flatMap((text) => {
    const { name, digest } = parseImageRef(text) ?? {};
    return name !== undefined && name === repository && digest !== undefined
      ? [{ repository: name, digest }]
      : [];
  });
  return { container, images };
}
