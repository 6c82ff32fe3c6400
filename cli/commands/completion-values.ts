// `ouroboros known`: prints the changing names that completion offers. It prints no errors, which would appear at the
// cursor.
import type { CompletionKind } from "../framework/command.ts";
import { PollerStatus, listPolledContainers } from "../../shared/contract/service-status.ts";
import { type Fleet, listHosts, listKeys, withFleet } from "../fleet/fleet.ts";
import { askService } from "../../shared/nats/ask-service.ts";
import { findUndecidedRecords } from "./pending.ts";
import type { Terminal } from "../framework/terminal.ts";

const completionSources: Readonly<Record<CompletionKind, (fleet: Fleet) => Promise<string[]>>> = {
  hosts: listHosts,
  participants: ({ participants }) => listKeys(participants),
  containers: async (fleet) => {
    const replies = await Promise.all(
      (await listHosts(fleet)).map((host) => askService(fleet, host, ["poller", "status"])),
    );
    return replies.flatMap((reply) => {
      const status = PollerStatus.safeParse(reply);
      return status.success ? listPolledContainers(status.data).map(({ container }) => container) : [];
    });
  },
  events: async (fleet) => {
    const undecided = await Promise.all(
      (await listHosts(fleet)).map((host) => findUndecidedRecords(fleet, host)),
    );
    return undecided
      .flat()
      .flatMap(({ event, container }) => (container === null ? [event] : [container, event]));
  },
};

/** Resolves with the exit code. */
export async function printCompletionValues(
  [kind = ""]: readonly string[],
  terminal: Terminal,
): Promise<number> {
  const list = Object.hasOwn(completionSources, kind) ? completionSources[kind as CompletionKind] : undefined;
  try {
    const names = list === undefined ? [] : await withFleet(terminal, list);
    for (const name of new Set(names)) terminal.stdout.write(`${name}\n`);
    return 0;
  } catch {
    return 1;
  }
}
