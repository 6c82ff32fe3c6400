// Where a page stands: the sequences of what it has seen of each stream, and which streams these were. It is the id of
// each server-sent event, so a browser that comes back says by itself where it goes on. Pure.

/** The streams and buckets that the views are made of. */
export const sources = ["runs", "verdicts", "hosts", "held", "participants"] as const;
export type ViewSource = (typeof sources)[number];

/** A sequence of each source; 0 before its first message. */
export type Position = Readonly<Record<ViewSource, number>>;

export const START: Position = { runs: 0, verdicts: 0, hosts: 0, held: 0, participants: 0 };

/** `epoch` changes when a stream was made anew: its sequences then begin again. It has no dot. */
export interface ViewId {
  readonly epoch: string;
  readonly position: Position;
}

export const formatViewId = ({ epoch, position }: ViewId): string =>
  [epoch, ...sources.map((source) => position[source])].join(".");

/** Undefined for any other text. */
export function parseViewId(text: string | undefined): ViewId | undefined {
  const [, epoch = "", numbers = ""] = /^([0-9a-z]{1,32})((?:\.\d{1,15}){5})$/.exec(text ?? "") ?? [];
  if (epoch === "") return undefined;
  const sequences = numbers.slice(1).split(".").map(Number);
  const position = Object.fromEntries(sources.map((source, index) => [source, sequences[index] ?? 0]));
  return { epoch, position: position as Position };
}

/** Made of when each of the streams was created, so that every start of the service gives the same. */
export const epochOf = (created: readonly string[]): string =>
  created
    .map((time) => (Date.parse(time) || 0).toString(36))
    .reduce(
      (all, one) => (Number.parseInt(all, 36) * 31 + Number.parseInt(one, 36)).toString(36).slice(-9),
      "0",
    );
