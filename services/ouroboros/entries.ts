// The entries of the participants, as an operator's command reads them: also those that cannot be understood.
import { readEntry } from "../../shared/participants.ts";
import { isToken, untoken } from "../../shared/tokens.ts";
import type { NamedParticipant, UnreadableParticipant } from "./answers.ts";
import { NotDone } from "./command.ts";
import { type Fleet, keysOf } from "./fleet.ts";
import { didYouMean } from "../../shared/nearest.ts";

/** All participants, also those whose entry cannot be understood. */
export async function listed(fleet: Fleet): Promise<(NamedParticipant | UnreadableParticipant)[]> {
  const found = (await keysOf(fleet.participants)).map(async (key) => {
    const text = await entryOf(fleet, key);
    if (text === undefined) return [];
    const read = readEntry(text.text);
    const name = isToken(key) ? untoken(key) : key;
    return "because" in read ? [{ name, unreadable: read.because }] : [{ name, ...read }];
  });
  return (await Promise.all(found)).flat();
}

interface FoundParticipant {
  readonly participant: NamedParticipant;
  readonly added: string;
  readonly revision: number;
}

/** @throws NotDone where its entry cannot be understood. */
async function find(fleet: Fleet, name: string): Promise<FoundParticipant | undefined> {
  const entry = await entryOf(fleet, name);
  if (entry === undefined) return undefined;
  const read = readEntry(entry.text);
  if ("because" in read)
    throw new NotDone(
      `the entry of ${name} cannot be understood: ${read.because}; \`ouroboros participant remove ${name}\` removes it`,
    );
  return { ...entry, participant: { name, ...read } };
}

export async function entryOf(
  { participants }: Fleet,
  name: string,
): Promise<{ readonly text: string; readonly added: string; readonly revision: number } | undefined> {
  const entry = await participants.get(name).catch(() => null); // a name that no key can have
  return entry?.operation === "PUT"
    ? { text: entry.string(), added: entry.created.toISOString(), revision: entry.revision }
    : undefined;
}

/** @throws NotDone where there is none of that name. */
export async function findOrFail(fleet: Fleet, name: string): Promise<FoundParticipant> {
  const found = await find(fleet, name);
  if (found !== undefined) return found;
  const near = didYouMean(name, await keysOf(fleet.participants));
  throw new NotDone(`there is no participant ${name}${near}`);
}
