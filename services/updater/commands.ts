// Answers the commands that operators and other updaters send to the acting updater, on
// `ouroboros.command.<host>.updater.*`: `status`, `yield`, `repair`. Core NATS request and reply, with JSON answers.
// A command names itself in its JSON body; a message that does not, such as a server's answer to a request with this
// reply subject, has no effect.
import type { Msg } from "nats";
import { explain } from "../../shared/errors.ts";
import { isCommand } from "../../shared/contract/messages.ts";
import type { UpdaterStatusReport } from "../../shared/contract/service-status.ts";
import { subjects } from "../../shared/contract/subjects.ts";
import type { ExclusiveWork } from "./exclusive-work.ts";
import type { SwapRecoveryResult } from "./recover/roll-back-swap.ts";
import type { Updater } from "./updater.ts";

interface UpdaterCommands {
  readonly acting: ExclusiveWork;
  readonly yielded: AbortController;
  /** Recovers what an earlier updater left on the Engine. */
  readonly recover: () => Promise<RecoverySummary>;
  /** The result of the last recovery. */
  readonly last: () => RecoverySummary;
}

/** The result of a recovery. */
export interface RecoverySummary {
  /** The run that was resumed, if any. */
  readonly run: string | null;
  /** Swaps that no resumed run went on with. */
  readonly restored: readonly SwapRecoveryResult[];
}

/** Answers until disposed. Only the acting updater may call this. */
export function answerCommands(
  updater: Updater,
  { acting, yielded, recover, last }: UpdaterCommands,
): Disposable {
  const { bus, fence, counters } = updater;
  const answer = (message: Msg, reply: object): unknown => message.respond(JSON.stringify(reply));
  const describeState = (): UpdaterStatusReport => ({
    state: acting.isBusy ? "busy" : "idle",
    run: fence.open?.run ?? null,
  });
  const commands: Readonly<Record<string, (message: Msg) => void>> = {
    status: (message) =>
      void listTrouble(bus).then((trouble) => {
        const recovered = summarizeRecovery(last());
        const status: UpdaterStatusReport = {
          ...describeState(),
          updates: counters.counts,
          trouble,
          recovered,
        };
        answer(message, { ...status, writer: bus.writer });
      }),
    yield: (message) => {
      answer(message, { state: acting.isBusy ? "busy" : "yielded" });
      if (!acting.isBusy) yielded.abort();
    },
    repair: (message) => {
      if (acting.isBusy) answer(message, describeState());
      else void acting.runAlone(() => repair(updater, recover)).then((result) => answer(message, result));
    },
  };
  const subscriptions = Object.entries(commands).map(([command, callback]) =>
    bus.nats.subscribe(subjects.command(bus.host.name, "updater", command), {
      callback: (error, message) => {
        if (error !== null) return;
        if (command === "status" || isCommand(command, message.string())) callback(message);
        else if (command === "yield") answer(message, { state: "busy" }); // from an older updater: it waits
      },
    }),
  );
  return { [Symbol.dispose]: () => subscriptions.forEach((subscription) => subscription.unsubscribe()) };
}

const summarizeRecovery = ({ run, restored }: RecoverySummary): UpdaterStatusReport["recovered"] => ({
  run,
  stuck: restored.filter(({ end }) => end === "stuck").map(({ container }) => container),
  mended: restored.filter(({ end }) => end !== "stuck").map(({ container, run }) => ({ container, run })),
});

/** Why the updater cannot go on, one sentence for each reason. */
async function listTrouble({ hub, patience, lease }: Updater["bus"]): Promise<string[]> {
  if (lease.trouble !== undefined) return [lease.trouble];
  if (patience.trouble !== undefined) return [patience.trouble];
  return (await hub.isAway()) ? [hub.trouble] : [];
}

async function repair({ bus, fence }: Updater, recover: UpdaterCommands["recover"]): Promise<object> {
  bus.context.log.info("repair asked for by the operator");
  try {
    await fence.check();
    const { restored } = await recover();
    return {
      state: "repaired",
      restored: restored.map(({ container, run, end, because }) => ({ container, run, end, because })),
    };
  } catch (error) {
    bus.context.log.warn({ because: explain(error) }, "repair failed");
    return { state: "failed", because: explain(error) };
  }
}
