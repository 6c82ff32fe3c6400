// What operators and other updaters may ask the acting updater, on `ouroboros.command.<host>.updater.*`: `status`,
// `yield`, `repair`. Core NATS request and reply; a command names itself in JSON, the answers are JSON. A message that
// does not name the command, such as an answer of the server to a request with this reply subject, has no effect.
import type { Msg } from "nats";
import { explain } from "../../shared/errors.ts";
import { isCommand } from "../../shared/messages.ts";
import { subjects } from "../../shared/subjects.ts";
import type { Acting } from "./acting.ts";
import type { Restored } from "./recover/put-back.ts";
import type { Updater } from "./updater.ts";

interface UpdaterCommands {
  readonly acting: Acting;
  readonly yielded: AbortController;
  /** Puts right what was left behind. */
  readonly recover: () => Promise<Recovery>;
  /** The last one. */
  readonly last: () => Recovery;
}

/** How the last recovery went. */
export interface Recovery {
  /** The run that it resumed. */
  readonly run: string | null;
  /** What no run went on with. */
  readonly restored: readonly Restored[];
}

/** Only the acting updater answers. */
export function answerCommands(
  updater: Updater,
  { acting, yielded, recover, last }: UpdaterCommands,
): Disposable {
  const { bus, fence, counters } = updater;
  const answer = (message: Msg, said: object): unknown => message.respond(JSON.stringify(said));
  const inHand = () => ({ state: acting.busy ? "busy" : "idle", run: fence.open?.run ?? null });
  const commands: Readonly<Record<string, (message: Msg) => void>> = {
    status: (message) =>
      void troubleOf(bus).then((trouble) =>
        answer(message, {
          ...inHand(),
          writer: bus.writer,
          updates: counters.counts,
          trouble,
          recovered: brief(last()),
        }),
      ),
    yield: (message) => {
      answer(message, { state: acting.busy ? "busy" : "yielded" });
      if (!acting.busy) yielded.abort();
    },
    repair: (message) => {
      if (acting.busy) answer(message, inHand());
      else void acting.alone(() => repair(updater, recover)).then((said) => answer(message, said));
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

const brief = ({ run, restored }: Recovery): object => ({
  run,
  stuck: restored.filter(({ end }) => end === "stuck").map(({ container }) => container),
  mended: restored.filter(({ end }) => end !== "stuck").map(({ container, run }) => ({ container, run })),
});

/** What keeps it from going on, in a sentence each. */
async function troubleOf({ hub, patience, lease }: Updater["bus"]): Promise<string[]> {
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
