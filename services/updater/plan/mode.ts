// Of the modes of plan and updater the stricter one counts. Pure.
import type { Mode } from "../../../shared/contract/hooks.ts";

const STRICTNESS: Readonly<Record<Mode, number>> = { update: 0, monitor: 1, dry_run: 2 };
const strictest = (one: Mode, other: Mode): Mode => (STRICTNESS[one] >= STRICTNESS[other] ? one : other);
const ownMode = (settings: ModeSettings): Mode =>
  settings.DRY_RUN ? "dry_run" : settings.MONITOR_ONLY ? "monitor" : "update";
interface ModeSettings {
  readonly DRY_RUN: boolean;
  readonly MONITOR_ONLY: boolean;
}

export const effectiveMode = ({ mode }: { readonly mode: Mode }, settings: ModeSettings): Mode =>
  strictest(mode, ownMode(settings));
