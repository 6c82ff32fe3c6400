// Records the verdicts that arrive after the decision in the journal; they have no other effect.
import { getNextMessage } from "../../../shared/nats/jetstream.ts";
import type { VerdictWord } from "../../../shared/contract/messages.ts";
import { OPERATOR } from "../../../shared/contract/participants.ts";
import { STREAMS, subjects } from "../../../shared/contract/subjects.ts";
import { encodeToken } from "../../../shared/contract/subject-tokens.ts";
import { parseStoredVerdict } from "./collect-verdicts.ts";
import type { Run } from "../updater.ts";

/** A subject that was signaled after its event was decided. Each message on it is read once, one at a time. */
interface LateSubject {
  next: number;
  isBeingRead: boolean;
  isSignaledAgain: boolean;
  isRecorded: boolean;
}

/** Works until the next run begins. Records one late verdict for each participant and event. */
export function recordLateVerdicts(run: Run): void {
  const known = new Map<string, LateSubject>();
  run.verdictSignals.onUnawaitedVerdict = (event, participantToken) => {
    const participant = findLateParticipant(run, event, participantToken);
    if (participant === undefined) return;
    const key = `${event} ${participantToken}`;
    const late = known.get(key) ?? { next: 1, isBeingRead: false, isSignaledAgain: false, isRecorded: false };
    known.set(key, late);
    late.isSignaledAgain = true;
    if (late.isBeingRead || late.isRecorded) return;
    void readLateVerdict(run, late, { event, participant }).catch((err: unknown) =>
      run.log.warn({ err, event }, "late verdict not recorded"),
    );
  };
}

/** The participant's name; undefined if nobody with that token was asked, or the verdict was in time. */
function findLateParticipant({ journal }: Run, event: string, participantToken: string): string | undefined {
  const decided = journal.findDecision(event);
  if (decided === undefined) return undefined;
  const asked = journal.recordsOf("waiting").find((record) => record.event === event)?.participants ?? [];
  const names = [OPERATOR, ...asked.map(({ name }) => name)];
  const participant = names.find((name) => encodeToken(name) === participantToken);
  const wasInTime = decided.verdicts.some(
    (verdict) => verdict.participant === participant && verdict.timed_out !== true,
  );
  return wasInTime ? undefined : participant;
}

interface VerdictSource {
  readonly event: string;
  readonly participant: string;
}

async function readLateVerdict(run: Run, late: LateSubject, source: VerdictSource): Promise<void> {
  const subject = subjects.verdict(run.bus.host.name, source.participant, source.event);
  late.isBeingRead = true;
  try {
    while (late.isSignaledAgain && !late.isRecorded) {
      late.isSignaledAgain = false;
      const verdict = await awaitVerdict(run, late, subject);
      if (verdict === undefined) continue;
      late.isRecorded = true;
      await recordLateVerdict(run, source, verdict);
    }
  } finally {
    late.isBeingRead = false;
  }
}

/** A signal can arrive before its message can be read: pauses before each try. */
const PAUSES_MS = [0, 2, 8, 32, 128, 512, 2048];

/** Undefined if only junk, or nothing, was stored on the subject. */
async function awaitVerdict(
  { bus }: Run,
  late: LateSubject,
  subject: string,
): Promise<VerdictWord | undefined> {
  for (const pause of PAUSES_MS) {
    if (pause > 0) await bus.clock.sleep(pause, bus.signal);
    for (;;) {
      const message = await getNextMessage(bus.manager, STREAMS.verdicts, subject, late.next);
      if (message === undefined) break;
      late.next = message.seq + 1;
      const verdict = parseStoredVerdict(message);
      if (verdict !== undefined) return verdict.verdict;
    }
  }
  return undefined;
}

async function recordLateVerdict(
  { journal, log }: Run,
  { event, participant }: VerdictSource,
  verdict: VerdictWord,
): Promise<void> {
  await journal.write({ kind: "late", event, participant, verdict });
  const decided = journal.findDecision(event)?.verdict;
  log.warn({ event, participant, verdict, decided }, "verdict came after the decision; it has no effect");
}
