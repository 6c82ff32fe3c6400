// Starts the containers that the updater stopped, and retries each one by itself: a port that another process took,
// or an Engine that is away, delays a start without failing it and without keeping other containers down.
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
  /** The name or id, as the caller gave it. */
  readonly container: string;
  readonly because: string;
}

/** `containers`: names or ids. Resolves with those that cannot be started; each of them is one error in the log. */
export async function startWithRetries(
  context: StartContext,
  containers: readonly string[],
): Promise<NotStarted[]> {
  const starts = containers.map((container) => ({
    name: container,
    do: () => startWithParent(context, container),
  }));
  // The container that was stopped last starts first.
  const failures = await tryAll(starts.toReversed(), null, new SwapTimer(context));
  return failures.map(({ step: container, error }) => {
    const because = `dependency could not be started (${explain(error)}): once what stands in the way is gone, \`ouroboros repair\` or \`docker start ${container}\` starts it`;
    context.log.error({ container, because }, "dependency is down");
    return { container, because };
  });
}

/** A container in another one's network cannot start before that one: a crash of the host may have ended both. */
async function startWithParent(context: StartContext, id: string): Promise<void> {
  const inspect = await ifExists(context.engine.docker.getContainer(id).inspect());
  const [, parent] = /^container:(.+)/.exec(inspect?.HostConfig.NetworkMode ?? "") ?? [];
  if (parent !== undefined) await startStopped(context, parent);
  await startStopped(context, id);
}
