// Encodes any string as one NATS subject token, and decodes it. Subject tokens, consumer names and KV keys allow too
// few characters for container and host names ("web-01.example.com"), and the NATS client does not reject wildcards
// and blanks.

/**
 * `[A-Za-z0-9_-]` stay; every other byte of the UTF-8 form becomes `=XX` (upper-case hex).
 * @throws RangeError for the empty string, which has no token.
 */
export function encodeToken(text: string): string {
  if (text === "") throw new RangeError("an empty name cannot be part of a NATS subject");
  if (/^[A-Za-z0-9_-]+$/.test(text)) return text;
  let out = "";
  for (const byte of new TextEncoder().encode(text)) {
    const char = String.fromCharCode(byte);
    out += /[A-Za-z0-9_-]/.test(char) ? char : `=${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return out;
}

/** Whether `encodeToken` can have made the text, so that `decodeToken` takes it. */
export const isToken = (text: string): boolean =>
  /^(?:[A-Za-z0-9_-]|=[0-9A-F]{2})+$/.test(text) && encodeToken(decode(text)) === text;

/** The text behind a token. @throws RangeError for text that `encodeToken` never returns. */
export function decodeToken(token: string): string {
  if (!isToken(token)) throw new RangeError(`not a token: ${token}`);
  return decode(token);
}

function decode(token: string): string {
  const bytes = [...token.matchAll(/=(..)|(.)/g)].map(([, hex, char = ""]) =>
    hex === undefined ? char.charCodeAt(0) : Number.parseInt(hex, 16),
  );
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(Uint8Array.from(bytes));
}
