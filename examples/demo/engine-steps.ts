// What the Engine's own event stream says of swaps: each call of the updater that changed something, and how long a
// container was down. Engine API: SystemEvents.
import * as z from "zod";
import { parseSwapName } from "../../shared/containers/swap-names.ts";

export const EngineEvent = z.object({
  Action: z.string(),
  Actor: z.object({ ID: z.string(), Attributes: z.object({ name: z.string() }) }),
  timeNano: z.number(),
});
export type EngineEvent = z.infer<typeof EngineEvent>;

export interface EngineStep {
  readonly container: string;
  readonly step: string;
  /** What it took, as far as the Engine's event before it tells. */
  readonly ms: number | undefined;
  readonly down_ms: number | undefined;
}

interface ShownSwap {
  readonly successor: string;
  /** Milliseconds, the Engine's clock. */
  last: number | undefined;
}

export class EngineSteps {
  readonly #swaps = new Map<string, ShownSwap>();
  readonly #downSince = new Map<string, number>();
  readonly #downFor = new Map<string, number>();
  readonly #restarts = new Map<string, number>();

  /** How long the swap that ended kept the container down, if it did. Milliseconds. */
  takeDowntime(container: string): number | undefined {
    const ms = this.#downFor.get(container);
    if (ms !== undefined) this.#downSince.delete(container);
    this.#downFor.delete(container);
    return ms;
  }

  /** The same of a container that was only stopped and started again. */
  takeRestart(container: string): number | undefined {
    const ms = this.#restarts.get(container);
    this.#restarts.delete(container);
    return ms;
  }

  /** Undefined for what is no step of a swap. */
  take({
    Action: action,
    Actor: {
      ID: id,
      Attributes: { name },
    },
    timeNano,
  }: EngineEvent): EngineStep | undefined {
    const at = timeNano / 1e6;
    const parsed = parseSwapName(name);
    const container = parsed?.name ?? name;
    if (action === "create" && parsed?.part === "successor")
      this.#swaps.set(container, { successor: id, last: undefined });
    const swap = this.#swaps.get(container);
    const who = swap?.successor === id ? "successor" : "old";
    const down = this.#down(container, `${action} ${who}`, at);
    if (swap === undefined) return undefined;
    const step = STEPS[`${action} ${who}`]?.(parsed !== undefined);
    const ms = swap.last === undefined || UNMEASURED.includes(action) ? undefined : rounded(at - swap.last);
    if (step !== undefined || action === "kill") swap.last = at;
    if (action === "destroy") this.#swaps.delete(container);
    return step === undefined ? undefined : { container, step, ms, down_ms: down };
  }

  /** Down since the old container died, until the last start of what bears its name. */
  #down(container: string, what: string, at: number): number | undefined {
    if (what === "die old" && !this.#downSince.has(container)) this.#downSince.set(container, at);
    const since = this.#downSince.get(container);
    if (since === undefined || !what.startsWith("start ")) return undefined;
    const ms = rounded(at - since);
    if (this.#swaps.has(container)) this.#downFor.set(container, ms);
    else {
      this.#restarts.set(container, ms);
      this.#downSince.delete(container);
    }
    return ms;
  }
}

const rounded = (ms: number): number => Math.round(ms * 10) / 10;

/** Between these and the event before them others had their say. */
const UNMEASURED = ["create", "destroy"];

/** By action and whose; `swapName`: the container bears, from now on, a name that only swaps give. */
const STEPS: Readonly<Record<string, (swapName: boolean) => string>> = {
  "create successor": () => "create the successor",
  "die old": () => "stop the old container",
  "rename old": (swapName) => (swapName ? "move its name aside" : "give the old container its name back"),
  "rename successor": (swapName) => (swapName ? "take the name back" : "give the name to the successor"),
  "start successor": () => "start the successor",
  "health_status: unhealthy successor": () => "the successor is unhealthy",
  "die successor": () => "stop the successor",
  "start old": () => "start the old container again",
  "destroy successor": () => "remove the successor",
  "destroy old": () => "remove the old container",
};
