// Tells the ledger what a search has found, and asks it which images are old enough.
import { parseRunRecord } from "../../../shared/contract/run-records.ts";
import { STREAMS, consumers, subjects } from "../../../shared/contract/subjects.ts";
import { getServerTime } from "../../../shared/nats/jetstream.ts";
import { parseImageRef } from "../../../shared/registry/image-ref.ts";
import { withLowerTags } from "../latest-only.ts";
import { type Candidate, type RegistryAnswer, hasTagMoved } from "../plan.ts";
import type { Polling } from "../polling.ts";
import { tagsToKeep } from "../tags/seen-tags.ts";
import { type BelievedLedger, othersToProve } from "./proof.ts";
import { readBelieved } from "./read-believed.ts";
import { observationsOf } from "./note-updates.ts";
import { type SoakedCandidates, soakedCandidates } from "./soaked-candidates.ts";
import { tellMoves } from "./tell-moves.ts";

interface Consultation {
  readonly candidates: readonly Candidate[];
  /** By `familiar` reference. */
  readonly answers: ReadonlyMap<string, RegistryAnswer>;
  /** Images whose mirror and registry differ: what their tag names is not known. */
  readonly unsure: ReadonlyMap<string, unknown>;
  /** Whether the candidates are all that the host has. */
  readonly coversAll: boolean;
}

/** What cooldowns make of the candidates and the answers. */
export async function consultLedger(
  polling: Polling,
  { candidates, answers, unsure, coversAll }: Consultation,
): Promise<SoakedCandidates> {
  const { ledger, settings, clock, registries } = polling;
  const now = await ledgerTime(polling);
  const all = withLowerTags(candidates);
  const refs = new Map(all.map(({ ref }) => [ref.familiar, ref]));
  const answeredAt = (image: string): number => {
    const ref = refs.get(image);
    const saidAt = ref && registries.recent.saidAt(ref);
    return saidAt === undefined ? now : Math.min(now - (clock.now() - saidAt), now);
  };
  const sure = new Map([...answers].filter(([image]) => !unsure.has(image)));
  const moves = await ledger.note(observationsOf({ candidates, answers: sure, coversAll }, answeredAt), now);
  tellMoves(polling, moves, candidates);
  const after = othersToProve(settings.COOLDOWN_AFTER, polling.host.name);
  const moved = all.filter((candidate) => hasTagMoved(candidate, sure)).map(({ ref }) => ref.familiar);
  const believed: ReadonlyMap<string, readonly BelievedLedger[]> =
    after.length === 0 ? new Map() : await readBelieved(polling, [...new Set(moved)], after);
  const found = soakedCandidates({
    ...{ candidates, answers: sure, now },
    settings: { ...settings, COOLDOWN_AFTER: after },
    entryOf: (image) => ledger.entryOf(image),
    believedOf: (image) => believed.get(image) ?? [],
  });
  for (const [repository, tags] of tagsToKeep(
    { before: candidates, after: found },
    (name) => ledger.tagsOf(name),
    now,
  ))
    ledger.noteTags(repository, tags);
  void ledger.save();
  return found;
}

/** The time of the NATS server, so that hosts agree on it; this machine's where the server does not tell. */
export const ledgerTime = async ({ manager, host, clock }: Pick<Polling, "manager" | "host" | "clock">) =>
  (await getServerTime(manager, STREAMS.hooks, consumers.updater(host.name)).catch(() => undefined)) ??
  clock.now();

/** Has the ledger count how updates of the host end, until disposed of. */
export function followUpdateEnds({
  nats,
  host,
  ledger,
}: Pick<Polling, "nats" | "host" | "ledger">): Disposable {
  const subscription = nats.subscribe(subjects.run(host.name, "*"), {
    callback: (error, message) => {
      const record = error === null ? parseRunRecord(message.string()) : undefined;
      if (record?.kind !== "ended" || record.image === undefined) return;
      const image = parseImageRef(record.to_image ?? record.image)?.familiar;
      const digest = record.to_digest?.split("@")[1];
      if (image === undefined || digest === undefined) return;
      ledger.noteEnd(image, digest, record.end);
      void ledger.save();
    },
  });
  return { [Symbol.dispose]: () => subscription.unsubscribe() };
}
