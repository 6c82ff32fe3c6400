// What `ouroboros snooze` has silenced: containers and images, each until a time. Whatever needs a person is told even so.
import { parseJson } from "../../shared/contract/messages.ts";
import { SnoozeEntry, snoozeKey } from "../../shared/contract/notifier-state.ts";
import type { Observing } from "../../shared/runtime/run-observer.ts";
import type { Notification } from "./notification.ts";

const NEVER_SILENT: readonly string[] = ["stuck", "waiting", "startup", "test"];

export async function isSnoozed(
  { state }: Pick<Observing, "state">,
  { kind, name, image }: Notification,
  now: number,
): Promise<boolean> {
  if (NEVER_SILENT.includes(kind)) return false;
  for (const what of [name, image]) {
    if (what === undefined || what === "") continue;
    const entry = await state.get(snoozeKey(what));
    const text = entry?.operation === "PUT" ? entry.string() : "";
    if ((SnoozeEntry.safeParse(parseJson(text)).data?.until ?? 0) > now) return true;
  }
  return false;
}
