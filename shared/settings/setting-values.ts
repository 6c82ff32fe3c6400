// The readers that parse the text of a setting. The error of each reader says what is allowed.
import { isIP } from "node:net";
import * as z from "zod";
import { isCron } from "./cron.ts";
import { unquote } from "./env-value.ts";
import { normalizeRegistryName } from "./registry-name.ts";
import { ALLOWED_POLICIES, type TagPolicy, parseTagPolicy } from "./tag-policy.ts";

const UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};
const DURATION = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|w)?$/;

const milliseconds = (text: string): number => {
  const [, number = "", unit = "s"] = DURATION.exec(text) ?? [];
  return Number(number) * (UNITS[unit] ?? Number.NaN);
};

export const text = z.string();
const split = (all: string, by: RegExp): string[] =>
  all
    .split(by)
    .map(unquote)
    .filter((word) => word !== "");
export const words = z.string().transform((all) => split(all, /\s+/));
/** Words without commas: a comma is taken for a blank (setting-warnings.ts warns about it). */
export const names = z.string().transform((all) => split(all, /[\s,]+/));
/** Words; `none`, `false` or `no` alone stands for an empty list. */
export const wordsOrNone = words.transform((all) => (/^(?:none|false|no)$/i.test(all.join()) ? [] : all));
export const flag = z
  .string()
  .regex(/^(?:true|yes|1|false|no|0)?$/i, "allowed are true, yes, false, no")
  .transform((word) => /^(?:true|yes|1)$/i.test(word));
/** `services` in place of containers, or `also` beside them. */
export const swarm = z
  .string()
  .toLowerCase()
  .regex(/^(?:true|yes|1|false|no|0|also)?$/, "allowed are true, also, false")
  .transform((word) =>
    word === "also" ? ("also" as const) : /^(?:true|yes|1)$/.test(word) && ("services" as const),
  );
export const onOff = z
  .string()
  .regex(/^(?:on|off|true|false|yes|no)$/i, "allowed are on, off")
  .transform((word) => /^(?:on|true|yes)$/i.test(word));
export const countOrNone = z
  .string()
  .regex(/^\d{1,6}$/, "allowed is a whole number, 0 for never")
  .transform(Number);

export const domainOrNone = z
  .string()
  .regex(/^[A-Za-z0-9_=-]{0,64}$/, "allowed are letters, digits, _, = and -");

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

export const tagPolicy = z.string().transform((given, context): TagPolicy => {
  const policy = parseTagPolicy(given);
  if (policy !== undefined) return policy;
  context.addIssue(ALLOWED_POLICIES);
  return z.NEVER;
});

/** pino's levels; Ouroboros' `critical` is pino's `fatal`. */
export const logLevel = z
  .string()
  .toLowerCase()
  .pipe(
    z.enum(["debug", "info", "warn", "error", "critical"], "allowed are debug, info, warn, error, critical"),
  )
  .transform((level) => (level === "critical" ? ("fatal" as const) : level));

/** Undefined means that standard output decides: `pretty` on a terminal, else `json`. */
export const logFormat = z
  .string()
  .toLowerCase()
  .regex(/^(?:json|pretty)?$/, "allowed are json, pretty")
  .transform((format) => (format === "" ? undefined : (format as "json" | "pretty")));

export const port = z
  .string()
  .regex(/^\d{1,5}$/, "allowed is a number from 1 to 65535")
  .transform(Number)
  .refine((number) => number > 0 && number < 65_536, "allowed is a number from 1 to 65535");

export const optionalPort = z
  .string()
  .refine(
    (given) => /^(?:off|none|no|false)?$/i.test(given) || port.safeParse(given).success,
    "allowed is a number from 1 to 65535, or off",
  )
  .transform((given) => Number(given) || undefined);

/** Milliseconds; Infinity for always. */
export const grace = z
  .string()
  .refine(
    (given) => given === "-1" || DURATION.test(given),
    "allowed is a duration, 0 for never, -1 for always",
  )
  .transform((given) => (given === "-1" ? Number.POSITIVE_INFINITY : milliseconds(given)));

export const cron = z
  .string()
  .transform((given) => (/^(?:none|false|no)?$/i.test(given) ? undefined : given))
  .refine(
    (pattern) => pattern === undefined || isCron(pattern),
    "allowed are five fields: minute, hour, day of the month, month, day of the week, as in 0 4 * * mon-fri",
  );

/** Accepts any text, because systems set values such as `en_US:en` by themselves. */
export const language = z.string().transform((given) => (/^es(?:[_:.-]|$)/i.test(given) ? "es_ES" : "en"));

export const dataExport = z
  .string()
  .toLowerCase()
  .transform((given) => (/^(?:none|false|no)?$/.test(given) ? undefined : given))
  .pipe(z.enum(["prometheus", "influxdb"], "allowed are prometheus, influxdb").optional());

