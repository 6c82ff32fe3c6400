// The services of a host as their owner has them run: who ends is started again, as `restart: always` does it.
import { setTimeout as sleep } from "node:timers/promises";
import { bedCommand } from "../../bed/bed.ts";
import type { Process, ServiceName, Stack } from "../../support/stack.ts";

const STARTS_AGAIN_MS = 500;

export class Supervisor implements AsyncDisposable {
  readonly #stack: Stack;
  readonly #all: { readonly name: ServiceName; readonly process: Process }[] = [];
  readonly #keeping: Promise<void>[] = [];
  #isOver = false;
  /** Held back while somebody ends them on purpose. */
  readonly #held = new Map<ServiceName, Promise<void>>();
  /** Ends that nobody asked for: `updater 1`. */
  readonly ends: string[] = [];

  constructor(stack: Stack) {
    this.#stack = stack;
    for (const name of ["updater", "hook-executor", "poller"] as const) this.#keeping.push(this.#keep(name));
  }

  async #keep(name: ServiceName): Promise<void> {
    while (!this.#isOver) {
      const process = this.#stack.start(name);
      this.#all.push({ name, process });
      const end = await process.exited;
      const held = this.#held.get(name);
      if (held === undefined && !this.#isOver) this.ends.push(`${name} ${end}`);
      await (held ?? sleep(STARTS_AGAIN_MS));
    }
  }

  /** Ends it, and lets it start again after `downMs`. */
  async end(name: ServiceName, signal: NodeJS.Signals, downMs: number): Promise<void> {
    await this.#while([name], async () => {
      await this.#kill([name], signal);
      await sleep(downMs);
    });
  }

  /** The whole machine loses its power, NATS with it, and comes back. */
  async cutPower(host: number, downMs: number): Promise<void> {
    const names = ["updater", "hook-executor", "poller"] as const;
    await this.#while(names, async () => {
      await Promise.all([
        bedCommand("cut", String(host)),
        this.#kill(names, "SIGKILL"),
        this.#stack.server.kill(),
      ]);
      await sleep(downMs);
      await Promise.all([bedCommand("boot", String(host)), this.#stack.server.restart()]);
    });
  }

  async #while(names: readonly ServiceName[], work: () => Promise<void>): Promise<void> {
    const working = work();
    const over = working.catch(() => undefined);
    for (const name of names) this.#held.set(name, over);
    await working.finally(() => {
      for (const name of names) this.#held.delete(name);
    });
  }

  async #kill(names: readonly ServiceName[], signal: NodeJS.Signals): Promise<void> {
    for (const name of names) {
      const process = this.#stack.services[name];
      process?.kill(signal);
      const late = setTimeout(() => process?.kill("SIGKILL"), 20_000);
      await process?.exited;
      clearTimeout(late);
    }
  }

  /** What the processes of this name wrote, one after the other. */
  log(name: ServiceName): string {
    return this.#all
      .filter((one) => one.name === name)
      .map(({ process }) => process.log())
      .join("\n");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    await Promise.all(Object.values(this.#stack.services).map((one) => one[Symbol.asyncDispose]()));
    await Promise.all(this.#keeping);
  }
}
