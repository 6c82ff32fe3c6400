// Logs what is wrong with the hooks folder at start; later each event logs the faults of its own scripts.
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Logger } from "pino";
import { explain } from "../../shared/errors.ts";
import { eventNames, isEventName } from "../../shared/contract/hooks.ts";
import { didYouMean } from "../../shared/settings/did-you-mean.ts";
import { type Fault, looksLikeScript } from "./script-faults.ts";
import { requireHooksFolder, findScripts, findHooksFolder } from "./scripts.ts";

/** The faults of all scripts. @throws where the folder cannot be read. */
export async function findScriptFaults(
  setting: string,
): Promise<(Fault & { readonly hook: string; readonly script: string })[]> {
  await requireHooksFolder(setting);
  const folder = await findHooksFolder(setting);
  const found = await Promise.all(
    eventNames.map(async (hook) =>
      (await findScripts(folder, hook)).flatMap(({ name, fault }) =>
        fault === undefined ? [] : [{ hook, script: name, ...fault }],
      ),
    ),
  );
  return found.flat();
}

export async function logScriptFaults(setting: string, log: Logger): Promise<void> {
  try {
    for (const fault of await findScriptFaults(setting)) log.warn(fault, "script will not run");
    const folder = await findHooksFolder(setting);
    for (const name of await findNeverRun(folder))
      log.warn(
        { name, folder, mend: whereItBelongs(name) },
        "no hook has this name; nothing in it ever runs",
      );
  } catch (error) {
    log.warn({ because: explain(error) }, "hooks folder cannot be read");
  }
}

const whereItBelongs = (name: string): string =>
  `put scripts in a folder named after their hook (docs/hooks.md lists them)${didYouMean(name, eventNames)}`;

/** Scripts outside the hooks' folders, and folders that are not named after a hook. */
async function findNeverRun(folder: string): Promise<readonly string[]> {
  const found: string[] = [];
  for (const name of await readdir(folder).catch(() => [])) {
    if (name.startsWith(".") || name === "node_modules" || name.endsWith(".example") || isEventName(name))
      continue;
    const stats = await stat(join(folder, name)).catch(() => undefined);
    const isScript =
      stats?.isFile() === true && (await looksLikeScript(join(folder, name)).catch(() => false));
    if (isScript || (stats?.isDirectory() === true && (await readdir(join(folder, name))).length > 0))
      found.push(name);
  }
  return found;
}
