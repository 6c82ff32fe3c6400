// What the environment gives for a setting, as text: by NAME, else by NAME_FILE. Imports next to nothing: a health check
// that is run every half minute reads by it, too.
import { readFileSync } from "node:fs";

/** An empty variable counts as not given. @throws where the file cannot be read. */
export function readEnvValue(env: NodeJS.ProcessEnv, name: string): string | undefined {
  const direct = env[name];
  if (direct !== undefined && direct.trim() !== "") return direct;
  const file = env[`${name}_FILE`];
  return file === undefined || file.trim() === "" ? undefined : readFileSync(file.trim(), "utf8").trim();
}

/** Blanks and one pair of quotes around a value are dropped, as compose files often leave them. */
export const unquote = (text: string): string =>
  text
    .trim()
    .replace(/^(["'])(.*)\1$/s, "$2")
    .trim();
