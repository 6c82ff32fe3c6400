// Verdicts that come after the decision: they change nothing, and the journal says that they came.
import { nextOn } from "../../shared/jetstream.ts";
import { OPERATOR } from "../../shared/participants.ts";
import { STREAMS, subjects } from "../../shared/subjects.ts";
import { isToken, untoken } from "../../shared/tokens.ts";
import { verdictIn } from "./gate.ts";
import type { Run } from "./updater.ts";

/** Until the next run begins. Of each participant and event one late verdict is recorded. */
export function recordLateVerdicts(run: Run): void {
  const seen = new Set<string>();
  run.doorbell.onUnheard = (event, participantToken) => {
    const key = `${event} ${participantToken}`;
    if (seen.has(key) || !isToken(participantToken)) return;
    void recordLate(run, event, untoken(participantToken)).then(
      (recorded) => recorded && seen.add(key),
      (err: unknown) => run.log.warn({ err, event }, "late verdict not recorded"),
    );
  };
}

async function recordLate({ bus, journal, log }: Run, event: string, participant: string): Promise<boolean> {
  const decided = journal.decided(event);
  const asked = journal.of("waiting").find((record) => record.event === event)?.participants;
  const wasInTime = decided?.verdicts.some(
    (said) => said.participant === participant && said.timed_out !== true,
  );
  const mayVote = participant === OPERATOR || asked?.some(({ name }) => name === participant);
  if (decided === undefined || wasInTime || !mayVote) return false;
  const message = await nextOn(
    bus.manager,
    STREAMS.verdicts,
    subjects.verdict(bus.host.name, participant, event),
    1,
  );
  const verdict = message && verdictIn(message);
  if (verdict === undefined) return false;
  await journal.write({ kind: "late", event, participant, verdict: verdict.verdict });
  log.warn(
    { event, participant, verdict: verdict.verdict, decided: decided.verdict },
    "verdict came after the decision; it has no effect",
  );
  return true;
}
