/**
 * Whose keys the adversary has, one after the other: every role but the operator's, of two hosts, two participants and all
 * observers.
 */
import type { User } from "../../nats/permissions.ts";
import { observerNames } from "../../shared/contract/observers.ts";

export const adversaries: readonly User[] = [
  ...["web01", "web.02"].flatMap((name) =>
    (["poller", "updater", "exec"] as const).map((role) => ({ role, name })),
  ),
  { role: "participant", name: "a" },
  { role: "participant", name: "b" },
  { role: "watcher", name: "eye" },
  { role: "reader", name: "log" },
  ...observerNames.toReversed().map((name) => ({ role: "observer" as const, name })), // who has most rights first
];
