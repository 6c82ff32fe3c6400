// Tells a swarm that is away for now from one that this node manages no more. While the Engine or the swarm is away,
// nothing can be done but wait; a node that was demoted would wait for ever.
import { reasonOf } from "../../../shared/catalogue/entry.ts";
import { serviceFailures } from "../../../shared/catalogue/swarm-reasons.ts";
import { isEngineUnreachable } from "../../../shared/docker/engine.ts";
import { Expired, explain } from "../../../shared/errors.ts";
import { hasLostRole, isSwarmAway } from "../../../shared/swarm/read-services.ts";
import type { Run } from "../updater.ts";

/** An Engine that starts says for a moment that it manages nothing. */
const DEMOTED_MS = 15_000;

/** The node was demoted, or left the swarm. */
export class NoManagerAnyMore extends Expired {
  constructor(options: ErrorOptions) {
    super(reasonOf(serviceFailures.noManagerAnyMore), options);
  }
}

export class SwarmAbsence {
  readonly #run: Pick<Run, "bus" | "log">;
  #isLogged = false;
  #lostRoleAt: number | undefined;

  constructor(run: Pick<Run, "bus" | "log">) {
    this.#run = run;
  }

  /**
   * Resolves where it is worth to wait.
   * @throws NoManagerAnyMore, and any error that is not about the Engine or the swarm being away.
   */
  async note(error: unknown): Promise<void> {
    const { bus, log } = this.#run;
    const isUnreachable = isEngineUnreachable(error);
    if (!isUnreachable && !isSwarmAway(error)) throw error;
    const isLost = !isUnreachable && (await hasLostRole(bus.host.engine).catch(() => false));
    const now = bus.clock.monotonic();
    this.#lostRoleAt = isLost ? (this.#lostRoleAt ?? now) : undefined;
    if (this.#lostRoleAt !== undefined && now - this.#lostRoleAt >= DEMOTED_MS)
      throw new NoManagerAnyMore({ cause: error });
    if (!this.#isLogged)
      log.warn({ because: explain(error) }, "the swarm does not answer; nothing is changed until it does");
    this.#isLogged = true;
  }

  /** It answers again. */
  end(): void {
    this.#isLogged = false;
    this.#lostRoleAt = undefined;
  }
}