export const dashboardAuth = z
  .string()
  .toLowerCase()
  .pipe(z.enum(["token", "forward-auth", "oidc"], "allowed are token, forward-auth, oidc"));

/** No message names it. It may stand in a path. */
export const pushSecret = z
  .string()
  .regex(
    /^(?:[\w-]{24,200})?$/,
    "allowed are 24 to 200 letters, digits, - and _, as `openssl rand -hex 24` makes them",
  );

export const headerName = z.string().regex(/^[A-Za-z0-9-]{1,64}$/, "allowed are letters, digits and -");

/** IP addresses and networks as ADDRESS/BITS. */
export const addresses = names.refine(
  (all) => all.every(isAddressOrNetwork),
  "allowed are IP addresses and networks such as 10.0.0.0/8, separated by blanks",
);

function isAddressOrNetwork(given: string): boolean {
  const [address = "", bits, ...more] = given.split("/");
  const version = isIP(address);
  const most = version === 4 ? 32 : 128;
  return (
    version !== 0 &&
    more.length === 0 &&
    (bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= most))
  );
}

export const COMPATIBLE = ["watchtower", "wud"] as const;
export const compatLabels = z
  .string()
  .toLowerCase()
  .transform((all) => all.split(/[\s,]+/).filter((word) => word !== "" && word !== "none"))
  .pipe(z.array(z.enum(COMPATIBLE, `allowed are ${COMPATIBLE.join(", ")}, separated by blanks`)));

const SOCKET = /^(?:unix:\/\/\S+|tcp:\/\/(?:[^\s/:[\]]+|\[[\da-f:]+\])(?::\d+)?\/?|\/\S+)$/i;
const normalizeSocket = (given: string): string => {
  const text = given.replace(/^(?=\/)/, "unix://");
  return text.startsWith("unix://")
    ? `unix:///${text.slice(7).replace(/^\/+/, "")}`
    : text.replace(/\/$/, "");
};

export const sockets = words
  .refine(
    (all) => all.length > 0 && all.every((socket) => SOCKET.test(socket)),
    "allowed are unix:///path and tcp://host:port, separated by blanks",
  )
  .transform((all) => all.map(normalizeSocket));

export const optionalSocket = z
  .string()
  .refine(
    (given) => given === "" || SOCKET.test(given),
    "allowed are unix:///path and tcp://host:port; give any other kind of access as one of these",
  )
  .transform((given) => (given === "" ? undefined : normalizeSocket(given)));

/** A name in the form that `ouroboros participant add` accepts. */
export const participantName = z
  .string()
  .regex(/^[A-Za-z0-9_-]{1,64}$/, "allowed are letters, digits, _ and -, 64 at most");

/** Empty, or a URL without user and password, for which the requests, built again for each try, have no place. */
export const webAddress = z.string().refine((given) => {
  if (given === "") return true;
  const url = URL.canParse(given) ? new URL(given) : undefined;
  return url !== undefined && /^https?:$/.test(url.protocol) && url.username + url.password === "";
}, "allowed is http://… or https://… without user and password");

/** Empty, or the URL of an MQTT broker. */
export const mqttAddress = z.string().refine((given) => {
  if (given === "") return true;
  const url = URL.canParse(given) ? new URL(given) : undefined;
  return (
    url !== undefined &&
    /^mqtts?:$/.test(url.protocol) &&
    url.hostname !== "" &&
    /^\/?$/.test(url.pathname + url.search + url.hash) &&
    [url.username, url.password].every(isPercentEncoded)
  );
}, "allowed is mqtt://… or mqtts://…, with user:password@ before the host where needed; write special characters in them as %XX");

function isPercentEncoded(part: string): boolean {
  try {
    decodeURIComponent(part);
    return true;
  } catch {
    return false;
  }
}

export const topicPrefix = z
  .string()
  .regex(/^[A-Za-z0-9_-]+(?:\/[A-Za-z0-9_-]+)*$/, "allowed are letters, digits, _ and -, and / between them");

/**
 * A key, or `whsec_` and a key in base64. An empty or malformed key would sign with a secret that anyone can guess.
 */
export const signingSecret = z
  .string()
  .refine(
    (given) =>
      !given.startsWith("whsec_") || /^[A-Za-z0-9+/_-]{2,}={0,2}$/.test(given.slice("whsec_".length)),
    "after whsec_ the key in base64 is missing",
  );

/** Empty, or the name of a registry in any spelling that Docker's client accepts. */
export const registry = z
  .string()
  .transform(normalizeRegistryName)
  .refine((name) => /^$|^[\w.[\]:-]+$/.test(name), "allowed is the name of one registry, as in ghcr.io");
