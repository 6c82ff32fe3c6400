// Before and after the single cycle of RUN_ONCE: waits until the updater has recovered what an earlier process left
// behind and has finished its run. Only the updater knows; where none answers, the journal says whether a run is
// open.
import { explain } from "../../shared/errors.ts";
import { getLastMessage } from "../../shared/nats/jetstream.ts";
import { parseJson } from "../../shared/contract/messages.ts";
import { type UpdateResult, OpenRecord } from "../../shared/contract/run-records.ts";
import { UpdaterStatus } from "../../shared/contract/service-status.ts";
import { STREAMS, subjects } from "../../shared/contract/subjects.ts";
import type { RunResults } from "./run-results.ts";
import type { Polling } from "./polling.ts";

const POLL_MS = 250;
const ANSWER_WITHIN_MS = 3000;
/** Longer waits are logged. */
const PATIENCE_MS = 5000;

/** The results of the recovery that this process waited for; none where it did not wait or the signal aborts. */
export async function waitUntilSettled(polling: Polling, runs: RunResults): Promise<readonly UpdateResult[]> {
  const { clock, signal, health, host, log } = polling;
  let hasWaited = polling.together === true;
  const began = clock.monotonic();
  let loggedReason = "";
  while (!signal.aborted) {
    const status = await statusOf(polling);
    const unsettled = await whyUnsettled(polling, status);
    if (unsettled === undefined) return hasWaited ? recoveredResults(status, runs) : [];
    hasWaited ||= status?.state === "busy";
    const isSoon = clock.monotonic() - began < PATIENCE_MS; // starting and finishing take a moment: not worth a line
    if (!isSoon && unsettled !== loggedReason)
      log.info({ because: unsettled }, "waiting for unfinished updates");
    if (!isSoon) loggedReason = unsettled;
    using _waiting = health.trackWait(`the updater of ${host.name}: ${unsettled}`);
    await clock.sleep(POLL_MS, signal);
  }
  return [];
}

/** Undefined where no updater answers. */
async function statusOf({ nats, host }: Polling): Promise<UpdaterStatus | undefined> {
  const subject = subjects.command(host.name, "updater", "status");
  try {
    const answer = await nats.request(subject, "", { timeout: ANSWER_WITHIN_MS });
    return UpdaterStatus.safeParse(parseJson(answer.string())).data;
  } catch {
    return undefined;
  }
}

async function whyUnsettled(
  polling: Polling,
  status: UpdaterStatus | undefined,
): Promise<string | undefined> {
  if (status?.state === "busy")
    return status.run == null ? "it puts right what was left behind" : `it has run ${status.run} in hand`;
  if (status !== undefined) return undefined;
  if (polling.together === true) return "it does not answer yet";
  const open = await openRun(polling).catch(explain);
  return open === undefined ? undefined : `run ${open} is open, and no updater answers`;
}

async function openRun({ manager, host }: Polling): Promise<string | undefined> {
  const message = await getLastMessage(manager, STREAMS.runs, subjects.open(host.name));
  const record = OpenRecord.safeParse(parseJson(message?.string() ?? ""));
  return record.data?.run ?? undefined;
}

async function recoveredResults(
  status: UpdaterStatus | undefined,
  runs: RunResults,
): Promise<readonly UpdateResult[]> {
  const { run, stuck = [] } = status?.recovered ?? {};
  const resumed = run == null ? {} : ((await runs.waitForResults(run)) ?? {});
  return [...stuck.map(() => "stuck" as const), ...Object.values(resumed)];
}
