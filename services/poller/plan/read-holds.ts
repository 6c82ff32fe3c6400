// Reads what keeps newer images from containers although their registry has them: what is held for a container, and what
// the operator has refused for all hosts.
import { HeldEntry } from "../../../shared/contract/held-entry.ts";
import { type ImageDigest, imageDigestText } from "../../../shared/contract/approvals.ts";
import { inParallel } from "../../../shared/in-parallel.ts";
import { parseJson } from "../../../shared/contract/messages.ts";
import { getHeld } from "../../../shared/nats/reserve.ts";
import { type RecordedApproval, type StoredHold, isLifted, readApprovals, whyRefused } from "./approvals.ts";
import { type Candidate, type RegistryAnswer, type SoakedAnswer, hasTagMoved } from "./plan.ts";
import type { Polling } from "../polling.ts";

/** A container, and the image that it would get. */
interface DueImage {
  readonly container: string;
  readonly image: ImageDigest;
}

interface Holds {
  /** By container name. */
  readonly held: ReadonlyMap<string, HeldEntry>;
  /** Container name → why no host may take its image. */
  readonly refused: ReadonlyMap<string, string>;
}

const CONCURRENCY = { all: 16 };

/** With `despiteHolds` only what is refused for all hosts. An entry of a hold that cannot be parsed holds nothing. */
export async function readHolds(
  polling: Pick<Polling, "manager" | "host" | "log" | "clock">,
  due: readonly DueImage[],
  despiteHolds: boolean,
): Promise<Holds> {
  const { manager, clock } = polling;
  const images = new Map(due.map(({ image }) => [imageDigestText(image), image]));
  const recorded = new Map<string, readonly RecordedApproval[]>();
  await inParallel([...images], CONCURRENCY, async ([text, image]) =>
    recorded.set(text, await readApprovals(manager, image)),
  );
  const recordedFor = (image: ImageDigest) => recorded.get(imageDigestText(image)) ?? [];
  const now = clock.now();
  const refused = due.flatMap(({ container, image }) => {
    const because = whyRefused(image, recordedFor(image), now);
    return because === undefined ? [] : [[container, because] as const];
  });
  const held = new Map<string, HeldEntry>();
  await inParallel(despiteHolds ? [] : due, CONCURRENCY, async ({ container, image }) => {
    const hold = await readHold(polling, container);
    if (hold !== undefined && !isLifted(hold, recordedFor(image), now)) held.set(container, hold.held);
  });
  return { held, refused: new Map(refused) };
}

async function readHold(
  { manager, host, log }: Pick<Polling, "manager" | "host" | "log">,
  container: string,
): Promise<StoredHold | undefined> {
  const stored = await getHeld(manager, host.name, container);
  if (stored === undefined) return undefined;
  const read = HeldEntry.safeParse(parseJson(stored.text));
  if (read.success) return { held: read.data, at: stored.at };
  log.warn({ container }, "held entry cannot be read");
  return undefined;
}

/** For each container whose tag has moved: the image that the tag names, or the older one that a cooldown chose. */
export const dueImages = (
  candidates: readonly Candidate[],
  answers: ReadonlyMap<string, RegistryAnswer>,
  soaked: ReadonlyMap<string, SoakedAnswer>,
): DueImage[] =>
  candidates.flatMap((candidate) => {
    const { ref, facts } = candidate;
    const [tagged, chosen] = [answers.get(ref.familiar), soaked.get(facts.name)];
    if (tagged?.kind !== "digest" || !hasTagMoved(candidate, answers)) return [];
    const digest = chosen?.kind === "older" ? chosen.digest : tagged.digest;
    return [{ container: facts.name, image: { repository: ref.name, digest } }];
  });
