// Runs one command of the table: parses its command line, and turns errors into messages and exit codes.
import { CannotStart, NotDone, WrongUsage, explain } from "../../shared/errors.ts";
import { EXIT, type Command, type ParsedArguments } from "./command.ts";
import { parseCommandLine } from "./command-line.ts";
import { type CommandName, commands } from "./command-table.ts";
import type { Terminal } from "./terminal.ts";
import { usageLine, commandUsage } from "./usage.ts";

/** The code behind a command; resolves with the exit code. */
export type CommandRunner<N extends CommandName> = (
  given: ParsedArguments<(typeof commands)[N]>,
  terminal: Terminal,
) => Promise<number>;

type AnyCommandRunner = (given: never, terminal: Terminal) => Promise<number>;

export async function runCommand(
  name: CommandName,
  run: AnyCommandRunner,
  args: readonly string[],
  terminal: Terminal,
): Promise<number> {
  const complain = (what: string): unknown => terminal.stderr.write(`ouroboros ${name}: ${what}\n`);
  try {
    const given = parseCommandLine<Command>(commands[name], args);
    if (given !== "help") return await run(given as never, terminal);
    terminal.stdout.write(commandUsage(name));
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
