// What operators and other updaters may ask the acting updater, on `ouroboros.command.<host>.updater.*`: `status`,
// `yield`, `repair`. Core NATS request and reply; a command names itself in JSON, the answers are JSON. A message that
// does not name the command, such as an answer of the server to a request with this reply subject, has no effect.
import type { Msg } from "nats";
import { explain } from "../../shared/errors.ts";
import { isCommand } from "../../shared/contract/messages.ts";
import { subjects } from "../../shared/contract/subjects.ts";
import type { ExclusiveWork } from "./exclusive-work.ts";
import type { SwapRecoveryResult } from "./recover/roll-back-swap.ts";
import type { Updater } from "./updater.ts";

interface UpdaterCommands {
  readonly acting: ExclusiveWork;
  readonly yielded: AbortController;
  /** Puts right what was left behind. */
  readonly recover: () => Promise<RecoverySummary>;
  /** The last one. */
  readonly last: () => RecoverySummary;
}

/** How the last recovery went. */
export interface RecoverySummary {
  /** The run that it resumed. */
  readonly run: string | null;
  /** What no run went on with. */
  readonly restored: readonly SwapRecoveryResult[];
}

/** Only the acting updater answers. */
export function answerCommands(
  updater: Updater,
  { acting, yielded, recover, last }: UpdaterCommands,
): Disposable {
  const { bus, fence, counters } = updater;
  const answer = (message: Msg, said: object): unknown => message.respond(JSON.stringify(said));
  const inHand = () => ({ state: acting.isBusy ? "busy" : "idle", run: fence.open?.run ?? null });
  const commands: Readonly<Record<string, (message: Msg) => void>> = {
    status: (message) =>
      void listTrouble(bus).then((trouble) =>
        answer(message, {
          ...inHand(),
          writer: bus.writer,
          updates: counters.counts,
          trouble,
          recovered: summarizeRecovery(last()),
        }),
      ),
    yield: (message) => {
      answer(message, { state: acting.isBusy ? "busy" : "yielded" });
      if (!acting.isBusy) yielded.abort();
    },
    repair: (message) => {
      if (acting.isBusy) answer(message, inHand());
      else void acting.runAlone(() => repair(updater, recover)).then((said) => answer(message, said));
    },
  };
  const served = Object.entries(commands).map(([command, callback]) =>
    bus.nats.subscribe(subjects.command(bus.host.name, "updater", command), {
      callback: (error, message) => {
        if (error !== null) return;
        if (command === "status" || isCommand(command, message.string())) callback(message);
        else if (command === "yield") answer(message, { state: "busy" }); // an older updater's request: it waits
      },
    }),
  );
  return { [Symbol.dispose]: () => served.forEach((one) => one.unsubscribe()) };
}

const summarizeRecovery = ({ run, restored }: RecoverySummary): object => ({
  run,
  stuck: restored.filter(({ end }) => end === "stuck").map(({ container }) => container),
  mended: restored.filter(({ end }) => end !== "stuck").map(({ container, run }) => ({ container, run })),
});

/** What keeps it from going on, in a sentence each. */
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
