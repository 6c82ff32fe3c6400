// The stricter of the plan's mode and the updater's own mode applies. Pure.
import type { Mode } from "../../../shared/contract/hooks.ts";

const STRICTNESS: Readonly<Record<Mode, number>> = { update: 0, monitor: 1, dry_run: 2 };
const strictest = (first: Mode, second: Mode): Mode =>
  STRICTNESS[first] >= STRICTNESS[second] ? first : second;
const ownMode = (settings: ModeSettings): Mode =>
  settings.DRY_RUN ? "dry_run" : settings.MONITOR_ONLY ? "monitor" : "update";
interface ModeSettings {
  readonly DRY_RUN: boolean;
  readonly MONITOR_ONLY: boolean;
}

export const effectiveMode = ({ mode }: { readonly mode: Mode }, settings: ModeSettings): Mode =>
  strictest(mode, ownMode(settings));
