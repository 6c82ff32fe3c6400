// Verdicts that come after the decision: they change nothing, and the journal says that they came.
import { nextOn } from "../../../shared/jetstream.ts";
import type { VerdictWord } from "../../../shared/messages.ts";
import { OPERATOR } from "../../../shared/participants.ts";
import { STREAMS, subjects } from "../../../shared/subjects.ts";
import { token } from "../../../shared/tokens.ts";
import { verdictIn } from "./gate.ts";
import type { Run } from "../updater.ts";

/** A subject that rang after its event was decided: each message on it is read once, one at a time. */
interface Late {
  next: number;
  isRead: boolean;
  rangAgain: boolean;
  isRecorded: boolean;
}

/** Until the next run begins. Of each participant and event one late verdict is recorded. */
export function recordLateVerdicts(run: Run): void {
  const known = new Map<string, Late>();
  run.doorbell.onUnheard = (event, participantToken) => {
    const participant = whoMayBeLate(run, event, participantToken);
    if (participant === undefined) return;
    const key = `${event} ${participantToken}`;
    const late = known.get(key) ?? { next: 1, isRead: false, rangAgain: false, isRecorded: false };
    known.set(key, late);
    late.rangAgain = true;
    if (late.isRead || late.isRecorded) return;
    void readLate(run, late, { event, participant }).catch((err: unknown) =>
      run.log.warn({ err, event }, "late verdict not recorded"),
    );
  };
}

/** By name; undefined where nobody of that token was asked, or its verdict was in time. */
function whoMayBeLate({ journal }: Run, event: string, participantToken: string): string | undefined {
  const decided = journal.decided(event);
  if (decided === undefined) return undefined;
  const asked = journal.of("waiting").find((record) => record.event === event)?.participants ?? [];
  const names = [OPERATOR, ...asked.map(({ name }) => name)];
  const participant = names.find((name) => token(name) === participantToken);
  const wasInTime = decided.verdicts.some(
    (said) => said.participant === participant && said.timed_out !== true,
  );
  return wasInTime ? undefined : participant;
}

interface Of {
  readonly event: string;
  readonly participant: string;
}

async function readLate(run: Run, late: Late, of: Of): Promise<void> {
  const subject = subjects.verdict(run.bus.host.name, of.participant, of.event);
  late.isRead = true;
  try {
    while (late.rangAgain && !late.isRecorded) {
      late.rangAgain = false;
      for (;;) {
        const message = await nextOn(run.bus.manager, STREAMS.verdicts, subject, late.next);
        if (message === undefined) break;
        late.next = message.seq + 1;
        const verdict = verdictIn(message);
        if (verdict === undefined) continue;
        late.isRecorded = true;
        await record(run, of, verdict.verdict);
        return;
      }
    }
  } finally {
    late.isRead = false;
  }
}

async function record(
  { journal, log }: Run,
  { event, participant }: Of,
  verdict: VerdictWord,
): Promise<void> {
  await journal.write({ kind: "late", event, participant, verdict });
  const decided = journal.decided(event)?.verdict;
  log.warn({ event, participant, verdict, decided }, "verdict came after the decision; it has no effect");
}
