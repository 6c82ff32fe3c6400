// The operator's commands, run in this process.
import { findCommand } from "../../cli/framework/dispatch.ts";
import { systemClock } from "../../shared/clock.ts";

export interface OperatorCommandResult {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Words as at the command line; resolves when the command ends. */
export async function runOperatorCommand(
  env: NodeJS.ProcessEnv,
  words: readonly string[],
  { isTTY = false, signal = new AbortController().signal, clock = systemClock } = {},
): Promise<OperatorCommandResult> {
  const written = { out: "", err: "" };
  const into = (key: keyof typeof written) => ({ write: (text: string) => (written[key] += text), isTTY });
  const started = findCommand(words);
  if (started === undefined) throw new Error(`no command: ${words.join(" ")}`);
  const code = await started({ env, stdout: into("out"), stderr: into("err"), clock, signal });
  return { code, ...written };
}
