// Parses the header Retry-After (RFC 9110, section 10.2.3), and what registries send there instead: a fraction of a
// second, or a Go duration (`457.123µs`, `1m2s`). Pure.

const UNITS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3, // the micro sign
  μs: 1e-3, // the Greek letter
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};
const NUMBER = String.raw`(?:\d+(?:\.\d*)?|\.\d+)`;
const SECONDS = new RegExp(`^${NUMBER}$`);
const UNIT = "(?:ns|us|µs|μs|ms|s|m|h)";
const DURATION = new RegExp(`^(?:${NUMBER}${UNIT})+$`);

/** Milliseconds from `now`, for seconds, a duration or a date; undefined for any other text. */
export function parseRetryAfter(header: string | undefined, now: number): number | undefined {
  const text = decoded((header ?? "").trim());
  if (SECONDS.test(text)) return Number(text) * 1000;
  if (DURATION.test(text)) return durationOf(text);
  const ms = Date.parse(text) - now;
  return Number.isNaN(ms) || !/[a-z]/i.test(text) ? undefined : Math.max(ms, 0);
}

const durationOf = (text: string): number =>
  [...text.matchAll(new RegExp(`(${NUMBER})(${UNIT})`, "g"))]
    .map(([, number, unit = ""]) => Number(number) * (UNITS[unit] ?? 0))
    .reduce((sum, ms) => sum + ms, 0);

/** Headers are read as Latin-1, so a `µ` in UTF-8 arrives as two characters. */
const decoded = (text: string): string => text.replace(/Âµ/g, "µ").replace(/Î¼/g, "μ");
