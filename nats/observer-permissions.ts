// What observers may beside their commands: to read, and some to decide. Pure.
import { SNOOZE_KEYS } from "../shared/contract/notifier-state.ts";
import { OPERATOR } from "../shared/contract/participants.ts";
import { BUCKETS, STREAMS, consumers } from "../shared/contract/subjects.ts";
import { type Permission, kv, onApi, onSubject, pullPermissions } from "./permission-rows.ts";

/** Of an observer that reads all events and the journal. */
export const readingPermissions = (name: string): Permission[] => [
  ...pullPermissions(STREAMS.hooks, consumers.reader(name), "events"),
  ...pullPermissions(STREAMS.runs, consumers.reader(name), "the journal"),
  onApi(`STREAM.MSG.GET.${STREAMS.runs}`, "whether something is still waited for"),
  onApi(`STREAM.MSG.GET.${kv(BUCKETS.held)}`, "what is held"),
  onSubject(`$KV.${BUCKETS.observers}.${name}.>`, "what it remembers"),
  onApi(`STREAM.MSG.GET.${kv(BUCKETS.observers)}`, "what it remembers"),
  onApi(`STREAM.INFO.${kv(BUCKETS.observers)}`, "whether its bucket is there"),
];

/** Of an observer whose users decide as an operator does, and see of whom an answer is awaited. */
export const decidingPermissions = (): Permission[] => [
  onSubject(`ouroboros.verdict.*.${OPERATOR}.*`, "what its users decide"),
  onSubject("ouroboros.command.*.updater.status", "whether an updater acts on a host"),
  onSubject(`$KV.${BUCKETS.observers}.${SNOOZE_KEYS}`, "what its users silence"),
  onApi(`STREAM.MSG.GET.${STREAMS.hooks}`, "what an event is about"),
  onApi(`STREAM.MSG.GET.${kv(BUCKETS.ledger)}`, "which digests hosts have seen on tags"),
  onApi(`STREAM.MSG.GET.${STREAMS.verdicts}`, "verdicts"),
  onApi(`STREAM.MSG.GET.${kv(BUCKETS.participants)}`, "who is asked"),
  ...[STREAMS.runs, STREAMS.verdicts, ...[BUCKETS.hosts, BUCKETS.held, BUCKETS.participants].map(kv)].map(
    (stream) => onApi(`STREAM.INFO.${stream}`, "whether it is still the same"),
  ),
];
