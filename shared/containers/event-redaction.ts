// Limits what events disclose about labels. Labels hold whatever their owner or an image wrote, such as basic-auth
// hashes of proxies, API keys of dashboards and texts of any length. EVENT_LABELS selects the names; a value that
// looks like a secret is hidden; what is too long is cut and marked. Pure.
import type { Labels } from "../settings/labels.ts";
import { HIDDEN_VALUE, matchesPattern } from "../contract/participants.ts";

/** Label names that suggest a secret: words anywhere in the name, and words that must be its whole last part. */
const SECRET_WORDS =
  /passw(?:or)?d|passphrase|secret|token|api[-_.]?key|access[-_.]?key|private[-_.]?key|credential|htpasswd|(?:basic|digest|forward)[-_.]?auth|authorization|bearer|cookie|webhook|jwt/i;
const SECRET_NAME_PARTS = new Set(["pass", "pwd", "auth", "key", "dsn"]);
/** Password hashes, PEM blocks, users in URLs, and tokens with the prefix of their vendor. */
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
  SECRET_VALUE.test(value.slice(0, 2 * MAX_VALUE_LENGTH)); // longer than what is shown

/** `shown` is EVENT_LABELS. A name without wildcards is shown even where its value looks like a secret. */
function redactLabels(labels: Labels, shown: readonly string[]): Labels {
  const plainNames = new Set(shown.filter((pattern) => !/[*?]/.test(pattern)));
  return Object.fromEntries(
    Object.entries(labels)
      .filter(([name]) => shown.some((pattern) => matchesPattern(pattern, name)))
      .map(([name, value]) => [
        name,
        looksSecret(name, value) && !plainNames.has(name) ? HIDDEN_VALUE : value,
      ]),
  );
}

const MAX_VALUE_LENGTH = 1024;
/** Budgets for all labels of a container or image, in characters; each is tried until the event fits. */
const BUDGETS = [16 * 1024, 4 * 1024, 1024, 0] as const;

/** Keeps the shortest labels that fit into the budget, in their original order. */
function truncateLabels(labels: Labels, budget: number): Labels {
  let left = budget;
  const short = Object.entries(labels).map(
    ([name, value]) =>
      [name, value.length > MAX_VALUE_LENGTH ? `${value.slice(0, MAX_VALUE_LENGTH - 1)}…` : value] as const,
  );
  const size = ([name, value]: readonly [string, string]): number => name.length + value.length + 6;
  const kept = new Set(
    short.toSorted((a, b) => size(a) - size(b)).filter((label) => (left -= size(label)) >= 0),
  );
  return Object.fromEntries(short.filter((label) => kept.has(label)));
}

type DocumentPart = Readonly<Record<string, unknown>>;
const isPart = (value: unknown): value is DocumentPart =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Redacts a container or an image: limits its labels, and shortens its lists where the budget is 0. */
function redactPart(part: DocumentPart, shown: readonly string[], budget: number): DocumentPart {
  const labels = part["labels"] as Labels;
  const kept = truncateLabels(redactLabels(labels, shown), budget);
  const lists = budget === 0 ? truncateLists(part) : {};
  const isWhole = Object.entries(labels).every(
    ([name, value]) => kept[name] === value || kept[name] === HIDDEN_VALUE,
  );
  return {
    ...part,
    ...lists,
    labels: kept,
    ...((!isWhole || Object.keys(lists).length > 0) && { truncated: true }),
  };
}

const MAX_ENTRIES = 20;

function truncateLists(part: DocumentPart): DocumentPart {
  const names = ["networks", "mounts", "tags", "digests"].filter(
    (name) => Array.isArray(part[name]) && part[name].length > MAX_ENTRIES,
  );
  const short = names.map((name) => [name, (part[name] as unknown[]).slice(0, MAX_ENTRIES)] as const);
  const ports = Object.entries((part["ports"] ?? {}) as Record<string, unknown[]>);
  const bound = ports.filter(([, bindings]) => bindings.length > 0).slice(0, MAX_ENTRIES);
  return {
    ...Object.fromEntries(short),
    ...(ports.length > MAX_ENTRIES && { ports: Object.fromEntries(bound) }),
  };
}

function redactIn(value: unknown, shown: readonly string[], budget: number): unknown {
  if (Array.isArray(value)) return value.map((item) => redactIn(item, shown, budget));
  if (!isPart(value)) return value;
  if (isPart(value["labels"])) return redactPart(value, shown, budget);
  return Object.fromEntries(
    Object.entries(value).map(([name, part]) => [name, redactIn(part, shown, budget)]),
  );
}

/**
 * Redacts an event's locals. `shown` is EVENT_LABELS. The JSON takes at most `bytes`, as far as cutting labels and
 * lists can achieve it.
 */
export function redactLocals<L extends object>(locals: L, shown: readonly string[], bytes: number): L {
  for (const budget of BUDGETS) {
    const redacted = redactIn(locals, shown, budget) as L;
    if (budget === 0 || Buffer.byteLength(JSON.stringify(redacted)) <= bytes) return redacted;
  }
  return locals;
}
