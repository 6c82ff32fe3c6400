// The targets of notifications: URLs of Apprise. What is told of one never holds its secrets. Pure.
import { createHash } from "node:crypto";

export interface Target {
  readonly url: string;
  /** Key of its outbox. */
  readonly id: string;
  /** `mailto (2 of 3)` */
  readonly name: string;
}

export const targetsFrom = (urls: readonly string[]): Target[] =>
  [...new Set(urls)].map((url, index, all) => ({
    url,
    id: createHash("sha256").update(url).digest("hex").slice(0, 16),
    name: all.length === 1 ? schemeOf(url) : `${schemeOf(url)} (${index + 1} of ${all.length})`,
  }));

const schemeOf = (url: string): string => /^([a-z][a-z0-9+.-]{0,30}):\/\//i.exec(url)?.[1] ?? "(no URL)";

/** Takes the parts of the URL out of a text: its user, password, tokens and path. */
export function withoutSecrets(text: string, url: string): string {
  const parts = url
    .replace(/^[a-z][a-z0-9+.-]*:\/\//i, "")
    .split(/[/:@?&=,#]/)
    .flatMap((part) => [part, safelyDecoded(part)])
    .filter((part) => part.length >= 4)
    .sort((a, b) => b.length - a.length);
  return [url, ...parts].reduce((rest, part) => rest.replaceAll(part, "…"), text);
}

function safelyDecoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
