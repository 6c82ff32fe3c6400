// The updater, but it dies (SIGKILL, by itself) at moments of its work: the effect is there, and nothing has recorded
// it. A moment is told as a line:
//   step <name> of <container>           a step was done; `undone …` the same for its undo
//   record <kind> [<hook>] <container>   a record of the journal was stored
//   POST /containers/<id>/stop?…         the Engine has answered that it changed something
// DIE_AT holds patterns of such lines (JSON): whatever comes to one of them stays there, and when all have been met the
// process dies. DIE_AFTER is the same for one step of any container, DIE_AT_CHANGE=n for the n-th change of the Engine.
// DIE_BY=SIGSTOP puts it to sleep instead; woken up it goes on. WITHOUT_UNDO names a step that has none then.
import { once } from "node:events";
import Docker from "dockerode";
import { recreateSteps } from "../../services/updater/swap/dependants.ts";
import { Journal } from "../../services/updater/journal/journal.ts";
import { runUpdater } from "../../services/updater/run.ts";
import { swapSteps } from "../../services/updater/swap/swap-steps.ts";
import type { RecordBody } from "../../shared/run-records.ts";
import { runService } from "../../shared/run-service.ts";

const { DIE_AT = "[]", DIE_AFTER, DIE_AT_CHANGE, DIE_BY = "SIGKILL", WITHOUT_UNDO } = process.env;
const patterns = [
  ...(JSON.parse(DIE_AT) as string[]),
  ...(DIE_AFTER === undefined ? [] : [`step ${DIE_AFTER} of .*`]),
].map((pattern) => new RegExp(`^${pattern}$`));
const met = new Set<RegExp>();
const wake = new AbortController();
const woken = once(wake.signal, "abort");
let changes = 0;

async function come(moment: string): Promise<void> {
  const pattern = patterns.find((one) => !met.has(one) && one.test(moment));
  if (pattern === undefined) return;
  met.add(pattern);
  if (met.size === patterns.length) end();
  await woken;
}

function end(): void {
  process.kill(process.pid, DIE_BY);
  wake.abort();
}

for (const step of new Set([...swapSteps, ...recreateSteps])) {
  const { name, do: act, undo } = step;
  Object.assign(step, {
    do: async (swap: Parameters<typeof act>[0]) => {
      await act(swap);
      await come(`step ${name} of ${swap.name}`);
    },
    ...(name === WITHOUT_UNDO && { undo: undefined }),
    ...(undo &&
      name !== WITHOUT_UNDO && {
        undo: async (swap: Parameters<typeof act>[0]) => {
          await undo(swap);
          await come(`undone ${name} of ${swap.name}`);
        },
      }),
  });
}

const write = Journal.prototype.write; // eslint-disable-line @typescript-eslint/unbound-method
Journal.prototype.write = async function (body: RecordBody) {
  const record = await write.call(this, body);
  const about = [body.kind, "hook" in body && body.hook, "container" in body && body.container];
  await come(["record", ...about.filter(Boolean)].join(" "));
  return record;
};

type Answer = (error: unknown, ...rest: unknown[]) => void;
type Request = (
  options: { method: string; path: string },
  context: unknown,
  data: unknown,
  answer: Answer,
) => void;

const modem = Object.getPrototypeOf(new Docker().modem) as { buildRequest: Request };
const request = modem.buildRequest;
modem.buildRequest = function (options, context, data, answer) {
  request.call(this, options, context, data, (error, ...rest) => {
    const path = options.path.replace(/^\/v[\d.]+/, "");
    if (error !== null || options.method === "GET" || path.startsWith("/images/"))
      return answer(error, ...rest);
    if (++changes === Number(DIE_AT_CHANGE)) end();
    void come(`${options.method} ${path}`).then(() => answer(error, ...rest));
  });
};

await runService("updater", [], runUpdater);
