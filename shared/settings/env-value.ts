// Reads the text of a setting from the environment: from NAME, else from the file that NAME_FILE names. It imports
// next to nothing, because the health check, which runs every half minute, uses it too.
import { readFileSync } from "node:fs";

/** An empty variable counts as not set. @throws where the file cannot be read. */
export function readEnvValue(env: NodeJS.ProcessEnv, name: string): string | undefined {
  const direct = env[name];
  if (direct !== undefined && direct.trim() !== "") return direct;
  const file = env[`${name}_FILE`];
  return file === undefined || file.trim() === "" ? undefined : readFileSync(file.trim(), "utf8").trim();
}

/** Removes blanks and one pair of quotes around a value, which compose files often leave in. */
export const unquote = (text: string): string =>
  text
    .trim()
    .replace(/^(["'])(.*)\1$/s, "$2")
    .trim();
