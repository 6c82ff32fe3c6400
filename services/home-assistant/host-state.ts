// What is known of a host's containers, from the host's entry and the journal. Pure: each function returns the state
// that follows.
//
// S1  A host's entry does not undo what the journal has said since the poller looked: the older of the two gives way.
// S2  A container is forgotten only where the poller looked while no run was under way on its host: during a run a
//     container can be stopped or bear another name.
// S3  A record that is delivered again after its run has ended changes nothing.
import * as z from "zod";
import type { HostEntry } from "../../shared/contract/host-entry.ts";
import type { RunRecord } from "../../shared/contract/run-records.ts";

export interface InstalledImage {
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

/** Milliseconds since 1970; `to` is undefined while the run is under way. */
interface RunTime {
  readonly run: string;
  readonly from: number;
  readonly to?: number;
}

export interface HostState {
  /** Version of the host's poller. */
  readonly version?: string | undefined;
  /** Whether the host's mode is `update`. */
  readonly canUpdate: boolean;
  readonly containers: ReadonlyMap<string, KnownContainer>;
  readonly progress: ReadonlyMap<string, Progress>;
  /** The last runs. */
  readonly runs: readonly RunTime[];
}

/** A container as it is published. */
export interface Entity {
  readonly host: string;
  readonly container: string;
  readonly image: string;
  readonly installed: InstalledImage;
  readonly newer?: string | undefined;
  /** From 0 to 100 while it is updated. */
  readonly percent?: number | undefined;
  readonly canUpdate: boolean;
  readonly version?: string | undefined;
}

export const newHostState = (containers: Readonly<Record<string, KnownContainer>> = {}): HostState => ({
  canUpdate: true,
  containers: new Map(Object.entries(containers).filter(([container]) => container !== "")),
  progress: new Map(),
  runs: [],
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
    if (container === "") continue; // no topic can have it
    const known = state.containers.get(container);
    const isStale = known?.at !== undefined && isBefore(lookedAt, known.at);
    containers.set(container, isStale ? known : { image, installed: { version, digest }, newer });
  }
  for (const [name, known] of state.containers)
    if (known.at !== undefined && isBefore(lookedAt, known.at)) containers.set(name, known);
  return { ...state, containers, canUpdate: mode === "update", version: versions.ouroboros };
}

const mayForget = ({ runs }: HostState, lookedAt: string): boolean =>
  !runs.some(
    ({ from, to = Number.POSITIVE_INFINITY }) => from <= Date.parse(lookedAt) && Date.parse(lookedAt) <= to,
  );

const isBefore = (a: string, b: string): boolean => Date.parse(a) <= Date.parse(b);

export function applyRecord(state: HostState, record: RunRecord): HostState {
  if (hasEnded(state, record.run) || ("container" in record && record.container === "")) return state;
  switch (record.kind) {
    case "begun":
      return record.mode === "update" ? beginRun(state, record) : state;
    case "did":
      return record.step.startsWith("pull ") ? reach(state, record, PERCENT.pulled) : state;
    case "waiting":
      return reach(
        state,
        record,
        /^after_(?:service_)?update$/.test(record.hook) ? PERCENT.replaced : PERCENT.asked,
      );
    case "swapping":
    case "applying":
      return reach(state, record, PERCENT.swapping);
    case "swapped":
      return reach(state, record, PERCENT.replaced);
    case "ended":
      return endContainer(state, record);
    case "finished":
      return endRun(state, record);
    case "decided":
    case "late":
    case "reverting":
      return state;
  }
}

/** Rough: an update tells which step it has reached, and not how long the next one takes. */
const PERCENT = { begun: 0, pulled: 30, asked: 40, swapping: 60, replaced: 90 } as const;

const hasEnded = ({ runs }: HostState, run: string): boolean =>
  runs.some((one) => one.run === run && one.to !== undefined);

/** Whether a run is under way. */
export const isBusy = ({ runs }: HostState): boolean => runs.some(({ to }) => to === undefined);

/** The poller has begun a run for the container; its first record may be on its way. */
export const expectRun = (state: HostState, run: string, container: string): HostState =>
  hasEnded(state, run) || state.progress.has(container)
    ? state
    : { ...state, progress: new Map(state.progress).set(container, { run, percent: PERCENT.begun }) };

function beginRun(
  state: HostState,
  { run, at, containers }: RunRecord & { readonly kind: "begun" },
): HostState {
  const progress = new Map(state.progress);
  for (const container of containers) progress.set(container, { run, percent: PERCENT.begun });
  return { ...state, progress, runs: noteRun(state, { run, from: Date.parse(at) }) };
}

const REMEMBERED_RUNS = 50;

const noteRun = ({ runs }: HostState, noted: RunTime): readonly RunTime[] =>
  [...runs.filter(({ run }) => run !== noted.run), noted].slice(-REMEMBERED_RUNS);

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

function endRun(state: HostState, { run, at, ms }: RunRecord & { readonly kind: "finished" }): HostState {
  const to = Date.parse(at);
  return {
    ...state,
    runs: noteRun(state, { run, from: to - ms, to }),
    progress: new Map([...state.progress].filter(([, progress]) => progress.run !== run)),
  };
}
