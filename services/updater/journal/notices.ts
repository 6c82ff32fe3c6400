// Ends as events, beside the work: published as they come, told from the journal alone, so that a process that comes
// later tells the same ones again and the stream holds each once.
import { Suspended, explain } from "../../../shared/errors.ts";
import type { Mode, NoticeData, NoticeName } from "../../../shared/contract/hooks.ts";
import { publishOnce } from "../../../shared/nats/jetstream.ts";
import { makeNotice } from "../../../shared/contract/messages.ts";
import type { ResultRecord } from "../../../shared/contract/run-records.ts";
import { eventId, subjects } from "../../../shared/contract/subjects.ts";
import type { Bus } from "../bus.ts";
import type { Journal } from "./journal.ts";

/** Of each reason in `run_finished`, so that the event of a large run is not too large. */
const REASON_LENGTH = 500;

interface NoticeToReport<N extends NoticeName> {
  readonly notice: N;
  readonly container: string | null;
  readonly reason: string;
  /** RFC 3339. */
  readonly time: string;
  readonly data: NoticeData<N>;
  /** It is told once more: as this. */
  readonly as?: string;
}

/** The notices of one run. */
export class Notices {
  readonly #bus: Bus;
  readonly #run: string;
  readonly #mode: Mode;
  readonly #publishing: Promise<void>[] = [];
  #suspended: Suspended | undefined;

  constructor(bus: Bus, { run, mode }: { readonly run: string; readonly mode: Mode }) {
    this.#bus = bus;
    this.#run = run;
    this.#mode = mode;
  }

  /** Waits for nothing. */
  report<N extends NoticeName>(it: NoticeToReport<N>): void {
    this.#publishing.push(this.#publish(it));
  }

  /** Resolves when all that were told are stored. @throws Suspended where the service stopped before that. */
  async waitUntilStored(): Promise<void> {
    await Promise.all(this.#publishing);
    if (this.#suspended !== undefined) throw this.#suspended;
  }

  async #publish<N extends NoticeName>(it: NoticeToReport<N>): Promise<void> {
    const { host, context } = this.#bus;
    const own = eventId(this.#run, it.notice, it.container);
    const id = it.as === undefined ? own : `${own}-${it.as}`;
    const body = makeNotice({
      ...it,
      id,
      service: "updater",
      context: {
        host: host.name,
        engine_id: host.engine.id,
        run: this.#run,
        mode: this.#mode,
        reason: it.reason,
      },
    });
    const subject = subjects.hook({ host: host.name, hook: it.notice, container: it.container, event: id });
    try {
      await publishOnce(this.#bus, { subject, body, contentType: "application/cloudevents+json" });
    } catch (error) {
      if (this.#bus.signal.aborted)
        this.#suspended = new Suspended("stopped before an end was told", { cause: error });
      else context.log.warn({ run: this.#run, event: id, because: explain(error) }, "end not told");
    }
  }
}

/** The end of a container, as the journal has it. */
export function reportRecordedResult(notices: Notices, journal: Journal, name: string): void {
  const ended = journal.recordsOf("ended").find(({ container }) => container === name);
  if (ended === undefined) return;
  const done = [...journal.recordsOf("did"), ...journal.recordsOf("swapped")].filter(
    ({ container }) => container === name,
  );
  reportResult(notices, ended.at, {
    ...ended,
    steps: [
      ...done.flatMap((record) => (record.kind === "did" ? [{ step: record.step, ms: record.ms }] : [])),
      ...done.flatMap((record) => (record.kind === "swapped" ? record.steps : [])),
      ...(ended.steps ?? []),
    ],
  });
}

type KnownResult = Omit<ResultRecord, "kind">;

/** `time` as RFC 3339; `as` where the container has an end in this run already, and this is another one. */
export function reportResult(notices: Notices, time: string, it: KnownResult, as?: string): void {
  notices.report({
    ...(as !== undefined && { as }),
    notice: "update_finished",
    container: it.container,
    reason: it.because,
    time,
    data: {
      name: it.container,
      image: it.image ?? null,
      end: it.end,
      because: it.because,
      by: it.by ?? null,
      from: it.from ?? null,
      to: it.to ?? null,
      from_digest: it.from_digest ?? null,
      to_digest: it.to_digest ?? null,
      from_version: it.from_version ?? null,
      to_version: it.to_version ?? null,
      downtime_ms: it.downtime_ms ?? null,
      ms: it.ms ?? null,
      steps: it.steps ?? [],
    },
  });
}

/** All ends of a run whose last record is written. */
export function reportRunFinished(notices: Notices, journal: Journal): void {
  const finished = journal.recordsOf("finished")[0];
  if (finished === undefined) return;
  const ends = journal.recordsOf("ended").map(({ container, end, because }) => ({
    name: container,
    end,
    because: because.slice(0, REASON_LENGTH),
  }));
  notices.report({
    notice: "run_finished",
    container: null,
    reason: "the run is over",
    time: finished.at,
    data: { ends, ms: finished.ms },
  });
}

/** What an earlier process may have had no time to tell. */
export function reportResultsAgain(notices: Notices, journal: Journal): void {
  for (const { container } of journal.recordsOf("ended")) reportRecordedResult(notices, journal, container);
}
