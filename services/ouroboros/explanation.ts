// What `ouroboros explain` says of a container: the shape, and how it reads. Pure.
import { z } from "zod";
import type { HeldEntry } from "../../shared/held.ts";
import type { End } from "../../shared/run-records.ts";

const Seen = z.object({ container: z.string(), id: z.string(), image: z.string(), because: z.string() });
export type Seen = z.infer<typeof Seen>;

/** What a poller answers to `status`, as far as it is read here. */
export const Status = z.object({
  last: z
    .object({
      ended_at: z.string(),
      outcome: z.object({ kind: z.string(), because: z.string().optional() }),
      left: z.array(Seen).default([]),
      due: z.array(Seen).default([]),
    })
    .nullable(),
});
export type Status = z.infer<typeof Status>;

export interface Explanation extends Seen {
  readonly host: string;
  /** RFC 3339; when that was so. */
  readonly polled_at: string;
  readonly held: HeldEntry | null;
  /** How the last run with this container ended for it; null where none did within memory. */
  readonly last: LastEnd | null;
}

export interface LastEnd {
  readonly run: string;
  /** RFC 3339. */
  readonly at: string;
  readonly end: End;
  readonly because: string;
}

/** By name, by id, or by the start of an id. */
export const findSeen = ({ last }: Status, nameOrId: string): Seen | undefined =>
  [...(last?.left ?? []), ...(last?.due ?? [])].find(
    ({ container, id }) => container === nameOrId || (nameOrId.length >= 12 && id.startsWith(nameOrId)),
  );

/** Why a poller that answers can say nothing of any container; undefined where it can. */
export function whyBlind({ last }: Status): string | undefined {
  if (last === null) return "its poller has not finished a poll yet";
  return last.outcome.kind === "failed" ? `its last poll failed: ${last.outcome.because ?? ""}` : undefined;
}

export function asText({ host, container, image, because, polled_at, held, last }: Explanation): string {
  const rows: [string, string][] = [["last poll", `${because} (${polled_at})`]];
  if (held !== null) rows.push(["held", `${held.digest}, ${untilOf(held)}: ${held.because} (${held.by})`]);
  if (last !== null) rows.push(["last run", `${last.end}: ${last.because} (${last.at}, run ${last.run})`]);
  const lines = rows.map(([what, says]) => `  ${`${what}:`.padEnd(10)} ${says}\n`);
  return `${container} on ${host}, ${image}\n${lines.join("")}`;
}

const untilOf = ({ until }: HeldEntry): string =>
  until === null ? "until its tag moves again" : `until ${new Date(until).toISOString()}`;
