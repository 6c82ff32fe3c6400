// The container labels people may set, in one table; docs/labels.md is printed from it.

interface Label {
  readonly says: string;
}

export const labels = {
  "com.ouroboros.enable": {
    says: "`true` or `yes`: watch this container; anything else: leave it alone. Read only with LABEL_ENABLE, and then it beats MONITOR and IGNORE.",
  },
  "com.ouroboros.depends_on": {
    says: "Comma-separated names (or ids) of containers that are stopped before this one is updated and started again afterwards. The inverse of compose's `depends_on`.",
  },
  "com.ouroboros.hard_depends_on": {
    says: "The same, but recreated instead of started. A name in both lists counts as hard.",
  },
  "com.ouroboros.stop_signal": {
    says: "The signal that stops this container instead of its own, for example `SIGINT`.",
  },
  "com.ouroboros.role": {
    says: "Marks a part of Ouroboros itself (`poller`, `updater`, `hook-executor`, `nats`): it is left alone.",
  },
} as const satisfies Record<string, Label>;

export type LabelName = keyof typeof labels;
type Labels = Readonly<Record<string, string>>;

export const labelOf = (all: Labels, name: LabelName): string | undefined => all[name];

/** Names in a comma-separated label; blanks and empty parts are dropped. */
export const namesIn = (all: Labels, name: LabelName): string[] =>
  (all[name] ?? "")
    .split(",")
    .map((part) => part.trim().replace(/^\//, ""))
    .filter((part) => part !== "");

export const isYes = (text: string | undefined): boolean => /^(?:true|yes)$/i.test((text ?? "").trim());
