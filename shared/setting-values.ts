// How the text of a setting is read. Each reader's error says what is allowed.
import { z } from "zod";

const UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};
const DURATION = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|w)?$/;

/** Blanks and one pair of quotes around a value are dropped, as compose files often leave them. */
export const unquoted = (text: string): string =>
  text
    .trim()
    .replace(/^(["'])(.*)\1$/s, "$2")
    .trim();

const milliseconds = (text: string): number => {
  const [, number = "", unit = "s"] = DURATION.exec(text) ?? [];
  return Number(number) * (UNITS[unit] ?? Number.NaN);
};

export const text = z.string();
export const words = z.string().transform((all) =>
  all
    .split(/\s+/)
    .map(unquoted)
    .filter((word) => word !== ""),
);
export const flag = z
  .string()
  .regex(/^(?:true|yes|1|false|no|0)?$/i, "allowed are true, yes, false, no")
  .transform((word) => /^(?:true|yes|1)$/i.test(word));
export const onOff = z
  .string()
  .regex(/^(?:on|off|true|false|yes|no)$/i, "allowed are on, off")
  .transform((word) => /^(?:on|true|yes)$/i.test(word));
export const count = z
  .string()
  .regex(/^[1-9]\d{0,3}$/, "allowed is a whole number from 1")
  .transform(Number);

/** Milliseconds; a bare number counts seconds. */
export const duration = z
  .string()
  .regex(DURATION, "allowed is a number of seconds, or a number with ms, s, m, h, d, w")
  .transform(milliseconds);
export const optionalDuration = z
  .string()
  .refine(
    (given) => given === "" || DURATION.test(given),
    "allowed is a number of seconds, or a number with ms, s, m, h, d, w",
  )
  .transform((given) => (given === "" ? undefined : milliseconds(given)));
export const interval = duration.transform((ms) => Math.max(ms, 30_000));

/** pino's levels; Ouroboros' `critical` is pino's `fatal`. */
export const logLevel = z
  .string()
  .toLowerCase()
  .pipe(
    z.enum(["debug", "info", "warn", "error", "critical"], "allowed are debug, info, warn, error, critical"),
  )
  .transform((level) => (level === "critical" ? ("fatal" as const) : level));

export const sockets = words
  .refine(
    (all) => all.length > 0 && all.every((one) => /^(?:unix:\/\/\S+|tcp:\/\/[^\s/:]+:\d+|\/\S+)$/.test(one)),
    "allowed are unix:///path and tcp://host:port, separated by blanks",
  )
  .transform((all) =>
    all.map((one) =>
      one.startsWith("unix://")
        ? `unix:///${one.slice(7).replace(/^\/+/, "")}`
        : one.startsWith("/")
          ? `unix://${one}`
          : one,
    ),
  );

/** As `ouroboros participant add` takes it. */
export const participantName = z
  .string()
  .regex(/^[A-Za-z0-9_-]{1,64}$/, "allowed are letters, digits, _ and -, 64 at most");

/** Empty, or an address without a user: a request that is made anew for each try has no place for one. */
export const webAddress = z.string().refine((given) => {
  if (given === "") return true;
  const url = URL.canParse(given) ? new URL(given) : undefined;
  return url !== undefined && /^https?:$/.test(url.protocol) && url.username + url.password === "";
}, "allowed is http://… or https://… without user and password");
