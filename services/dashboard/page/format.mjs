// How times and lengths read. Pure.

export function duration(ms) {
  if (ms === null || ms === undefined) return "–";
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(ms < 10_000 ? 1 : 0)} s`;
  if (ms < 3_600_000) return `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1000)} s`;
  if (ms < 86_400_000) return `${Math.floor(ms / 3_600_000)} h ${Math.round((ms % 3_600_000) / 60_000)} min`;
  return `${Math.floor(ms / 86_400_000)} d ${Math.round((ms % 86_400_000) / 3_600_000)} h`;
}

const UNITS = [
  ["day", 86_400_000],
  ["hour", 3_600_000],
  ["minute", 60_000],
  ["second", 1000],
];

const relativeFormats = new Map();
function relativeFormat(language) {
  if (!relativeFormats.has(language))
    relativeFormats.set(language, new Intl.RelativeTimeFormat(language, { numeric: "auto" }));
  return relativeFormats.get(language);
}

/** "3 minutes ago", "in 2 hours", in the language. */
export function relative(time, now, language) {
  const ms = (typeof time === "number" ? time : Date.parse(time)) - now;
  if (Number.isNaN(ms)) return "–";
  const [unit, size] = UNITS.find(([, one]) => Math.abs(ms) >= one) ?? UNITS.at(-1);
  return relativeFormat(language).format(Math.trunc(ms / size), unit);
}

export const clockTime = (time, language) =>
  new Date(time).toLocaleTimeString(language, {
    ...{ hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" },
  });

export const dateTime = (time, language) =>
  new Date(time).toLocaleString(language, { dateStyle: "medium", timeStyle: "short", hourCycle: "h23" });
