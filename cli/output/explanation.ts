// Prints why a container was or was not updated, for `ouroboros explain`. Pure.
import { remedyOf } from "../../shared/catalogue/entry.ts";
import { skipReasons } from "../../shared/catalogue/skip-reasons.ts";
import type { Explanation } from "./output-schemas.ts";
import { saidText } from "./said.ts";
import { endCell } from "../commands/history.ts";
import { type Terminal, sanitize, paint, printFields } from "../framework/terminal.ts";
import type { TagReport } from "../../shared/contract/payloads.ts";
import { holderOf } from "../../shared/contract/held-entry.ts";
import { reasonOfEnd } from "../../shared/contract/update-end.ts";
import { formatAgo, formatRelative } from "../../shared/runtime/time-text.ts";

export function printExplanation(terminal: Terminal, explanation: Explanation): void {
  const { container, host, image, because, remedy, polled_at, tag, held, said, last } = explanation;
  const now = terminal.clock.now();
  terminal.stdout.write(
    `${paint(terminal, sanitize(container), "bold")} on ${sanitize(`${host}, ${image}`)}\n`,
  );
  printFields(terminal, [
    ["checked", `${because} (${formatAgo(polled_at, now)})`],
    ["tag", tag && describeTag(tag)],
    ["passed over", tag && (describePassedOver(tag) || undefined)],
    [
      "held",
      held === null
        ? undefined
        : `${held.digest}, ${holdEndText(held.until, now)}: ${held.because} (${holderOf(held)})`,
    ],
    ["said", said.length === 0 ? undefined : saidText(said)],
    ["last run", last === null ? undefined : endCell(last)],
    [
      "because",
      last === null ? undefined : `${reasonOfEnd(last)} (${formatAgo(last.at, now)}, run ${last.run})`,
    ],
    ["to do", remedy ?? (held === null ? undefined : remedyOf(skipReasons.held, { container }))],
  ]);
}

function describeTag({ own, follows, policy, is_unordered }: TagReport): string {
  if (is_unordered === true) return `${own}, which is no version: ${policy} takes no other`;
  return follows === own ? `${own}: ${policy} takes no later one` : `${own} → ${follows}, by ${policy}`;
}

const describePassedOver = ({ passed_over }: TagReport): string =>
  passed_over.map(({ tag, because }) => `${tag} (${because})`).join(", ");

const holdEndText = (until: number | null, now: number): string =>
  until === null ? "until the tag changes" : `tried again ${formatRelative(until, now)}`;
