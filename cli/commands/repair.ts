// `ouroboros repair`: the updaters put right what was left behind.
import { z } from "zod";
import { RepairResult } from "../output/output-schemas.ts";
import { EXIT } from "../framework/command.ts";
import { type Fleet, askService, selectHosts, withFleet } from "../fleet/fleet.ts";
import { endCell } from "./history.ts";
import type { CommandRunner } from "../framework/run-command.ts";
import { type Terminal, sanitize, printJson, printTable } from "../framework/terminal.ts";

/** A new container is proved, and putting one back is tried for two minutes. */
const WITHIN_MS = 900_000;

const UpdaterRepairAnswer = z.discriminatedUnion("state", [
  RepairResult.pick({ restored: true }).extend({ state: z.literal("repaired") }),
  z.object({ state: z.literal("busy"), run: z.string().nullable() }),
  z.object({ state: z.literal("failed"), because: z.string() }),
]);

export const runRepair: CommandRunner<"repair"> = async ({ CONTAINER, host, json }, terminal) => {
  const asked = await withFleet(terminal, async (fleet) =>
    Promise.all((await selectHosts(fleet, host)).map((one) => repairHost(fleet, one))),
  );
  const isMeant = ({ container }: { readonly container: string }): boolean =>
    CONTAINER === undefined || container === CONTAINER;
  const all = asked.map((one) => ({ ...one, restored: one.restored.filter(isMeant) }));
  if (json) printJson(terminal, all);
  else printRepairResults(terminal, all, CONTAINER);
  if (all.some(({ restored }) => restored.some(({ end }) => end === "stuck"))) return EXIT.wrong.code;
  return all.every(({ state }) => state === "repaired") ? EXIT.done.code : EXIT.notDone.code;
};

async function repairHost(fleet: Fleet, host: string): Promise<RepairResult> {
  const said = await askService(fleet, host, ["updater", "repair"], { timeout: WITHIN_MS });
  const answer = UpdaterRepairAnswer.safeParse(said).data;
  const not = (state: RepairResult["state"], because: string): RepairResult => ({
    host,
    state,
    because,
    restored: [],
  });
  switch (answer?.state) {
    case "repaired":
      return { host, ...answer };
    case "busy":
      return not(
        "busy",
        answer.run === null ? "its updater has something in hand" : `run ${answer.run} is under way`,
      );
    case "failed":
      return not("failed", answer.because);
    case undefined:
      return not("away", "no updater acts on it");
  }
}

function printRepairResults(
  terminal: Terminal,
  all: readonly RepairResult[],
  container: string | undefined,
): void {
  const rows = all.flatMap(({ host, restored }) =>
    restored.map((one) => [host, one.container, endCell(one.end), one.because]),
  );
  if (rows.length > 0) printTable(terminal, ["HOST", "CONTAINER", "END", "BECAUSE"], rows);
  for (const { host, state, because, restored } of all) {
    if (state !== "repaired")
      terminal.stderr.write(sanitize(`ouroboros repair: ${host}: ${because ?? state}`) + "\n");
    else if (restored.length === 0)
      terminal.stdout.write(
        sanitize(`${host}: nothing to repair${container === undefined ? "" : ` for ${container}`}`) + "\n",
      );
  }
}
