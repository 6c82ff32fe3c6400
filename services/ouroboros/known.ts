// `ouroboros known`: the names that completion offers beside fixed words. Silent where it cannot tell them: nobody
// wants an error under the cursor.
import type { CompletedValue } from "./command.ts";
import { PollerStatus, allSeen } from "./explanation.ts";
import { type Fleet, askService, hostsOf, keysOf, withFleet } from "./fleet.ts";
import { undecidedOn } from "./pending.ts";
import type { Terminal } from "./terminal.ts";

const lists: Readonly<Record<CompletedValue, (fleet: Fleet) => Promise<string[]>>> = {
  hosts: hostsOf,
  participants: ({ participants }) => keysOf(participants),
  containers: async (fleet) => {
    const said = await Promise.all(
      (await hostsOf(fleet)).map((host) => askService(fleet, host, ["poller", "status"])),
    );
    return said.flatMap((one) => {
      const status = PollerStatus.safeParse(one);
      return status.success ? allSeen(status.data).map(({ container }) => container) : [];
    });
  },
  events: async (fleet) => {
    const undecided = await Promise.all((await hostsOf(fleet)).map((host) => undecidedOn(fleet, host)));
    return undecided
      .flat()
      .flatMap(({ event, container }) => (container === null ? [event] : [container, event]));
  },
};

/** Resolves with the exit code. */
export async function printKnown([kind = ""]: readonly string[], terminal: Terminal): Promise<number> {
  const list = Object.hasOwn(lists, kind) ? lists[kind as CompletedValue] : undefined;
  try {
    const names = list === undefined ? [] : await withFleet(terminal, list);
    for (const name of new Set(names)) terminal.stdout.write(`${name}\n`);
    return 0;
  } catch {
    return 1;
  }
}
