// Reads how many requests a registry still allows, from its response headers: `ratelimit-limit: 100;w=21600`. IETF
// draft "RateLimit header fields for HTTP", version 03, as Docker Hub follows it. Pure.
import type { IncomingHttpHeaders } from "node:http";
import type { RateLimit } from "../../../shared/contract/rate-limit.ts";

/** Undefined where the response carries no rate limit. */
export function readRateLimit(headers: IncomingHttpHeaders, at: string): RateLimit | undefined {
  const remaining = numberIn(headers["ratelimit-remaining"]);
  if (remaining === undefined) return undefined;
  const window = /;\s*w=(\d{1,9})/.exec(textOf(headers["ratelimit-limit"] ?? headers["ratelimit-remaining"]));
  return {
    limit: numberIn(headers["ratelimit-limit"]) ?? null,
    remaining,
    window_s: window === null ? null : Number(window[1]),
    at,
  };
}

const textOf = (header: string | string[] | undefined): string => [header ?? ""].flat()[0] ?? "";

function numberIn(header: string | string[] | undefined): number | undefined {
  const [, digits] = /^\s*(\d{1,9})\b/.exec(textOf(header)) ?? [];
  return digits === undefined ? undefined : Number(digits);
}
