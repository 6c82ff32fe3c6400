// Runs one command of the table: reads its line, and turns how it ends into words and an exit code.
import { CannotStart, explain } from "../../shared/errors.ts";
import { EXIT, type Command, type Given, NotDone, WrongUsage } from "./command.ts";
import { parse } from "./command-line.ts";
import { type CommandName, commands } from "./commands.ts";
import type { Terminal } from "./terminal.ts";
import { usageLine, usageOf } from "./usage.ts";

/** The code behind a command; resolves with the exit code. */
export type CommandRunner<N extends CommandName> = (
  given: Given<(typeof commands)[N]>,
  terminal: Terminal,
) => Promise<number>;

type AnyRun = (given: never, terminal: Terminal) => Promise<number>;

export async function runCommand(
  name: CommandName,
  run: AnyRun,
  args: readonly string[],
  terminal: Terminal,
): Promise<number> {
  const complain = (what: string): unknown => terminal.stderr.write(`ouroboros ${name}: ${what}\n`);
  try {
    const given = parse<Command>(commands[name], args);
    if (given !== "help") return await run(given as never, terminal);
    terminal.stdout.write(usageOf(name));
    return EXIT.done.code;
  } catch (error) {
    if (error instanceof WrongUsage) {
      complain(`${error.message}\nUsage: ${usageLine(name)}`);
      return EXIT.wrong.code;
    }
    if (!(error instanceof NotDone || error instanceof CannotStart)) throw error;
    complain(explain(error));
    return error instanceof NotDone ? EXIT.notDone.code : EXIT.cannotAsk.code;
  }
}
