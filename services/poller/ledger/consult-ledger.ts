// Tells the ledger what a search has found, and asks it which images are old enough.
import type { ContainerFacts } from "../../../shared/containers/container-facts.ts";
import { withLowerTags } from "../plan/latest-only.ts";
import { hasTagMoved } from "../plan/plan.ts";
import type { Polling } from "../polling.ts";
import { whyUpdaterIsNotReady } from "../plan/publish-plan.ts";
import { type ChosenTags, tagsToKeep } from "../tags/seen-tags.ts";
import { ledgerTime } from "./ledger-time.ts";
import { type FoundImages, findUnfinished, observationsOf } from "./note-updates.ts";
import { type BelievedLedger, othersToProve } from "./proof.ts";
import { readBelieved } from "./read-believed.ts";
import { type SoakedCandidates, soakedCandidates } from "./soaked-candidates.ts";
import { tellMoves } from "./tell-moves.ts";

interface Consultation extends FoundImages {
  /** Images whose mirror and registry differ: what their tag names is not known. */
  readonly unsure: ReadonlyMap<string, unknown>;
  /** All containers of the host. */
  readonly all: readonly ContainerFacts[];
  /** Whether the candidates are all that the host has. */
  readonly coversAll: boolean;
}

/** What cooldowns make of the candidates and the answers. */
export async function consultLedger(
  polling: Polling,
  { candidates, answers, unsure, ...extent }: Consultation,
): Promise<SoakedCandidates> {
  const now = await ledgerTime(polling);
  const sure = new Map([...answers].filter(([image]) => !unsure.has(image)));
  const found: FoundImages = { candidates, answers: sure };
  await noteFound(polling, { ...found, ...extent }, now);
  const soaked = await chooseByCooldowns(polling, found, now);
  keepTags(polling, { before: candidates, after: soaked }, now);
  void polling.ledger.save();
  return soaked;
}

/** Publishes a notice for each tag that has moved. */
async function noteFound(
  polling: Polling,
  { all, ...found }: Omit<Consultation, "unsure">,
  now: number,
): Promise<void> {
  const { ledger, clock, registries } = polling;
  const { candidates } = found;
  const refs = new Map(withLowerTags(candidates).map(({ ref }) => [ref.familiar, ref]));
  const answeredAt = (image: string): number => {
    const ref = refs.get(image);
    const saidAt = ref && registries.recent.saidAt(ref);
    return saidAt === undefined ? now : Math.min(now - (clock.now() - saidAt), now);
  };
  const hasServices = candidates.some(({ facts }) => facts.service !== undefined);
  const isUpdating = hasServices && (await whyUpdaterIsNotReady(polling)) !== undefined;
  const unfinished = findUnfinished(all, isUpdating);
  tellMoves(
    polling,
    await ledger.note(observationsOf({ ...found, unfinished }, answeredAt), now),
    candidates,
  );
}

async function chooseByCooldowns(
  polling: Polling,
  { candidates, answers }: FoundImages,
  now: number,
): Promise<SoakedCandidates> {
  const { ledger, settings, host } = polling;
  const after = othersToProve(settings.COOLDOWN_AFTER, host.name);
  const moved = withLowerTags(candidates).filter((candidate) => hasTagMoved(candidate, answers));
  const images = [...new Set(moved.map(({ ref }) => ref.familiar))];
  const believed: ReadonlyMap<string, readonly BelievedLedger[]> =
    after.length === 0 ? new Map() : await readBelieved(polling, images, after);
  return soakedCandidates({
    ...{ candidates, answers, now },
    settings: { ...settings, COOLDOWN_AFTER: after },
    entryOf: (image) => ledger.entryOf(image),
    believedOf: (image) => believed.get(image) ?? [],
  });
}

function keepTags({ ledger }: Polling, chosen: ChosenTags, now: number): void {
  for (const [repository, tags] of tagsToKeep(chosen, (name) => ledger.tagsOf(name), now))
    ledger.noteTags(repository, tags);
}
