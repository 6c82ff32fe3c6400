// `ouroboros participant set`: changes who is asked what, without losing what it has not fetched yet. Its consumer stays the
// same one: it hears what is new before anybody waits for it there, and hears what is old until that is fetched.
import { NotDone } from "../../shared/errors.ts";
import type { ConsumerInfo } from "@nats-io/jetstream";
import { ensureConsumer, hookConsumer } from "../../shared/nats/durable-consumers.ts";
import { isConflict } from "../../shared/nats/jetstream.ts";
import type { Participant } from "../../shared/contract/participants.ts";
import { STREAMS, consumers } from "../../shared/contract/subjects.ts";

import { requireParticipant } from "../fleet/participant-entries.ts";
import type { Fleet } from "../fleet/fleet.ts";
import { applyChange, expectCoherent, mergeFilters } from "./participant-change.ts";
import { findConsumer, consumerFilters, rejectLeafNode, withPreparedFleet } from "./participant.ts";
import type { CommandRunner } from "../framework/run-command.ts";
import { printJson } from "../framework/terminal.ts";

export const runSet: CommandRunner<"participant set"> = async (given, terminal) => {
  const { NAME: name, json } = given;
  const { entry, isWide } = await withPreparedFleet(terminal, async (fleet) => {
    await rejectLeafNode(fleet);
    const { participant, revision } = await requireParticipant(fleet, name);
    const { name: _, ...before } = participant;
    const entry = applyChange(before, given);
    expectCoherent(entry, ": give both");
    await addFilters(fleet, name, consumerFilters(entry));
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
  /** Of the entry that was changed. */
  readonly revision: number;
}

async function storeEntry({ participants }: Fleet, { name, entry, revision }: ChangedEntry): Promise<void> {
  await participants.update(name, JSON.stringify(entry), revision).catch((error: unknown) => {
    if (!isConflict(error)) throw error;
    throw new NotDone(`somebody else changed ${name} at the same time; nothing was changed here`, {
      cause: error,
    });
  });
}

/** Empty where it hears everything. */
const currentFilters = ({
  config: { filter_subject: one, filter_subjects: more = [] },
}: ConsumerInfo): string[] => (one ? [one] : more);

/** A consumer that is missing is made anew. */
async function addFilters(fleet: Fleet, name: string, filters: readonly string[]): Promise<void> {
  const info = await findConsumer(fleet, name);
  if (info === undefined) {
    const consumer = hookConsumer(consumers.gate(name), filters, { max_ack_pending: 16 });
    return ensureConsumer(fleet.manager, STREAMS.hooks, consumer);
  }
  const heard = currentFilters(info);
  if (heard.length > 0) await updateFilters(fleet, name, { heard, filters: mergeFilters(heard, filters) });
}

/** Resolves with whether that is so: what is undelivered would be lost otherwise. */
async function narrowFilters(fleet: Fleet, name: string, filters: readonly string[]): Promise<boolean> {
  const info = await findConsumer(fleet, name);
  if (info === undefined || isSame(currentFilters(info), filters)) return true;
  if (info.num_pending + info.num_ack_pending > 0) return false;
  await updateFilters(fleet, name, { heard: currentFilters(info), filters });
  return true;
}

async function updateFilters(
  { manager }: Fleet,
  name: string,
  { heard, filters }: { readonly heard: readonly string[]; readonly filters: readonly string[] },
): Promise<void> {
  if (isSame(heard, filters)) return;
  const [only, ...more] = filters;
  await manager.consumers.update(STREAMS.hooks, consumers.gate(name), {
    // The client keeps what is not named: one of the two has to go.
    filter_subject: more.length === 0 ? only : undefined,
    filter_subjects: more.length === 0 ? undefined : [...filters],
  } as object);
}

const isSame = (one: readonly string[], other: readonly string[]): boolean =>
  JSON.stringify([...one].sort()) === JSON.stringify([...other].sort());
