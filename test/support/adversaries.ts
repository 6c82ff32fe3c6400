/** Whose keys the adversary has, one after the other: every role but the operator's, of two hosts and two participants. */
import type { User } from "../../nats/permissions.ts";

export const adversaries: readonly User[] = [
  ...["web01", "web.02"].flatMap((name) =>
    (["poller", "updater", "exec"] as const).map((role) => ({ role, name })),
  ),
  { role: "participant", name: "a" },
  { role: "participant", name: "b" },
  { role: "watcher", name: "eye" },
  { role: "reader", name: "log" },
];
