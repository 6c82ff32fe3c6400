// What a container printed, as far as it may become a reason that others hear: health checks and commands print
// connection strings and passwords. The Engine's `inspect` shows it whole.
import { HIDDEN_VALUE } from "../../../shared/contract/participants.ts";

const LONGEST = 200;
/** Shorter values would blot out words that are no secret. */
const SHORTEST = 6;
const NAMED = /((?:passw(?:or)?d|pwd|secret|token|key|authorization)["']?\s{0,3}[=:]\s{0,3})[^\s,;]{1,200}/gi;
const IN_ADDRESS = /:\/\/[^\s/@]{1,200}@/g;

/** `env`: the container's, whose values are hidden wherever they turn up. */
export function redactOutput(output: string, env: readonly string[] | null | undefined): string {
  const values = (env ?? [])
    .map((entry) => entry.slice(entry.indexOf("=") + 1))
    .filter((value) => value.length >= SHORTEST)
    .sort((one, other) => other.length - one.length);
  const begun = output.trim().slice(0, 10 * LONGEST);
  const hidden = values.reduce((text, value) => text.replaceAll(value, HIDDEN_VALUE), begun);
  const text = hidden.replace(IN_ADDRESS, `://${HIDDEN_VALUE}@`).replace(NAMED, `$1${HIDDEN_VALUE}`);
  if (text === "") return "no output";
  return text.length > LONGEST ? `${text.slice(0, LONGEST - 1)}…` : text;
}
