// Parses a registry's WWW-Authenticate header (401). RFC 9110, sections 11.6.1 and 5.6.4. Pure.

export interface Challenge {
  /** In lower case. */
  readonly scheme: string;
  /** Names in lower case. */
  readonly params: Readonly<Record<string, string>>;
}

const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const PARAM = new RegExp(`[\\s,]*(${TOKEN})\\s*=\\s*(?:"((?:[^"\\\\]|\\\\.)*)"|([^\\s,"]*))`, "y");
const SCHEME = new RegExp(`[\\s,]*(${TOKEN})(?=[\\s,]|$)`, "y");

/** The challenges of a header, in its order. Parsing stops at the first thing that is malformed. */
export function parseChallenges(header: string): Challenge[] {
  const challenges: { scheme: string; params: Record<string, string> }[] = [];
  for (let at = 0; at < header.length;) {
    const param = matchAt(PARAM, header, at);
    const scheme = param === null ? matchAt(SCHEME, header, at) : null;
    const [whole = "", name = "", quoted, bare = ""] = param ?? scheme ?? [];
    if (whole === "") break;
    at += whole.length;
    if (scheme !== null) challenges.push({ scheme: name.toLowerCase(), params: {} });
    else {
      const params = challenges.at(-1)?.params;
      if (params !== undefined) params[name.toLowerCase()] = quoted?.replace(/\\(.)/g, "$1") ?? bare;
    }
  }
  return challenges;
}

function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}

/** The challenge to answer: Bearer before Basic; undefined where neither is offered. */
export const selectChallenge = (challenges: readonly Challenge[]): Challenge | undefined =>
  challenges.find(({ scheme }) => scheme === "bearer") ?? challenges.find(({ scheme }) => scheme === "basic");
