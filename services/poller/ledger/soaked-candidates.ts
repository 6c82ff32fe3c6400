// Which containers are updated to which tag and digest, where COOLDOWN or a label wants images to stay on their tag for a
// while. Pure.
//
// 1. With a tag policy the highest tag is taken of which a digest has had its time (soak.ts). A tag that is too new keeps no
//    lower one from being taken.
// 2. No tag is taken below one that names what runs.
// 3. Where none has had its time, the one is told of that has it first.
import { iso } from "../../../shared/clock.ts";
import { messageOf, reasonOf } from "../../../shared/catalogue/entry.ts";
import { skipReasons } from "../../../shared/catalogue/skip-reasons.ts";
import { type Cooldown, mayTakeOlder, readCooldown } from "../../../shared/containers/cooldown.ts";
import type { LedgerEntry } from "../../../shared/contract/ledger.ts";
import { shortDigest } from "../../../shared/registry/image-change.ts";
import type { ImageRef } from "../../../shared/registry/image-ref.ts";
import type { Settings } from "../../../shared/settings/settings.ts";
import { type Candidate, type SoakedAnswer, hasTagMoved } from "../plan/plan.ts";
import type { FoundImages } from "./note-updates.ts";
import { type BelievedLedger, type DigestProof, isProved, proofOf } from "./proof.ts";
import { type SoakChoice, chooseSoaked } from "./soak.ts";

export interface SoakContext extends FoundImages {
  readonly entryOf: (image: string) => LedgerEntry;
  readonly settings: Pick<Settings, "COOLDOWN" | "COOLDOWN_AFTER" | "COOLDOWN_HOSTS">;
  /** What hosts that are believed have written down about an image. */
  readonly believedOf: (image: string) => readonly BelievedLedger[];
  readonly now: number;
}

export interface SoakedCandidates {
  /** The same containers, with the tags that they take. */
  readonly candidates: readonly Candidate[];
  /** By container name, for those that wait for an image or take an older one than their tag names. */
  readonly soaked: ReadonlyMap<string, SoakedAnswer>;
}

export function soakedCandidates(context: SoakContext): SoakedCandidates {
  const soaked = new Map<string, SoakedAnswer>();
  const candidates = context.candidates.map((candidate) => {
    const { candidate: chosen = candidate, answer } = soakedChoice(candidate, context);
    if (answer !== undefined) soaked.set(candidate.facts.name, answer);
    return chosen;
  });
  return { candidates, soaked };
}

/** What a cooldown makes of one of a container's tags. */
interface SoakedTag {
  readonly ref: ImageRef;
  /** What it names. */
  readonly digest: string;
  readonly choice: SoakChoice;
}

function soakedChoice(
  candidate: Candidate,
  context: SoakContext,
): { readonly candidate?: Candidate; readonly answer?: SoakedAnswer } {
  if (!hasTagMoved(candidate, context.answers)) return {};
  const cooldown = readCooldown(candidate.facts.labels, context.settings);
  if (cooldown.kind === "wrong") {
    const because = messageOf(skipReasons.cooldownLabel, { text: cooldown.text });
    return { answer: { kind: "left", because } };
  }
  if (!mayTakeOlder(cooldown)) return {};
  const tags = soakedTags(candidate, cooldown, context);
  const taken = tags.find(({ choice }) => choice.kind === "take") ?? firstToHaveItsTime(tags);
  if (taken === undefined) return {};
  const answer = answerOf(taken, candidate, { cooldown, context });
  return {
    candidate: onTag(candidate, taken.ref, tags[0]?.choice.kind === "unproved"),
    ...(answer !== undefined && { answer }),
  };
}

