// The settings as fields of a point, named and typed as Ouroboros 1 writes them, without what is secret. Pure.
import {
  type Setting,
  type SettingName,
  type Settings,
  settings as table,
} from "../../shared/settings/settings.ts";
import { duration, grace, interval, optionalDuration } from "../../shared/settings/setting-values.ts";

export type FieldValue = string | number | boolean;

const DURATIONS: readonly unknown[] = [duration, optionalDuration, interval, grace];
/** An address with a user's name or a password in it. */
const HAS_CREDENTIALS = /\/\/[^/\s]*@/;

/** Lists are joined by blanks, durations are in seconds, -1 stands for always; what is not set is left out. */
export function configurationFields(settings: Settings): Readonly<Record<string, FieldValue>> {
  return Object.fromEntries(
    Object.entries<Setting>(table)
      .filter(([, { secret }]) => secret !== true)
      .flatMap(([name, { read }]) => {
        const value = fieldValue(settings[name as SettingName], DURATIONS.includes(read));
        return value === undefined ? [] : [[name.toLowerCase(), value] as const];
      }),
  );
}

function fieldValue(value: unknown, isDuration: boolean): FieldValue | undefined {
  if (typeof value === "boolean") return value;
  if (typeof value === "number")
    return Number.isFinite(value) ? Math.round(isDuration ? value / 1000 : value) : -1;
  const text = Array.isArray(value) ? value.join(" ") : value;
  return typeof text === "string" && text !== "" && !HAS_CREDENTIALS.test(text) ? text : undefined;
}
