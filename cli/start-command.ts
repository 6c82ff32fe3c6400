// Starts an operator's command, or says what the program is.
import { systemClock } from "../shared/clock.ts";
import * as z from "zod";
import { findCommand } from "./framework/dispatch.ts";
import type { Terminal } from "./framework/terminal.ts";
import { programUsage, readVersion } from "./framework/usage.ts";

/** Ends the process. */
export async function startCommand(args: readonly string[]): Promise<void> {
  z.config({ jitless: true }); // compiling a schema takes longer than to check a few messages without
  const [first = ""] = args;
  const command = findCommand(args);
  if (command !== undefined) {
    // otherwise a NATS server that never greets would keep the process alive
    process.exit(await command(openTerminal()));
  }
  const asksForVersion =
    args.every((arg) => arg !== "--help" && arg !== "-h") && /^(?:--version|-v)$/.test(first);
  process.stdout.write(`${asksForVersion ? readVersion() : programUsage()}\n`);
}

/** Time for a command that ends by itself on the signal, such as `events --follow`. */
const STOP_WITHIN_MS = 300;

function openTerminal(): Terminal {
  const stop = new AbortController();
  for (const [signal, code] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const)
    process.once(signal, () => {
      stop.abort(signal);
      // a command that waits for an answer ignores the signal
      void systemClock.sleep(STOP_WITHIN_MS).then(() => process.exit(code));
    });
  process.stdout.on("error", ({ code }: NodeJS.ErrnoException) => {
    if (code === "EPIPE") process.exit(0); // `ouroboros events | head`: the reader has closed the pipe
  });
  const { env, stdout, stderr } = process;
  return { env, stdout, stderr, clock: systemClock, signal: stop.signal };
}
