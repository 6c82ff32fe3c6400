// Redacts what a container printed before it becomes part of a published reason: health checks and commands print
// connection strings and passwords. The Engine's `inspect` shows the full output.
import { HIDDEN_VALUE } from "../../../shared/contract/participants.ts";

const LONGEST = 200;
/** Hiding shorter values would hide ordinary words. */
const SHORTEST = 6;
const NAMED = /((?:passw(?:or)?d|pwd|secret|token|key|authorization)["']?\s{0,3}[=:]\s{0,3})[^\s,;]{1,200}/gi;
const IN_ADDRESS = /:\/\/[^\s/@]{1,200}@/g;

/** `env`: the container's environment, whose values are hidden wherever they occur. */
export function redactOutput(output: string, env: readonly string[] | null | undefined): string {
  const values = (env ?? [])
    .map((entry) => entry.slice(entry.indexOf("=") + 1))
    .filter((value) => value.length >= SHORTEST)
    .sort((a, b) => b.length - a.length);
  const beginning = output.trim().slice(0, 10 * LONGEST);
  const hidden = values.reduce((text, value) => text.replaceAll(value, HIDDEN_VALUE), beginning);
  const text = hidden.replace(IN_ADDRESS, `://${HIDDEN_VALUE}@`).replace(NAMED, `$1${HIDDEN_VALUE}`);
  if (text === "") return "no output";
  return text.length > LONGEST ? `${text.slice(0, LONGEST - 1)}…` : text;
}
