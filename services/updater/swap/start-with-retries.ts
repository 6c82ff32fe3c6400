// Starting what the updater itself stopped. What stands in the way for a moment, a port that a third process took or an
// Engine that is away, keeps it down for that moment only, and nobody else with it.
import type { Logger } from "pino";
import type { Clock } from "../../../shared/clock.ts";
import { type Engine, ifExists } from "../../../shared/docker/engine.ts";
import { explain } from "../../../shared/errors.ts";
import { tryAll } from "./saga.ts";
import { startStopped } from "../containers/start-stopped.ts";
import { SwapTimer } from "./swap-timer.ts";

export interface StartContext {
  readonly engine: Engine;
  readonly clock: Clock;
  readonly log: Logger;
  readonly hardStop: AbortSignal;
}

interface NotStarted {
  /** As it was given. */
  readonly container: string;
  readonly because: string;
}

/** By name or id. Resolves, when all run that can be started, with the others; each of them is one error in the log. */
export async function startWithRetries(
  it: StartContext,
  containers: readonly string[],
): Promise<NotStarted[]> {
  const starts = containers.map((container) => ({
    name: container,
    do: () => startWithParent(it, container),
  }));
  const failures = await tryAll(starts.toReversed(), null, new SwapTimer(it)); // what was stopped last comes first
  return failures.map(({ step: container, error }) => {
    const because = `dependency could not be started (${explain(error)}): once what stands in the way is gone, \`ouroboros repair\` or \`docker start ${container}\` starts it`;
    it.log.error({ container, because }, "dependency is down");
    return { container, because };
  });
}

/** One that lives in the network of another cannot start without it: a crash of the host may have ended both. */
async function startWithParent(it: StartContext, id: string): Promise<void> {
  const inspect = await ifExists(it.engine.docker.getContainer(id).inspect());
  const [, parent] = /^container:(.+)/.exec(inspect?.HostConfig.NetworkMode ?? "") ?? [];
  if (parent !== undefined) await startStopped(it, parent);
  await startStopped(it, id);
}
