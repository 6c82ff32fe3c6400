// What a start, or the first look at the containers, finds odd and goes on with. Pure data.
import type { Catalogue } from "./entry.ts";

export const settingWarningTexts = {
  misspelt: {
    says: "{name} is no setting and is not read; did you mean {meant}?",
    cause: "The variable looks like one of Ouroboros.",
    remedy: "rename it, or unset it",
  },
  partnerMissing: {
    says: "{name} without {partner} is not used",
    cause: "Each of the two is of use only with the other.",
    remedy: "set {partner} too, or unset {name}",
  },
  listWithComma: {
    says: "{name} has a comma, which is read as a blank",
    cause: "Lists are separated by blanks, as in Ouroboros 1.",
    remedy: 'its words are separated by blanks, as in {name}="{list}"',
  },
  socketsWithComma: {
    says: "{name} has a comma",
    cause: "Lists are separated by blanks, as in Ouroboros 1.",
    remedy: 'its entries are separated by blanks, as in {name}="{list}"',
  },
  intervalTooShort: {
    says: "INTERVAL {given} is too short",
    cause: "More requests would use up the rate limits of registries.",
    remedy: "{seconds} s is taken, the shortest there is",
  },
  fileNotRead: {
    says: "{name}_FILE is not read",
    cause: "A setting and its file are given, and the setting takes precedence. Unset one of the two.",
    remedy: "{name} is set",
  },
  labelsOnly: {
    says: "LABELS_ONLY without LABEL_ENABLE watches nothing",
    cause: "LABELS_ONLY leaves it to the labels, which only LABEL_ENABLE reads.",
    remedy: "set LABEL_ENABLE=true too",
  },
  intervalWithCron: {
    says: "INTERVAL is not read",
    cause: "CRON and INTERVAL are set; unset one of the two.",
    remedy: "CRON says when to check",
  },
} as const satisfies Catalogue;

export const containerWarningTexts = {
  labelNotRead: {
    says: "label {label} is not read",
    cause: "Labels that switch updates on or off, and those of other updaters, are read only if asked for.",
    remedy: "set {setting} to have it read",
  },
  labelUnknown: {
    says: "label {label} is no label of Ouroboros{nearest}",
    cause: "The label is misspelt, or of another version.",
    remedy: "look at docs/labels.md, which lists those there are",
  },
  labelUnusable: {
    says: "left alone: {because}",
    cause:
      "Without what the label asks for, an update would not be the one that the container's owner wants.",
    remedy: "correct the label, and recreate the container",
  },
  nameUnknown: {
    says: "{where} names {name}, but there is no such container{nearest}",
    cause: "The name is misspelt, or the container was removed. In IGNORE such a name does no harm.",
    remedy: "correct the name, or remove it",
  },
} as const satisfies Catalogue;