/** The highest first. */
function soakedTags(candidate: Candidate, cooldown: CooldownTime, context: SoakContext): SoakedTag[] {
  const { ref: highest, lower = [], digests } = candidate;
  const found: SoakedTag[] = [];
  for (const ref of [highest, ...lower]) {
    const answer = context.answers.get(ref.familiar);
    if (answer?.kind !== "digest") continue;
    const { digest } = answer;
    if (digests.includes(digest)) break;
    const choice = chooseSoaked({
      ...{ entry: context.entryOf(ref.familiar), digest, running: digests },
      ...{ cooldownMs: cooldown.ms, now: context.now, isLaterTag: isLaterTag(candidate, ref) },
      ...(cooldown.after.length > 0 && {
        isProved: (one) =>
          isProved(proofFor({ ref, digest: one }, cooldown, context), context.settings.COOLDOWN_HOSTS),
      }),
    });
    found.push({ ref, digest, choice });
  }
  return found;
}

type CooldownTime = Cooldown & { readonly kind: "time" };

const isLaterTag = ({ followed }: Candidate, { tag }: ImageRef): boolean =>
  followed?.kind === "follows" && followed.own !== tag;

const proofFor = (
  { ref, digest }: Pick<SoakedTag, "ref" | "digest">,
  { ms: cooldownMs }: CooldownTime,
  { believedOf, now }: SoakContext,
): DigestProof => proofOf(digest, believedOf(ref.familiar), { cooldownMs, now });

/** One that has had its time and is not proved comes before those that wait. */
const firstToHaveItsTime = (tags: readonly SoakedTag[]): SoakedTag | undefined =>
  tags.toSorted((a, b) => timeOf(a) - timeOf(b))[0];

const timeOf = ({ choice }: SoakedTag): number => (choice.kind === "wait" ? choice.until : 0);

/** Undefined where it takes what the tag names. */
function answerOf(
  tag: SoakedTag,
  candidate: Candidate,
  { cooldown, context }: { readonly cooldown: CooldownTime; readonly context: SoakContext },
): SoakedAnswer | undefined {
  const { ref, digest, choice } = tag;
  switch (choice.kind) {
    case "take":
      return choice.digest === digest ? undefined : { kind: "older", digest: choice.digest };
    case "unproved": {
      const proof = proofFor({ ref, digest: choice.digest }, cooldown, context);
      const name = shortDigest(choice.digest);
      const what = isLaterTag(candidate, ref) ? `${ref.tag} (${name})` : name;
      const needs = context.settings.COOLDOWN_HOSTS;
      return { kind: "left", because: whyUnproved(what, proof, { after: cooldown.after, needs }) };
    }
    case "wait": {
      const since = firstSeen(context.entryOf(ref.familiar), digest) ?? context.now;
      const values = { digest: shortDigest(digest), since: iso(since), until: iso(choice.until) };
      const because = isLaterTag(candidate, ref)
        ? reasonOf(skipReasons.coolingTag, { ...values, tag: ref.tag })
        : reasonOf(skipReasons.cooling, values);
      return { kind: "left", because };
    }
  }
}

function whyUnproved(
  digest: string,
  { provedBy, rolledBackOn }: DigestProof,
  { after, needs }: { readonly after: readonly string[]; readonly needs: number },
): string {
  if (rolledBackOn.length > 0)
    return reasonOf(skipReasons.disproved, {
      ...{ digest, hosts: rolledBackOn.slice(0, MAX_HOSTS_NAMED).join(", ") },
    });
  const hosts = after.includes("*") ? "all" : after.slice(0, MAX_HOSTS_NAMED).join(", ");
  return reasonOf(skipReasons.unproved, { digest, count: provedBy.length, needs, hosts });
}

const MAX_HOSTS_NAMED = 10;

const firstSeen = ({ stays }: LedgerEntry, digest: string): number | undefined => {
  const stay = stays.findLast((one) => one.digest === digest);
  return stay === undefined ? undefined : Date.parse(stay.from);
};

/** The candidate with one of its lower tags; the highest is passed over then. */
function onTag(candidate: Candidate, ref: ImageRef, isUnproved: boolean): Candidate {
  const { followed, ref: highest } = candidate;
  if (ref === highest || followed?.kind !== "follows") return candidate;
  const because = isUnproved ? "not proved elsewhere" : "in its cooldown";
  const passedOver = [...followed.passedOver, { tag: highest.tag, because } as const];
  return { ...candidate, ref, followed: { ...followed, tag: ref.tag, passedOver } };
}
