// The header Retry-After (RFC 9110, section 10.2.3). Pure.

/** Milliseconds from `now`: seconds or a date; undefined for what is neither. */
export function retryAfter(header: string | undefined, now: number): number | undefined {
  const text = (header ?? "").trim();
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - now;
  return Number.isNaN(ms) ? undefined : Math.max(ms, 0);
}
