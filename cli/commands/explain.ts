// `ouroboros explain`: says why a container was or was not updated, from the pollers, the held digests and the
// journal. For one container it has the poller look now; for all it says what the last poll found.
import { NotDone } from "../../shared/errors.ts";
import { commandErrors } from "../../shared/catalogue/command-errors.ts";
import { dueReasons } from "../../shared/catalogue/due-reasons.ts";
import { messageOf, reasonOf } from "../../shared/catalogue/entry.ts";
import { findRemedy } from "../../shared/catalogue/reason-remedy.ts";
import { HeldEntry } from "../../shared/contract/held-entry.ts";
import { getLastMessage } from "../../shared/nats/jetstream.ts";
import { getHeldText } from "../../shared/nats/reserve.ts";
import { parseJson } from "../../shared/contract/messages.ts";
import { STREAMS, subjects } from "../../shared/contract/subjects.ts";
import type { Explanation } from "../output/output-schemas.ts";
import { printExplanation } from "../output/explanation.ts";
import {
  PollerStatus,
  type PolledContainer,
  listPolledContainers,
  findPolledContainer,
  whyNothingKnown,
} from "../../shared/contract/service-status.ts";
import { PollerFailure, PollerLook } from "../output/poller-look.ts";
import { type Fleet, selectHosts, withFleet } from "../fleet/fleet.ts";
import { askService } from "../../shared/nats/ask-service.ts";
import { didYouMean } from "../../shared/settings/did-you-mean.ts";
import { EXIT } from "../framework/command.ts";
import type { CommandRunner } from "../framework/run-command.ts";
import { readSaid } from "../fleet/approvals.ts";
import { parseImageRef } from "../../shared/registry/image-ref.ts";
import { parseRunRecord } from "../../shared/contract/run-records.ts";
import { readRunRecords } from "../fleet/read-journal.ts";
import { printJson, printTable } from "../framework/terminal.ts";
import { formatAgo } from "../../shared/runtime/time-text.ts";

interface ExplainAnswer {
  readonly found: readonly Explanation[];
  /** Names of all containers that the poller has seen. */
  readonly names: readonly string[];
  /** Why nothing is known about the host, or about its services. */
  readonly blind?: string;
}

export const runExplain: CommandRunner<"explain"> = async ({ CONTAINER, host, json }, terminal) => {
  const now = terminal.clock.now();
  const answers = await withFleet(terminal, async (fleet) =>
    Promise.all(
      (await selectHosts(fleet, host)).map((name) =>
        explainOnHost(fleet, name, { container: CONTAINER, now }),
      ),
    ),
  );
  for (const { blind } of answers)
    if (blind !== undefined) terminal.stderr.write(`ouroboros explain: ${blind}\n`);
  const found = answers.flatMap((answer) => answer.found);
  if (json) printJson(terminal, found);
  else if (CONTAINER !== undefined) found.forEach((explanation) => printExplanation(terminal, explanation));
  else if (found.length > 0)
    printTable(
      terminal,
      ["HOST", "CONTAINER", "IMAGE", "POLLED", "WHY"],
      found.map(({ host, container, image, polled_at, because }) => [
        ...[host, container, image],
        ...[formatAgo(polled_at, now), because],
      ]),
    );
  if (found.length > 0) return 0;
  const where = host === undefined ? "" : ` on ${host}`;
  if (CONTAINER === undefined) throw new NotDone(messageOf(commandErrors.noneSeen, { where }));
  const names = answers.flatMap((answer) => answer.names);
  if (names.includes(CONTAINER)) return EXIT.notDone.code; // it was said why nothing is known of it
  const nearest = didYouMean(CONTAINER, names);
  throw new NotDone(messageOf(commandErrors.containerUnseen, { container: CONTAINER, where, nearest }));
};

