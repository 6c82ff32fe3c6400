// `ouroboros update` and `ouroboros rollback`: sends the operator's request for one container to the host's poller,
// and with --wait waits for the run that is under way, then follows its own.
import { NotDone } from "../../shared/errors.ts";
import { commandErrors } from "../../shared/catalogue/command-errors.ts";
import { messageOf } from "../../shared/catalogue/entry.ts";
import type { UpdateResult } from "../../shared/contract/run-records.ts";
import { OperatorRequestResult } from "../output/output-schemas.ts";
import { EXIT } from "../framework/command.ts";
import {
  PollerStatus,
  UpdaterStatus,
  listPolledContainers,
  findPolledContainer,
} from "../../shared/contract/service-status.ts";
import { type Fleet, askStartingService, selectHosts, withFleet } from "../fleet/fleet.ts";
import { askService } from "../../shared/nats/ask-service.ts";
import { exitCodeFor, progressLine, followRun } from "../fleet/run-progress.ts";
import { didYouMean } from "../../shared/settings/did-you-mean.ts";
import type { CommandRunner } from "../framework/run-command.ts";
import { type Terminal, sanitize, printJson } from "../framework/terminal.ts";

/** The poller first finishes its current cycle, then asks a registry. */
const POLLER_ANSWER_MS = 120_000;
const ASK_AGAIN_MS = 1000;

export const operatorRequestRunner =
  (kind: "update" | "rollback"): CommandRunner<"update"> =>
  async ({ CONTAINER, host, wait, json }, terminal) => {
    const print = (line: string): unknown => json || terminal.stdout.write(`${sanitize(line)}\n`);
    return withFleet(terminal, async (fleet) => {
      const ask = () => askPoller(fleet, kind, { CONTAINER, host, ...terminal });
      let granted = await ask();
      if (wait && granted.kind === "busy")
        print(`${CONTAINER} on ${granted.host}: waits: ${granted.because ?? ""}`);
      while (wait && granted.kind === "busy" && (await isIdleInTime(fleet, granted.host, terminal)))
        granted = await ask();
      print(describeRequestResult(granted));
      const { run } = granted;
      if (!wait || run === undefined) {
        if (json) printJson(terminal, granted);
        return granted.kind === "begun" || granted.kind === "current" ? EXIT.done.code : EXIT.notDone.code;
      }
      const ends: Record<string, UpdateResult> = {};
      for await (const record of followRun(fleet, { host: granted.host, run }, terminal)) {
        const line = progressLine(record);
        if (line !== undefined) print(line);
        if (record.kind === "ended") ends[record.container] = record.end;
        if (record.kind === "finished") break;
      }
      if (json) printJson(terminal, { ...granted, ends });
      return exitCodeFor(ends, CONTAINER);
    });
  };

/**
 * Waits for an idle updater, at least a moment: a plan that was just published is in no hand yet. Resolves with false where
 * no updater answers, or the wait is broken off.
 */
async function isIdleInTime(
  fleet: Fleet,
  host: string,
  { clock, signal }: Pick<Terminal, "clock" | "signal">,
): Promise<boolean> {
  for (;;) {
    await clock.sleep(ASK_AGAIN_MS, signal);
    if (signal.aborted) return false;
    const status = UpdaterStatus.safeParse(await askService(fleet, host, ["updater", "status"])).data;
    if (status === undefined) return false;
    if (status.state === "idle") return true;
  }
}

/** The answer of the host's poller. @throws NotDone where it does not answer, or knows no such container. */
async function askPoller(
  fleet: Fleet,
  kind: "update" | "rollback",
  {
    CONTAINER,
    host,
    ...terminal
  }: { readonly CONTAINER: string; readonly host: string | undefined } & Pick<Terminal, "clock" | "signal">,
): Promise<OperatorRequestResult> {
  const owner = await findHostOf(fleet, CONTAINER, await selectHosts(fleet, host));
  const options = { ...terminal, more: { container: CONTAINER }, timeout: POLLER_ANSWER_MS };
  const reply = await askStartingService(fleet, [owner, "poller", kind], options);
  if (reply === undefined) throw new NotDone(messageOf(commandErrors.pollerSilent, { host: owner }));
  const fields = { ...reply };
  const answer = OperatorRequestResult.safeParse({ ...fields, host: owner, container: CONTAINER }).data;
  if (answer !== undefined) return answer;
  const { because, error }: { readonly because?: string; readonly error?: string } = fields;
  const why = because ?? error ?? "an answer that cannot be used";
  throw new NotDone(
    messageOf(commandErrors.requestNotDone, { container: CONTAINER, host: owner, because: why }),
  );
}

function describeRequestResult({ host, container, kind, run, because = "" }: OperatorRequestResult): string {
  const prefix = `${container} on ${host}: `;
  switch (kind) {
    case "begun":
      return `${prefix}run ${run ?? ""} begun`;
    case "current":
      return `${prefix}nothing newer`;
    case "left":
      return `${prefix}left alone: ${because}`;
    case "busy":
      return `${prefix}not now: ${because}; ask again when it is over`;
    case "failed":
      return `${prefix}failed: ${because}`;
  }
}

/** The one host that has the container. @throws NotDone where no host has it, or several do. */
async function findHostOf(fleet: Fleet, container: string, hosts: readonly string[]): Promise<string> {
  const [only, ...others] = hosts;
  if (only === undefined) throw new NotDone(messageOf(commandErrors.noHostYet));
  if (others.length === 0) return only;
  const seen = await Promise.all(
    hosts.map(async (host) => {
      const status = PollerStatus.safeParse(await askService(fleet, host, ["poller", "status"])).data;
      return { host, status };
    }),
  );
  const found = seen.filter(
    ({ status }) => status !== undefined && findPolledContainer(status, container) !== undefined,
  );
  const [match, ...more] = found.map(({ host }) => host);
  if (match === undefined) {
    const names = seen.flatMap(({ status }) =>
      status ? listPolledContainers(status).map((polled) => polled.container) : [],
    );
    const nearest = didYouMean(container, names);
    throw new NotDone(messageOf(commandErrors.containerUnseen, { container, where: "", nearest }));
  }
  if (more.length > 0)
    throw new NotDone(
      messageOf(commandErrors.severalHostsHaveIt, { container, hosts: [match, ...more].join(", ") }),
    );
  return match;
}
