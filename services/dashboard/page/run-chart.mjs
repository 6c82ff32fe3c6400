// Lays the records of a run out over time: for each container its waits, its steps, and when it was down. Pure.

const STOP = "stop the old container";

/** @typedef {{ kind: "wait" | "step" | "down", label: string, detail: string, from: number, to: number, open?: boolean }} Span */

/**
 * `now` ends what still goes on. Times are milliseconds since 1970.
 * @returns {{ from: number, to: number, lanes: { container: string | null, end?: string, spans: Span[] }[] }}
 */
export function layOut(records, now) {
  const lanes = new Map();
  const waits = new Map();
  const swaps = new Map();
  const laneOf = (container) => {
    if (!lanes.has(container)) lanes.set(container, { container, spans: [] });
    return lanes.get(container);
  };
  let over;
  for (const { record, end: ending } of records) {
    const at = Date.parse(record.at);
    switch (record.kind) {
      case "begun":
        for (const container of record.containers) laneOf(container);
        break;
      case "waiting":
        if (record.participants.length > 0) waits.set(record.event, { record, at });
        break;
      case "decided": {
        const wait = waits.get(record.event);
        waits.delete(record.event);
        if (wait) laneOf(record.container).spans.push(waitSpan(wait, at, decisionText(record)));
        break;
      }
      case "did":
        laneOf(record.container).spans.push(stepSpan(record.step, at - record.ms, at));
        break;
      case "swapping":
      case "applying":
        swaps.set(record.container, at);
        break;
      case "swapped":
        laneOf(record.container).spans.push(...swapSpans(record, at, swaps.get(record.container)));
        swaps.delete(record.container);
        break;
      case "ended": {
        const lane = laneOf(record.container);
        lane.end = ending;
        if (swaps.has(record.container))
          lane.spans.push(...undoneSpans(record, at, swaps.get(record.container)));
        swaps.delete(record.container);
        break;
      }
      case "finished":
        over = at;
        break;
    }
  }
  const end = over ?? now;
  for (const wait of waits.values())
    laneOf(wait.record.container).spans.push({ ...waitSpan(wait, end, ""), open: over === undefined });
  for (const [container, at] of swaps)
    laneOf(container).spans.push({ ...stepSpan("replacing", at, end), open: over === undefined });
  const times = [...lanes.values()].flatMap(({ spans }) => spans.flatMap(({ from, to }) => [from, to]));
  const begun = records.length > 0 ? Date.parse(records[0].record.at) : now;
  return {
    from: Math.min(begun, ...times),
    to: Math.max(end, begun + 1, ...times),
    lanes: inOrder([...lanes.values()]),
  };
}

/** What concerns the whole run first. */
const inOrder = (lanes) => lanes.sort((a, b) => (a.container === null ? -1 : b.container === null ? 1 : 0));

const waitSpan = ({ record, at }, to, detail) => ({
  kind: "wait",
  label: record.hook,
  detail: detail || record.participants.map(({ name }) => name).join(", "),
  from: at,
  to,
});

const stepSpan = (label, from, to) => ({ kind: "step", label, detail: "", from, to });

const decisionText = ({ verdict, by, reason }) =>
  `${verdict}${by === undefined ? "" : ` · ${by}`}${reason === undefined ? "" : `: ${reason}`}`;

/** Of a replacement that came to nothing: after the steps it had done, the old container is put back. */
function undoneSpans(record, at, swapping) {
  const { steps = [] } = record;
  if (steps.length === 0) return [stepSpan("replacing", swapping, at)];
  const spans = swapSpans(record, at, swapping);
  const last = Math.max(...spans.filter(({ kind }) => kind === "step").map(({ to }) => to));
  return last < at ? [...spans, stepSpan("put back", last, at)] : spans;
}

/** The steps follow each other; the record of their beginning was written right before the old container is stopped. */
function swapSpans({ steps = [], downtime_ms: down }, at, swapping) {
  const total = steps.reduce((sum, { ms }) => sum + ms, 0);
  const stop = steps.findIndex(({ step }) => step === STOP);
  const before = steps.slice(0, Math.max(stop, 0)).reduce((sum, { ms }) => sum + ms, 0);
  let from = Math.min(at - total, (swapping ?? at) - before);
  const spans = [];
  let downFrom = swapping ?? from;
  steps.forEach(({ step, ms }, index) => {
    if (index === stop) downFrom = from;
    spans.push(stepSpan(step, from, from + ms));
    from += ms;
  });
  if (down !== undefined && down > 0)
    spans.push({ kind: "down", label: "down", detail: "", from: downFrom, to: downFrom + down });
  return spans;
}
