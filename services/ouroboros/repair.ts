// `ouroboros repair`: the updaters put right what was left behind.
import { z } from "zod";
import { Repaired } from "./answers.ts";
import { EXIT } from "./command.ts";
import { type Fleet, askService, hostsAsked, withFleet } from "./fleet.ts";
import { painted } from "./history.ts";
import type { CommandRunner } from "./run-command.ts";
import { type Terminal, harmless, printJson, printTable } from "./terminal.ts";

/** A new container is proved, and putting one back is tried for two minutes. */
const WITHIN_MS = 900_000;

const Answer = z.discriminatedUnion("state", [
  Repaired.pick({ restored: true }).extend({ state: z.literal("repaired") }),
  z.object({ state: z.literal("busy"), run: z.string().nullable() }),
  z.object({ state: z.literal("failed"), because: z.string() }),
]);

export const runRepair: CommandRunner<"repair"> = async ({ CONTAINER, host, json }, terminal) => {
  const asked = await withFleet(terminal, async (fleet) =>
    Promise.all((await hostsAsked(fleet, host)).map((one) => repairOn(fleet, one))),
  );
  const isMeant = ({ container }: { readonly container: string }): boolean =>
    CONTAINER === undefined || container === CONTAINER;
  const all = asked.map((one) => ({ ...one, restored: one.restored.filter(isMeant) }));
  if (json) printJson(terminal, all);
  else printRepaired(terminal, all, CONTAINER);
  if (all.some(({ restored }) => restored.some(({ end }) => end === "stuck"))) return EXIT.wrong.code;
  return all.every(({ state }) => state === "repaired") ? EXIT.done.code : EXIT.notDone.code;
};

async function repairOn(fleet: Fleet, host: string): Promise<Repaired> {
  const said = await askService(fleet, host, ["updater", "repair"], { timeout: WITHIN_MS });
  const answer = Answer.safeParse(said).data;
  const not = (state: Repaired["state"], because: string): Repaired => ({
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

function printRepaired(terminal: Terminal, all: readonly Repaired[], container: string | undefined): void {
  const rows = all.flatMap(({ host, restored }) =>
    restored.map((one) => [host, one.container, painted(one.end), one.because]),
  );
  if (rows.length > 0) printTable(terminal, ["HOST", "CONTAINER", "END", "BECAUSE"], rows);
  for (const { host, state, because, restored } of all) {
    if (state !== "repaired")
      terminal.stderr.write(harmless(`ouroboros repair: ${host}: ${because ?? state}`) + "\n");
    else if (restored.length === 0)
      terminal.stdout.write(
        harmless(`${host}: nothing to repair${container === undefined ? "" : ` for ${container}`}`) + "\n",
      );
  }
}
