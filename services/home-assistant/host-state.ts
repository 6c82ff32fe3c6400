// What is known of a host's containers, from the host's entry and the journal. Pure: each function returns the state
// that follows.
//
// S1  A host's entry does not undo what the journal has said since the poller looked: the older of the two gives way.
// S2  A container is forgotten only where the poller looked after the last run on its host, with no run under way:
//     during a run a container can be stopped or bear another name.
// S3  A record that is delivered again after its run has ended changes nothing.
import * as z from "zod";
import type { HostEntry } from "../../shared/contract/host-entry.ts";
import type { RunRecord } from "../../shared/contract/run-records.ts";

export interface ImageState {
  readonly version?: string | undefined;
  readonly digest?: string | undefined;
}

/** What is remembered of a container across restarts. */
const KnownContainer = z.object({
  image: z.string(),
  installed: z.object({ version: z.string().optional(), digest: z.string().optional() }),
  newer: z.string().optional(),
  /** When the journal said so, RFC 3339; undefined where the host's entry did. */
  at: z.string().optional(),
});
export type KnownContainer = z.infer<typeof KnownContainer>;
export const KnownContainers = z.record(z.string(), KnownContainer);

interface Progress {
  readonly run: string;
  readonly percent: number;
}

export interface HostState {
  /** Version of the host's poller. */
  readonly version?: string | undefined;
  /** Whether the host's mode is `update`. */
  readonly canUpdate: boolean;
  readonly containers: ReadonlyMap<string, KnownContainer>;
  readonly progress: ReadonlyMap<string, Progress>;
  /** Runs that are under way. */
  readonly runs: ReadonlySet<string>;
  /** The last runs that have ended, and when the last of them did. */
  readonly ended: readonly string[];
  readonly endedAt?: string | undefined;
}

/** A container as it is published. */
export interface Entity {
  readonly host: string;
  readonly container: string;
  readonly image: string;
  readonly installed: ImageState;
  readonly newer?: string | undefined;
  /** From 0 to 100 while it is updated. */
  readonly percent?: number | undefined;
  readonly canUpdate: boolean;
  readonly version?: string | undefined;
}

export const newHostState = (containers: Readonly<Record<string, KnownContainer>> = {}): HostState => ({
  canUpdate: true,
  containers: new Map(Object.entries(containers)),
  progress: new Map(),
  runs: new Set(),
  ended: [],
});

/** `requested` are the containers for which the button was pressed and no run has begun. */
export const entitiesOf = (
  host: string,
  { containers, progress, canUpdate, version }: HostState,
  requested: ReadonlySet<string>,
): readonly Entity[] =>
  [...containers].map(([container, { image, installed, newer }]) => ({
    ...{ host, container, image, installed, newer, canUpdate, version },
    percent: progress.get(container)?.percent ?? (requested.has(container) ? 0 : undefined),
  }));

/** A poller of an earlier version lists no containers; then the state stays as it is. */
export function applyEntry(state: HostState, { cycle, versions }: HostEntry): HostState {
  const { containers: listed, looked_at: lookedAt, mode } = cycle ?? {};
  if (listed === undefined || lookedAt === undefined) return state;
  const containers = new Map(mayForget(state, lookedAt) ? [] : state.containers);
  for (const { container, image, version, digest, newer } of listed) {
    const known = state.containers.get(container);
    const isStale = known?.at !== undefined && isBefore(lookedAt, known.at);
    containers.set(container, isStale ? known : { image, installed: { version, digest }, newer });
  }
  for (const [name, known] of state.containers)
    if (known.at !== undefined && isBefore(lookedAt, known.at)) containers.set(name, known);
  return { ...state, containers, canUpdate: mode === "update", version: versions.ouroboros };
}

const mayForget = ({ runs, endedAt }: HostState, lookedAt: string): boolean =>
  runs.size === 0 && (endedAt === undefined || !isBefore(lookedAt, endedAt));

const isBefore = (a: string, b: string): boolean => Date.parse(a) <= Date.parse(b);

export function applyRecord(state: HostState, record: RunRecord): HostState {
  if (state.ended.includes(record.run)) return state;
  switch (record.kind) {
    case "begun":
      return record.mode === "update" ? beginRun(state, record.run, record.containers) : state;
    case "did":
      return record.step.startsWith("pull ") ? reach(state, record, PERCENT.pulled) : state;
    case "waiting":
      return reach(state, record, record.hook === "after_update" ? PERCENT.replaced : PERCENT.asked);
    case "swapping":
      return reach(state, record, PERCENT.swapping);
    case "swapped":
      return reach(state, record, PERCENT.replaced);
    case "ended":
      return endContainer(state, record);
    case "finished":
      return endRun(state, record);
    case "decided":
    case "late":
      return state;
  }
}

/** Rough: an update tells which step it has reached, and not how long the next one takes. */
const PERCENT = { begun: 0, pulled: 30, asked: 40, swapping: 60, replaced: 90 } as const;

/** The poller has begun a run for the container; its first record may be on its way. */
export const expectRun = (state: HostState, run: string, container: string): HostState =>
  state.ended.includes(run) || state.progress.has(container) ? state : beginRun(state, run, [container]);

function beginRun(state: HostState, run: string, containers: readonly string[]): HostState {
  const progress = new Map(state.progress);
  for (const container of containers) progress.set(container, { run, percent: PERCENT.begun });
  return { ...state, progress, runs: new Set([...state.runs, run]) };
}

function reach(
  state: HostState,
  { container, run }: { readonly container: string | null; readonly run: string },
  percent: number,
): HostState {
  const before = container === null ? undefined : state.progress.get(container);
  if (container === null || before?.run !== run || before.percent >= percent) return state;
  return { ...state, progress: new Map(state.progress).set(container, { run, percent }) };
}

function endContainer(state: HostState, record: RunRecord & { readonly kind: "ended" }): HostState {
  const { container, end, image, to_digest, to_version, at } = record;
  const progress = new Map(state.progress);
  progress.delete(container);
  const before = state.containers.get(container);
  if (end === "current" && before !== undefined)
    return {
      ...state,
      progress,
      containers: new Map(state.containers).set(container, { ...before, newer: undefined, at }),
    };
  if (end !== "updated") return { ...state, progress };
  const after: KnownContainer = {
    image: image ?? before?.image ?? container,
    installed: { version: to_version, digest: to_digest?.split("@")[1] },
    at,
  };
  return { ...state, progress, containers: new Map(state.containers).set(container, after) };
}

const REMEMBERED_RUNS = 50;

function endRun(state: HostState, { run, at }: RunRecord): HostState {
  const runs = new Set(state.runs);
  runs.delete(run);
  return {
    ...state,
    runs,
    progress: new Map([...state.progress].filter(([, progress]) => progress.run !== run)),
    ended: [...state.ended, run].slice(-REMEMBERED_RUNS),
    endedAt: at,
  };
}
