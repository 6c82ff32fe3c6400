// The table of the container labels that users may set; docs/labels.md is printed from it.

interface Label {
  readonly says: string;
  /**
   * Whether it affects more than its own container, or lets an image decide whether and to what it is updated: then it does
   * not count where it comes from the image (effective-labels.ts).
   */
  readonly reaches?: true | ((value: string) => boolean);
}

export const labels = {
  "com.ouroboros.enable": {
    says: "`true` or `yes`: watch this container; anything else: leave it alone. Read only with LABEL_ENABLE, and then it beats MONITOR and IGNORE.",
  },
  "com.ouroboros.depends_on": {
    reaches: true,
    says: "Comma-separated names (or ids) of containers that are stopped before this one is updated and started again afterwards. The inverse of compose's `depends_on`.",
  },
  "com.ouroboros.hard_depends_on": {
    reaches: true,
    says: "The same, but recreated instead of started. A name in both lists counts as hard.",
  },
  "com.ouroboros.stop_signal": {
    says: "The signal that stops this container instead of its own, for example `SIGINT`.",
  },
  "com.ouroboros.health_timeout": {
    reaches: true,
    says: "How long its successor may take to become healthy, and after that to pass `com.ouroboros.check`: a number of seconds, or a number with `ms`, `s`, `m`, `h`, `d` or `w`; a day at most. Beats HEALTH_TIMEOUT.",
  },
  "com.ouroboros.settle_time": {
    reaches: true,
    says: "How long its successor, where it has no healthcheck, must run without a restart; a day at most. Beats SETTLE_TIME.",
  },
  "com.ouroboros.check": {
    reaches: (value) => !/^\s*exec:/.test(value),
    says: "A check of its successor from outside, once that is healthy or has settled: `http://container:PORT/PATH` or `https://container:PORT/PATH` (a status below 400 passes), `tcp://container:PORT` (a connection passes) or `exec:COMMAND` (run in it by `/bin/sh -c`; exit code 0 passes). `container` stands for its first IP address, whose certificate is not checked; another host name is taken as it is. Asked from where the updater runs, every second and at most 5 s each time, until it passes or its health timeout (30 s without a healthcheck) is over: then the old container is put back. While this label cannot be understood the container is left alone.",
  },
  "com.ouroboros.cooldown": {
    reaches: true,
    says: "How long a new image must have been on its tag before this container is updated to it: a number of seconds, or a number with `ms`, `s`, `m`, `h`, `d` or `w`; `0` for at once. Beats COOLDOWN. While this label cannot be understood the container is left alone. See [versions](versions.md).",
  },
  "com.ouroboros.tag_policy": {
    reaches: true,
    says: "Which later tags of its image this container moves to, as TAG_POLICY, which it beats: `same`, `semver:^1.4`, `semver+pre:^1.4`, `newest`, `newest:2026.*`, `regex:PATTERN`. While this label cannot be understood the container is left alone. See [versions](versions.md#tag-policies).",
  },
  "com.ouroboros.role": {
    reaches: true,
    says: "Marks a part of Ouroboros itself (`poller`, `updater`, `hook-executor`, `nats`): it is left alone without SELF_UPDATE, and `nats` always. Where the image alone says so, always, too.",
  },
} as const satisfies Record<string, Label>;

export type LabelName = keyof typeof labels;
export type Labels = Readonly<Record<string, string>>;

export const labelOf = (all: Labels, name: LabelName): string | undefined => all[name];

/** The names in a comma-separated label, without blanks and empty parts. */
export const readNameList = (all: Labels, name: LabelName): string[] =>
  (all[name] ?? "")
    .split(",")
    .map((part) => part.trim().replace(/^\//, ""))
    .filter((part) => part !== "");

export const isYes = (text: string | undefined): boolean => /^(?:true|yes)$/i.test((text ?? "").trim());
