// Formats times and durations for people. Pure.

const UNITS = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["min", 60_000],
  ["s", 1000],
] as const;

/** `3 min ago`, `in 8 min`, `now`. Milliseconds since 1970. */
export function formatRelative(at: number, now: number): string {
  const ms = Math.abs(at - now);
  const [unit, size] = UNITS.find(([, size]) => ms >= size) ?? ["", 1];
  if (unit === "") return "now";
  const text = `${Math.floor(ms / size)} ${unit}`;
  return at < now ? `${text} ago` : `in ${text}`;
}

/** The same for an RFC 3339 time; any other text is returned unchanged. */
export function formatAgo(at: string, now: number): string {
  const ms = Date.parse(at);
  return Number.isNaN(ms) ? at : formatRelative(ms, now);
}

/** A duration: `90 s`, `2.5 s`, `12 min`. */
export function formatDuration(ms: number): string {
  const [unit, size] = UNITS.find(([, size]) => ms >= 2 * size) ?? ["s", 1000];
  const value = ms / size;
  return `${value < 10 && unit === "s" ? value.toFixed(1) : Math.round(value)} ${unit}`;
}

/** A duration as written on a command line: in the largest unit that gives a whole number. */
export function formatDurationArgument(ms: number): string {
  for (const [unit, size] of [
    ["d", 86_400_000],
    ["h", 3_600_000],
    ["m", 60_000],
    ["s", 1000],
  ] as const) {
    if (ms % size === 0) return `${ms / size}${unit}`;
  }
  return `${ms}ms`;
}

/** Local date and time, for lines that stay on the screen and so cannot be relative. */
export const formatLocalTime = (ms: number): string => new Date(ms).toLocaleString("sv-SE");
