// Publishes the ends of containers and runs as events, beside the work. The events are made from the journal alone,
// so a later process publishes the same ones again, and the stream holds each once.
import { Suspended, explain } from "../../../shared/errors.ts";
import type { Mode, NoticeData, NoticeName } from "../../../shared/contract/hooks.ts";
import { publishOnce } from "../../../shared/nats/jetstream.ts";
import { makeNotice } from "../../../shared/contract/messages.ts";
import type { ResultRecord } from "../../../shared/contract/run-records.ts";
import { eventId, subjects } from "../../../shared/contract/subjects.ts";
import type { Bus } from "../bus.ts";
import type { Journal } from "./journal.ts";

/** The length of each reason in `run_finished`, so that the event of a large run is not too large. */
const MAX_REASON_LENGTH = 500;

/** What this service reports; a poller's notices are its own. */
type ResultNotice = Extract<NoticeName, "update_finished" | "run_finished">;

interface NoticeToReport<N extends ResultNotice> {
  readonly notice: N;
  readonly container: string | null;
  readonly reason: string;
  /** RFC 3339. */
  readonly time: string;
  readonly data: NoticeData<N>;
  readonly rollback?: true;
  /** Suffix of the event's id, if the container has an end in this run already. */
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

  /** Does not wait until the notice is stored. */
  report<N extends ResultNotice>(notice: NoticeToReport<N>): void {
    this.#publishing.push(this.#publish(notice));
  }

  /** Resolves when all reported notices are stored. @throws Suspended if the service stopped before that. */
  async waitUntilStored(): Promise<void> {
    await Promise.all(this.#publishing);
    if (this.#suspended !== undefined) throw this.#suspended;
  }

  async #publish<N extends ResultNotice>(notice: NoticeToReport<N>): Promise<void> {
    const { host, context } = this.#bus;
    const baseId = eventId(this.#run, notice.notice, notice.container);
    const id = notice.as === undefined ? baseId : `${baseId}-${notice.as}`;
    const body = makeNotice({
      ...notice,
      id,
      service: "updater",
      context: {
        host: host.name,
        engine_id: host.engine.id,
        run: this.#run,
        mode: this.#mode,
        reason: notice.reason,
        ...(notice.rollback && { rollback: notice.rollback }),
      },
    });
    const subject = subjects.hook({
      host: host.name,
      hook: notice.notice,
      container: notice.container,
      event: id,
    });
    try {
      await publishOnce(this.#bus, { subject, body, contentType: "application/cloudevents+json" });
    } catch (error) {
      if (this.#bus.signal.aborted)
        this.#suspended = new Suspended("stopped before an end was told", { cause: error });
      else
        context.log.warn(
          { run: this.#run, event: id, because: explain(error) },
          "the end could not be published",
        );
    }
  }
}

/** Reports the end of a container from the journal. */
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

/** `time` is RFC 3339. `as` distinguishes this end if the container has another end in this run already. */
export function reportResult(notices: Notices, time: string, result: KnownResult, as?: string): void {
  notices.report({
    ...(as !== undefined && { as }),
    notice: "update_finished",
    container: result.container,
    reason: result.because,
    time,
    data: {
      name: result.container,
      image: result.image ?? null,
      ...(result.to_image !== undefined && { to_image: result.to_image }),
      end: result.end,
      because: result.because,
      by: result.by ?? null,
      from: result.from ?? null,
      to: result.to ?? null,
      from_digest: result.from_digest ?? null,
      to_digest: result.to_digest ?? null,
      from_version: result.from_version ?? null,
      to_version: result.to_version ?? null,
      downtime_ms: result.downtime_ms ?? null,
      ms: result.ms ?? null,
      steps: result.steps ?? [],
    },
  });
}

/** Reports all ends of a run whose last record is written. */
export function reportRunFinished(notices: Notices, journal: Journal): void {
  const finished = journal.recordsOf("finished")[0];
  if (finished === undefined) return;
  const ends = journal.recordsOf("ended").map(({ container, end, because }) => ({
    name: container,
    end,
    because: because.slice(0, MAX_REASON_LENGTH),
  }));
  notices.report({
    notice: "run_finished",
    container: null,
    reason: "the run is over",
    time: finished.at,
    ...(finished.rollback && { rollback: finished.rollback }),
    data: { ends, ms: finished.ms },
  });
}

/** Reports the ends that an earlier process may have had no time to report. */
export function reportResultsAgain(notices: Notices, journal: Journal): void {
  for (const { container } of journal.recordsOf("ended")) reportRecordedResult(notices, journal, container);
}
