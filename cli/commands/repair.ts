// `ouroboros repair`: has the updaters repair what an update left behind, as their recovery does at a start.
import * as z from "zod";
import { RepairResult } from "../output/output-schemas.ts";
import { EXIT } from "../framework/command.ts";
import { type Fleet, selectHosts, withFleet } from "../fleet/fleet.ts";
import { askService } from "../../shared/nats/ask-service.ts";
import { endCell } from "./history.ts";
import type { CommandRunner } from "../framework/run-command.ts";
import { type Terminal, sanitize, printJson, printTable } from "../framework/terminal.ts";

/** A repair may prove a new container, and tries for two minutes to put an old one back. */
const ANSWER_TIMEOUT_MS = 900_000;

const UpdaterRepairAnswer = z.discriminatedUnion("state", [
  RepairResult.pick({ restored: true }).extend({ state: z.literal("repaired") }),
  z.object({ state: z.literal("busy"), run: z.string().nullable() }),
  z.object({ state: z.literal("failed"), because: z.string() }),
]);

export const runRepair: CommandRunner<"repair"> = async ({ CONTAINER, host, json }, terminal) => {
  const results = await withFleet(terminal, async (fleet) =>
    Promise.all((await selectHosts(fleet, host)).map((name) => repairHost(fleet, name))),
  );
  const isRequested = ({ container }: { readonly container: string }): boolean =>
    CONTAINER === undefined || container === CONTAINER;
  const all = results.map((result) => ({ ...result, restored: result.restored.filter(isRequested) }));
  if (json) printJson(terminal, all);
  else printRepairResults(terminal, all, CONTAINER);
  if (all.some(({ restored }) => restored.some(({ end }) => end === "stuck"))) return EXIT.wrong.code;
  return all.every(({ state }) => state === "repaired") ? EXIT.done.code : EXIT.notDone.code;
};

async function repairHost(fleet: Fleet, host: string): Promise<RepairResult> {
  const reply = await askService(fleet, host, ["updater", "repair"], { timeout: ANSWER_TIMEOUT_MS });
  const answer = UpdaterRepairAnswer.safeParse(reply).data;
  const notRepaired = (state: RepairResult["state"], because: string): RepairResult => ({
    host,
    state,
    because,
    restored: [],
  });
  switch (answer?.state) {
    case "repaired":
      return { host, ...answer };
    case "busy":
      return notRepaired(
        "busy",
        answer.run === null ? "its updater has something in hand" : `run ${answer.run} is under way`,
      );
    case "failed":
      return notRepaired("failed", answer.because);
    case undefined:
      return notRepaired("away", "no updater acts on it");
  }
}

function printRepairResults(
  terminal: Terminal,
  all: readonly RepairResult[],
  container: string | undefined,
): void {
  const rows = all.flatMap(({ host, restored }) =>
    restored.map((repair) => [host, repair.container, endCell(repair), repair.because]),
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
