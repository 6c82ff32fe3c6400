// Decides what the command line names: services, or an operator's command. Each has a bundle of its own (.ci/bundle.mjs),
// so that a command loads nothing that only services need, and the other way round.
import { keepCompiledCode } from "./compile-cache.ts";
import { isService } from "./framework/service-table.ts";

/** Sets the process's exit code. */
export async function start(args: readonly string[]): Promise<void> {
  if (startsServices(args)) await (await import("./start-services.ts")).startServices(args);
  else {
    keepCompiledCode(process.env, process.getuid?.());
    await (await import("./start-command.ts")).startCommand(args);
  }
}

/** Without a first word all services are started; options stand for settings then. */
function startsServices(args: readonly string[]): boolean {
  const [first = ""] = args;
  if (first === "helper") return true;
  if (args.some((arg) => arg === "--help" || arg === "-h")) return false;
  return isService(first) || first === "" || (first.startsWith("-") && !isVersionOption(first));
}

const isVersionOption = (word: string): boolean => word === "--version" || word === "-v";