async function explainOnHost(
  fleet: Fleet,
  host: string,
  { container, now }: { readonly container: string | undefined; readonly now: number },
): Promise<ExplainAnswer> {
  const nothing = (blind: string): ExplainAnswer => ({ found: [], names: [], blind: `${host}: ${blind}` });
  const [reply, look] = await Promise.all([
    askService(fleet, host, ["poller", "status"]),
    container === undefined ? undefined : lookNow(fleet, host, container),
  ]);
  if (reply === undefined) return nothing("its poller does not answer");
  const status = PollerStatus.safeParse(reply).data;
  if (status === undefined) return nothing(describeUnusable(reply));
  const blind = look === undefined ? whyNothingKnown(status) : undefined;
  if (blind !== undefined) return nothing(blind);
  const polledLast = look ?? status.last;
  const unseen = whyUnseen(polledLast, container);
  if (unseen !== undefined) return { ...nothing(unseen.because), names: [unseen.name] };
  const seen = listPolledContainers(status);
  const polled = container === undefined ? undefined : findPolledContainer(status, container);
  const requested = container === undefined ? seen : withLook(polled, look);
  const swarm = polledLast?.swarm;
  const polled_at = look?.looked_at ?? status.last?.ended_at ?? "";
  return {
    ...(swarm !== undefined && { blind: `${host}: ${swarm.because}` }),
    names: look?.names ?? seen.map(({ container }) => container),
    found: await Promise.all(
      requested.map(async (polled) => ({
        ...{ host, ...polled, ...withRemedy(polled), polled_at },
        ...(await readHeldEntry(fleet, host, polled, now)),
        last: container === undefined ? null : await findLastEnd(fleet, host, polled),
      })),
    ),
  };
}

/** Why the Engine does not show a container that is there. */
function whyUnseen(
  answer: Pick<PollerLook, "unseen"> | null,
  container: string | undefined,
): { readonly name: string; readonly because: string } | undefined {
  const unseen = answer?.unseen.find(({ name }) => name === container);
  return unseen && { ...unseen, because: `${unseen.name} cannot be looked at: ${unseen.because}` };
}

function describeUnusable(reply: unknown): string {
  const error = PollerFailure.safeParse(reply).data?.error;
  return `its poller's answer cannot be used${error === undefined ? "" : `: ${error}`}`;
}

function withRemedy({ because, container }: PolledContainer): Pick<Explanation, "because" | "remedy"> {
  return findRemedy(because, { container, name: container }) ?? { because, remedy: null };
}

/** A poller in the middle of a cycle answers after it; the last poll counts where that takes longer. */
const LOOK_WAIT_MS = 20_000;

async function lookNow(fleet: Fleet, host: string, container: string): Promise<PollerLook | undefined> {
  const options = { more: { container, fresh: false }, timeout: LOOK_WAIT_MS };
  return PollerLook.safeParse(await askService(fleet, host, ["poller", "look"], options)).data;
}

const TOO_LARGE = reasonOf(dueReasons.tooLarge);

/** What is due now the last poll explains further, such as by the plan that it is in. */
function withLook(polled: PolledContainer | undefined, look: PollerLook | undefined): PolledContainer[] {
  if (look === undefined) return polled === undefined ? [] : [polled];
  return look.containers.map(({ container, id, image, state, because, tag }) => {
    const polledBecause = polled?.because ?? "";
    const isDetail = polledBecause.startsWith(because) || polledBecause === TOO_LARGE;
    return {
      ...{ container, id, image, because: state === "newer" && isDetail ? polledBecause : because },
      ...(tag !== undefined && { tag }),
    };
  });
}

async function readHeldEntry(
  fleet: Fleet,
  host: string,
  { container, image }: PolledContainer,
  now: number,
): Promise<Pick<Explanation, "held" | "said">> {
  const text = await getHeldText(fleet.manager, host, container);
  const held = HeldEntry.safeParse(parseJson(text ?? "")).data ?? null;
  const repository = held?.image ?? parseImageRef(image)?.name;
  if (held === null || repository === undefined) return { held, said: [] };
  const said = await readSaid(fleet, now, { repository, digest: held.digest });
  return { held, said: said.map(({ verdict }) => verdict) };
}

/** How many runs are searched, from the newest back. */
const MAX_RUNS_READ = 50;

async function findLastEnd(
  fleet: Fleet,
  host: string,
  { container }: PolledContainer,
): Promise<Explanation["last"]> {
  const { manager } = fleet;
  const info = await manager.streams.info(STREAMS.runs, { subjects_filter: subjects.run(host, "*") });
  const runs = Object.keys(info.state.subjects ?? {})
    .filter((subject) => subject !== subjects.open(host))
    .sort() // run ids sort by the time of their creation
    .slice(-MAX_RUNS_READ);
  for (const subject of runs.reverse()) {
    const last = parseRunRecord((await getLastMessage(manager, STREAMS.runs, subject))?.string());
    if (last?.kind === "finished" && !Object.hasOwn(last.ends, container)) continue;
    const records = await readRunRecords(fleet, host, subject.split(".")[3] ?? "");
    const ended = records.find((record) => record.kind === "ended" && record.container === container);
    if (ended?.kind === "ended")
      return { run: ended.run, at: ended.at, end: ended.end, because: ended.because, by: ended.by };
  }
  return null;
}
