// What a search for updates means for the ledger, and what the ledger means for it: which containers are updated to
// which digest, where COOLDOWN or a label wants images to stay on their tag for a while. Pure.
import { iso } from "../../../shared/clock.ts";
import { messageOf, reasonOf } from "../../../shared/catalogue/entry.ts";
import { skipReasons } from "../../../shared/catalogue/skip-reasons.ts";
import { mayTakeOlder, readCooldown } from "../../../shared/containers/cooldown.ts";
import type { LedgerEntry } from "../../../shared/contract/ledger.ts";
import { shortDigest } from "../../../shared/registry/image-change.ts";
import type { Settings } from "../../../shared/settings/settings.ts";
import type { Candidate, RegistryAnswer, SoakedAnswer } from "../plan.ts";
import type { TagObservation } from "./ledger.ts";
import { type BelievedLedger, type DigestProof, isProved, proofOf } from "./proof.ts";
import { chooseSoaked } from "./soak.ts";

interface FoundImages {
  readonly candidates: readonly Candidate[];
  /** By `familiar` reference. */
  readonly answers: ReadonlyMap<string, RegistryAnswer>;
}

/** What was seen of each image of the candidates. `answeredAt` says when a registry's answer is from. */
export function observationsOf(
  { candidates, answers, coversAll }: FoundImages & { readonly coversAll: boolean },
  answeredAt: (image: string) => number,
): TagObservation[] {
  const images = new Map<string, Map<string, number>>();
  for (const { ref, digests } of candidates) {
    const answer = answers.get(ref.familiar);
    const current = answer?.kind === "digest" && digests.includes(answer.digest) ? answer.digest : undefined;
    const digest = current ?? digests[0];
    const running = images.get(ref.familiar) ?? new Map<string, number>();
    if (digest !== undefined) running.set(digest, (running.get(digest) ?? 0) + 1);
    images.set(ref.familiar, running);
  }
  return [...images].map(([image, running]) => {
    const answer = answers.get(image);
    const onTag = answer?.kind === "digest" ? { digest: answer.digest, at: answeredAt(image) } : undefined;
    return { image, onTag, running: coversAll ? running : undefined };
  });
}

interface SoakContext extends FoundImages {
  readonly entryOf: (image: string) => LedgerEntry;
  readonly settings: Pick<Settings, "COOLDOWN" | "COOLDOWN_AFTER" | "COOLDOWN_HOSTS">;
  /** What hosts that are believed have written down about an image. */
  readonly believedOf: (image: string) => readonly BelievedLedger[];
  readonly now: number;
}

/** By container name, for those that wait for an image or take an older one than their tag names. */
export function soakedAnswers(context: SoakContext): ReadonlyMap<string, SoakedAnswer> {
  const { candidates, answers } = context;
  const found = new Map<string, SoakedAnswer>();
  for (const candidate of candidates) {
    const answer = answers.get(candidate.ref.familiar);
    if (answer?.kind !== "digest" || candidate.digests.includes(answer.digest)) continue;
    const soaked = soakedAnswer(candidate, answer.digest, context);
    if (soaked !== undefined) found.set(candidate.facts.name, soaked);
  }
  return found;
}

function soakedAnswer(
  { facts, ref, digests }: Candidate,
  digest: string,
  { entryOf, believedOf, settings, now }: SoakContext,
): SoakedAnswer | undefined {
  const cooldown = readCooldown(facts.labels, settings);
  if (cooldown.kind === "wrong")
    return { kind: "left", because: messageOf(skipReasons.cooldownLabel, { text: cooldown.text }) };
  if (!mayTakeOlder(cooldown)) return undefined;
  const entry = entryOf(ref.familiar);
  const { ms: cooldownMs, after } = cooldown;
  const needs = settings.COOLDOWN_HOSTS;
  const proof = (one: string): DigestProof => proofOf(one, believedOf(ref.familiar), { cooldownMs, now });
  const choice = chooseSoaked({
    ...{ entry, digest, running: digests, cooldownMs, now },
    ...(after.length > 0 && { isProved: (one) => isProved(proof(one), needs) }),
  });
  if (choice.kind === "take")
    return choice.digest === digest ? undefined : { kind: "older", digest: choice.digest };
  if (choice.kind === "unproved")
    return { kind: "left", because: whyUnproved(choice.digest, proof(choice.digest), { after, needs }) };
  return {
    kind: "left",
    because: reasonOf(skipReasons.cooling, {
      digest: shortDigest(digest),
      since: iso(firstSeen(entry, digest) ?? now),
      until: iso(choice.until),
    }),
  };
}

function whyUnproved(
  digest: string,
  { provedBy, rolledBackOn }: DigestProof,
  { after, needs }: { readonly after: readonly string[]; readonly needs: number },
): string {
  if (rolledBackOn.length > 0)
    return reasonOf(skipReasons.disproved, {
      ...{ digest: shortDigest(digest), hosts: rolledBackOn.slice(0, MAX_HOSTS_NAMED).join(", ") },
    });
  const hosts = after.includes("*") ? "all" : after.slice(0, MAX_HOSTS_NAMED).join(", ");
  return reasonOf(skipReasons.unproved, {
    ...{ digest: shortDigest(digest), count: provedBy.length, needs, hosts },
  });
}

const MAX_HOSTS_NAMED = 10;

const firstSeen = ({ stays }: LedgerEntry, digest: string): number | undefined => {
  const stay = stays.findLast((one) => one.digest === digest);
  return stay === undefined ? undefined : Date.parse(stay.from);
};
