// What events tell of labels, and how much. Labels hold what their owner or an image wrote: among it basic-auth hashes of
// proxies, API keys of dashboards, and texts of any length. Names are told as EVENT_LABELS says; a value that looks like a
// secret is hidden; what is too long is cut, with a mark. Pure.
import type { Labels } from "../settings/labels.ts";
import { HIDDEN_VALUE, matchesPattern } from "../contract/participants.ts";

/** Where the Engine's documents name a secret: words within a name, and words that are a whole part of it. */
const SECRET_WORDS =
  /passw(?:or)?d|passphrase|secret|token|api[-_.]?key|access[-_.]?key|private[-_.]?key|credential|htpasswd|(?:basic|digest|forward)[-_.]?auth|authorization|bearer|cookie|webhook|jwt/i;
const SECRET_NAME_PARTS = new Set(["pass", "pwd", "auth", "key", "dsn"]);
/** Hashes of passwords, PEM blocks, users in addresses, tokens by their makers' prefixes. */
const SECRET_VALUE =
  /\$(?:apr1|2[abxy]?|5|6|y|argon2\w*)\$|\{S?SHA\d*\}|-----BEGIN |:\/\/[^\s/@]+@|\beyJ[\w-]+\.eyJ|\b(?:gh[opsu]_|github_pat_|glpat-|xox[abprs]-|AKIA|sk_live_|sk-\w{16})\w/;

const looksSecret = (name: string, value: string): boolean =>
  SECRET_WORDS.test(name) ||
  SECRET_NAME_PARTS.has(
    name
      .toLowerCase()
      .split(/[^a-z0-9]+/)
      .at(-1) ?? "",
  ) ||
  SECRET_VALUE.test(value.slice(0, 2 * LONGEST_VALUE)); // more than is told

/** `shown` is EVENT_LABELS: a name without wildcards is told as it is, also where its value looks like a secret. */
function redactLabels(labels: Labels, shown: readonly string[]): Labels {
  const plain = new Set(shown.filter((one) => !/[*?]/.test(one)));
  return Object.fromEntries(
    Object.entries(labels)
      .filter(([name]) => shown.some((pattern) => matchesPattern(pattern, name)))
      .map(([name, value]) => [name, looksSecret(name, value) && !plain.has(name) ? HIDDEN_VALUE : value]),
  );
}

const LONGEST_VALUE = 1024;
/** Of all labels of a container or image, in characters. */
const BUDGETS = [16 * 1024, 4 * 1024, 1024, 0] as const;

/** The short ones first; in the order they had. */
function truncateLabels(labels: Labels, budget: number): Labels {
  let left = budget;
  const short = Object.entries(labels).map(
    ([name, value]) =>
      [name, value.length > LONGEST_VALUE ? `${value.slice(0, LONGEST_VALUE - 1)}…` : value] as const,
  );
  const size = ([name, value]: readonly [string, string]): number => name.length + value.length + 6;
  const kept = new Set(short.toSorted((a, b) => size(a) - size(b)).filter((one) => (left -= size(one)) >= 0));
  return Object.fromEntries(short.filter((one) => kept.has(one)));
}

type DocumentPart = Readonly<Record<string, unknown>>;
const isPart = (value: unknown): value is DocumentPart =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Of a container or an image: its labels for others, and less of its lists where nothing else helps. */
function redactPart(part: DocumentPart, shown: readonly string[], budget: number): DocumentPart {
  const labels = part["labels"] as Labels;
  const some = truncateLabels(redactLabels(labels, shown), budget);
  const lists = budget === 0 ? truncateLists(part) : {};
  const isWhole = Object.entries(labels).every(
    ([name, value]) => some[name] === value || some[name] === HIDDEN_VALUE,
  );
  return {
    ...part,
    ...lists,
    labels: some,
    ...((!isWhole || Object.keys(lists).length > 0) && { truncated: true }),
  };
}

const MOST_ENTRIES = 20;

function truncateLists(part: DocumentPart): DocumentPart {
  const names = ["networks", "mounts", "tags", "digests"].filter(
    (name) => Array.isArray(part[name]) && part[name].length > MOST_ENTRIES,
  );
  const short = names.map((name) => [name, (part[name] as unknown[]).slice(0, MOST_ENTRIES)] as const);
  const ports = Object.entries((part["ports"] ?? {}) as Record<string, unknown[]>);
  const bound = ports.filter(([, bindings]) => bindings.length > 0).slice(0, MOST_ENTRIES);
  return {
    ...Object.fromEntries(short),
    ...(ports.length > MOST_ENTRIES && { ports: Object.fromEntries(bound) }),
  };
}

function redactIn(value: unknown, shown: readonly string[], budget: number): unknown {
  if (Array.isArray(value)) return value.map((one) => redactIn(one, shown, budget));
  if (!isPart(value)) return value;
  if (isPart(value["labels"])) return redactPart(value, shown, budget);
  return Object.fromEntries(
    Object.entries(value).map(([name, part]) => [name, redactIn(part, shown, budget)]),
  );
}

/** An event's locals as they are told: `shown` is EVENT_LABELS; at most `bytes` as JSON, so far as labels and lists can help it. */
export function redactLocals<L extends object>(locals: L, shown: readonly string[], bytes: number): L {
  for (const budget of BUDGETS) {
    const shared = redactIn(locals, shown, budget) as L;
    if (budget === 0 || Buffer.byteLength(JSON.stringify(shared)) <= bytes) return shared;
  }
  return locals;
}
