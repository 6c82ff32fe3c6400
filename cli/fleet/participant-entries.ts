// Reads the entries of the participants for an operator's command, including those that cannot be parsed.
import { NotDone } from "../../shared/errors.ts";
import { commandErrors } from "../../shared/catalogue/command-errors.ts";
import { messageOf } from "../../shared/catalogue/entry.ts";
import { readParticipant } from "../../shared/contract/participants.ts";
import { isToken, decodeToken } from "../../shared/contract/subject-tokens.ts";
import type { NamedParticipant, UnreadableParticipant } from "../output/output-schemas.ts";

import { type Fleet, listKeys } from "./fleet.ts";
import { didYouMean } from "../../shared/settings/did-you-mean.ts";

/** All participants, including those whose entry cannot be parsed. */
export async function listParticipants(fleet: Fleet): Promise<(NamedParticipant | UnreadableParticipant)[]> {
  const found = (await listKeys(fleet.participants)).map(async (key) => {
    const entry = await readStoredEntry(fleet, key);
    if (entry === undefined) return [];
    const read = readParticipant(entry.text);
    const name = isToken(key) ? decodeToken(key) : key;
    return "because" in read ? [{ name, unreadable: read.because }] : [{ name, ...read }];
  });
  return (await Promise.all(found)).flat();
}

interface FoundParticipant {
  readonly participant: NamedParticipant;
  readonly added: string;
  readonly revision: number;
}

/** @throws NotDone where the entry cannot be parsed. */
async function findParticipant(fleet: Fleet, name: string): Promise<FoundParticipant | undefined> {
  const entry = await readStoredEntry(fleet, name);
  if (entry === undefined) return undefined;
  const read = readParticipant(entry.text);
  if ("because" in read)
    throw new NotDone(messageOf(commandErrors.entryUnreadable, { name, because: read.because }));
  return { ...entry, participant: { name, ...read } };
}

export async function readStoredEntry(
  { participants }: Fleet,
  name: string,
): Promise<{ readonly text: string; readonly added: string; readonly revision: number } | undefined> {
  const entry = await participants.get(name).catch(() => null); // the name may not be valid as a key
  return entry?.operation === "PUT"
    ? { text: entry.string(), added: entry.created.toISOString(), revision: entry.revision }
    : undefined;
}

/** @throws NotDone where there is no participant of that name. */
export async function requireParticipant(fleet: Fleet, name: string): Promise<FoundParticipant> {
  const found = await findParticipant(fleet, name);
  if (found !== undefined) return found;
  const nearest = didYouMean(name, await listKeys(fleet.participants));
  throw new NotDone(messageOf(commandErrors.noSuchParticipant, { name, nearest }));
}
