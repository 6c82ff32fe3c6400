// The moments of the updater's work, for programs that die at one: the effect is there, and nothing has recorded it.
//   step <name> of <container>           a step was done; `undone …` the same for its undo
//   record <kind> [<hook>] <container>   a record of the journal was stored
//   POST /containers/<id>/stop?…         the Engine has answered that it changed something
import Docker from "dockerode";
import { Journal } from "../../services/updater/journal/journal.ts";
import { allSteps, recreateSteps } from "../../services/updater/swap/swap-steps.ts";
import type { RecordBody } from "../../shared/contract/run-records.ts";

export interface CrashPointHooks {
  /** The work goes on when it resolves. */
  readonly onReached: (moment: string) => Promise<void>;
  /** A step that has no undo then. */
  readonly withoutUndo?: string | undefined;
}

/** For this whole process. */
export function instrumentCrashPoints(moments: CrashPointHooks): void {
  tellSteps(moments);
  tellRecords(moments);
  tellChanges(moments);
}

function tellSteps({ onReached, withoutUndo }: CrashPointHooks): void {
  for (const step of new Set([...allSteps, ...recreateSteps])) {
    const { name, do: act, undo } = step;
    Object.assign(step, {
      do: async (swap: Parameters<typeof act>[0]) => {
        await act(swap);
        await onReached(`step ${name} of ${swap.name}`);
      },
      ...(name === withoutUndo && { undo: undefined }),
      ...(undo &&
        name !== withoutUndo && {
          undo: async (swap: Parameters<typeof act>[0]) => {
            await undo(swap);
            await onReached(`undone ${name} of ${swap.name}`);
          },
        }),
    });
  }
}

function tellRecords({ onReached }: CrashPointHooks): void {
  const write = Journal.prototype.write; // eslint-disable-line @typescript-eslint/unbound-method
  Journal.prototype.write = async function (body: RecordBody) {
    const record = await write.call(this, body);
    const about = [body.kind, "hook" in body && body.hook, "container" in body && body.container];
    await onReached(["record", ...about.filter(Boolean)].join(" "));
    return record;
  };
}

type Answer = (error: unknown, ...rest: unknown[]) => void;
type Request = (
  options: { method: string; path: string },
  context: unknown,
  data: unknown,
  answer: Answer,
) => void;

const LEASE = /ouroboros-(?:acting|alive|waits|done)-/;

function tellChanges({ onReached }: CrashPointHooks): void {
  const modem = Object.getPrototypeOf(new Docker().modem) as { buildRequest: Request };
  const request = modem.buildRequest;
  modem.buildRequest = function (options, context, data, answer) {
    request.call(this, options, context, data, (error, ...rest) => {
      const path = options.path.replace(/^\/v[\d.]+/, "");
      const isOfLease = LEASE.test(path) || LEASE.test(String(data)); // it comes by the clock, too
      if (error !== null || options.method === "GET" || path.startsWith("/images/") || isOfLease)
        return answer(error, ...rest);
      void onReached(`${options.method} ${path}`).then(() => answer(error, ...rest));
    });
  };
}
