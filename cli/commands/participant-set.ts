// `ouroboros participant set`: changes a participant without losing events that it has not fetched yet. Its consumer
// is kept: the consumer receives the new subjects before any run waits for its verdicts there, and the old ones until
// those events are fetched.
import { NotDone } from "../../shared/errors.ts";
import { commandErrors } from "../../shared/catalogue/command-errors.ts";
import { messageOf } from "../../shared/catalogue/entry.ts";
import type { ConsumerInfo } from "@nats-io/jetstream";
import { ensureConsumer, hookConsumer } from "../../shared/nats/durable-consumers.ts";
import { isConflict } from "../../shared/nats/jetstream.ts";
import type { Participant } from "../../shared/contract/participants.ts";
import { STREAMS, consumers } from "../../shared/contract/subjects.ts";

import { requireParticipant } from "../fleet/participant-entries.ts";
import type { Fleet } from "../fleet/fleet.ts";
import { applyChange, expectCoherent, mergeFilters } from "./participant-change.ts";
import {
  findConsumer,
  fitNoticesConsumer,
  consumerFilters,
  rejectLeafNode,
  withPreparedFleet,
} from "./participant.ts";
import type { CommandRunner } from "../framework/run-command.ts";
import { printJson } from "../framework/terminal.ts";

export const runSet: CommandRunner<"participant set"> = async (given, terminal) => {
  const { NAME: name, json } = given;
  const { entry, isWide } = await withPreparedFleet(terminal, async (fleet) => {
    await rejectLeafNode(fleet);
    const { participant, revision } = await requireParticipant(fleet, name);
    const { name: _, ...before } = participant;
    const entry = applyChange(before, given);
    expectCoherent(entry);
    await addFilters(fleet, name, consumerFilters(entry));
    await fitNoticesConsumer(fleet, name, entry);
    await storeEntry(fleet, { name, entry, revision });
    return { entry, isWide: !(await narrowFilters(fleet, name, consumerFilters(entry))) };
  });
  if (json) printJson(terminal, { name, ...entry });
  else terminal.stdout.write(`${name} changed\n`);
  if (isWide)
    terminal.stderr.write(
      `ouroboros participant set: ${name} has not fetched everything yet, so its consumer goes on with what it heard before; ` +
        `\`ouroboros participant set ${name}\` ends that once it has\n`,
    );
  return 0;
};

interface ChangedEntry {
  readonly name: string;
  readonly entry: Participant;
  /** Revision of the entry that the change is based on. */
  readonly revision: number;
}

async function storeEntry({ participants }: Fleet, { name, entry, revision }: ChangedEntry): Promise<void> {
  await participants.update(name, JSON.stringify(entry), revision).catch((error: unknown) => {
    if (!isConflict(error)) throw error;
    throw new NotDone(messageOf(commandErrors.changedMeanwhile, { name }), { cause: error });
  });
}

/** Empty where the consumer has no filter and receives everything. */
const currentFilters = ({
  config: { filter_subject: only, filter_subjects: several = [] },
}: ConsumerInfo): string[] => (only ? [only] : several);

/** Recreates a missing consumer. */
async function addFilters(fleet: Fleet, name: string, filters: readonly string[]): Promise<void> {
  const info = await findConsumer(fleet, name);
  if (info === undefined) {
    const consumer = hookConsumer(consumers.gate(name), filters, { max_ack_pending: 16 });
    return ensureConsumer(fleet.manager, STREAMS.hooks, consumer);
  }
  const current = currentFilters(info);
  if (current.length > 0)
    await updateFilters(fleet, name, { current, filters: mergeFilters(current, filters) });
}

/** Resolves with whether the filters are narrow now. They stay wide while undelivered events would be lost. */
async function narrowFilters(fleet: Fleet, name: string, filters: readonly string[]): Promise<boolean> {
  const info = await findConsumer(fleet, name);
  if (info === undefined || isSame(currentFilters(info), filters)) return true;
  if (info.num_pending + info.num_ack_pending > 0) return false;
  await updateFilters(fleet, name, { current: currentFilters(info), filters });
  return true;
}

async function updateFilters(
  { manager }: Fleet,
  name: string,
  { current, filters }: { readonly current: readonly string[]; readonly filters: readonly string[] },
): Promise<void> {
  if (isSame(current, filters)) return;
  const [only, ...more] = filters;
  await manager.consumers.update(STREAMS.hooks, consumers.gate(name), {
    // The client keeps fields that are not given, so one of the two is set to undefined.
    filter_subject: more.length === 0 ? only : undefined,
    filter_subjects: more.length === 0 ? undefined : [...filters],
  } as object);
}

const isSame = (a: readonly string[], b: readonly string[]): boolean =>
  JSON.stringify([...a].sort()) === JSON.stringify([...b].sort());
