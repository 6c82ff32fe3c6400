// The updater, but it dies (SIGKILL, by itself) at moments of its work (crash-points.ts). DIE_AT holds patterns of them (JSON):
// whatever comes to one of them stays there, and when all have been met the process dies. DIE_AFTER is the same for one
// step of any container, DIE_AT_CHANGE=n for the n-th change of the Engine. DIE_BY=SIGSTOP puts it to sleep instead;
// woken up it goes on. WITHOUT_UNDO names a step that has none then.
import { once } from "node:events";
import { runUpdater } from "../../services/updater/run.ts";
import { runService } from "../../shared/runtime/run-service.ts";
import { instrumentCrashPoints } from "./crash-points.ts";

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
  const isChange = /^[A-Z]+ \//.test(moment);
  if (isChange && ++changes === Number(DIE_AT_CHANGE)) end();
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

instrumentCrashPoints({ onReached: come, withoutUndo: WITHOUT_UNDO });
void runService("updater", [], runUpdater);
