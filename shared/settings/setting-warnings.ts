// Warns, once at the start, about variables and flags that are not read, or are read in a way their owner may not
// expect. Each warning is a sentence with the remedy. One table of checks. Pure but for values in files.
import { messageOf, reasonOf } from "../catalogue/entry.ts";
import { settingWarningTexts } from "../catalogue/start-warnings.ts";
import { guessSetting } from "./misspelt-settings.ts";
import { type Flags, readSettingText, readWatchtowerVariables } from "./read-settings.ts";
import { duration, names, sockets } from "./setting-values.ts";
import { type Setting, type SettingName, type Settings, settings } from "./settings.ts";

interface SettingTexts {
  readonly env: NodeJS.ProcessEnv;
  readonly flags: Flags;
  readonly read: Settings;
  /** The text of a setting; undefined where it is not given. */
  readonly text: (name: SettingName) => string | undefined;
}

const rows = Object.entries(settings) as [SettingName, Setting][];

const requirePartner =
  (name: SettingName, partner: SettingName) =>
  ({ text }: SettingTexts): string[] =>
    text(name) !== undefined && text(partner) === undefined
      ? [messageOf(settingWarningTexts.partnerMissing, { name, partner })]
      : [];

const checks: readonly ((given: SettingTexts) => readonly string[])[] = [
  ({ env }) => Object.keys(env).sort().flatMap(warnOfMisspelling),
  ({ text }) =>
    rows.flatMap(([name, { read }]) => {
      const list = read === names || read === sockets ? (text(name) ?? "") : "";
      return list.includes(",") ? [warnOfComma(name, list)] : [];
    }),
  ({ text, read }) => {
    const given = text("INTERVAL");
    const ms = duration.safeParse((given ?? "").trim()).data;
    return ms !== undefined && ms < read.INTERVAL
      ? [
          messageOf(settingWarningTexts.intervalTooShort, {
            given: given ?? "",
            seconds: read.INTERVAL / 1000,
          }),
        ]
      : [];
  },
  requirePartner("REPO_USER", "REPO_PASS"),
  requirePartner("REPO_PASS", "REPO_USER"),
  requirePartner("REPO_REGISTRY", "REPO_USER"),
  requirePartner("NATS_PASSWORD", "NATS_USER"),
  requirePartner("COOLDOWN_HOSTS", "COOLDOWN_AFTER"),
  ({ env }) =>
    rows
      .filter(([name]) => name !== "OUROBOROS_HOST") // compose.yaml always sets OUROBOROS_HOST_FILE as a fallback
      .filter(([name]) => isGiven(env[name]) && isGiven(env[`${name}_FILE`]))
      .map(([name]) => messageOf(settingWarningTexts.fileNotRead, { name })),
  ({ read: { LABELS_ONLY, LABEL_ENABLE } }) =>
    LABELS_ONLY && !LABEL_ENABLE ? [messageOf(settingWarningTexts.labelsOnly)] : [],
  ({ text, read }) =>
    text("INTERVAL") !== undefined && read.CRON !== undefined
      ? [messageOf(settingWarningTexts.intervalWithCron)]
      : [],
  ({ env, flags }) => readWatchtowerVariables(env, flags).ignored,
];

/** The warnings, in the order of the table. @throws where the file of a NAME_FILE cannot be read. */
export function settingWarnings(env: NodeJS.ProcessEnv, flags: Flags, read: Settings): readonly string[] {
  const text = (name: SettingName): string | undefined => readSettingText(env, flags, name);
  return checks.flatMap((check) => check({ env, flags, read, text }));
}

const isGiven = (text: string | undefined): boolean => text !== undefined && text.trim() !== "";

function warnOfMisspelling(name: string): string[] {
  const meant = guessSetting(name);
  return meant === undefined ? [] : [reasonOf(settingWarningTexts.misspelt, { name, meant })];
}

const warnOfComma = (name: SettingName, list: string): string =>
  settings[name].read === sockets
    ? messageOf(settingWarningTexts.socketsWithComma, { name, list: list.replace(/\s*,\s*/g, " ") })
    : messageOf(settingWarningTexts.listWithComma, { name, list: list.replace(/[\s,]+/g, " ") });
