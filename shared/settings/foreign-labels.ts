// The table of other updaters' labels that COMPAT_LABELS turns on; docs/labels.md is printed from it.
// watchtower: https://containrrr.dev/watchtower/container-selection/, …/lifecycle-hooks/, …/linked-containers/.
import type { COMPATIBLE } from "./setting-values.ts";

export const WATCHTOWER = "com.centurylinklabs.watchtower";

export const foreignLabels = {
  [`${WATCHTOWER}.enable`]: {
    of: "watchtower",
    says: "`false`: leave this container alone. `true`: watch it, also where LABEL_ENABLE asks for a label.",
  },
  [`${WATCHTOWER}.monitor-only`]: {
    of: "watchtower",
    says: "`true`: never update this container; `check` and `explain` show that there is a newer image.",
  },
  [`${WATCHTOWER}.stop-signal`]: { of: "watchtower", says: "As `com.ouroboros.stop_signal`." },
  [`${WATCHTOWER}.depends-on`]: {
    of: "watchtower",
    reaches: true,
    says: "Comma-separated names of containers this one needs: when one of them is updated, this one is stopped before and started again afterwards.",
  },
  [`${WATCHTOWER}.lifecycle.pre-update`]: {
    of: "watchtower",
    says: "Command that is run in this container by `sh -c` before it is replaced, after `before_update` was agreed to. Exit code 75 puts the update off; any other failure is logged, and the update goes on.",
  },
  [`${WATCHTOWER}.lifecycle.post-update`]: {
    of: "watchtower",
    says: "The same in the new container, after it has proved itself and `after_update` was agreed to; a failure is logged.",
  },
  [`${WATCHTOWER}.lifecycle.pre-update-timeout`]: {
    of: "watchtower",
    reaches: true,
    says: "Minutes the command may take, by default 1; `0` for an hour. One that takes longer has failed; it is not ended.",
  },
  [`${WATCHTOWER}.lifecycle.post-update-timeout`]: {
    of: "watchtower",
    reaches: true,
    says: "The same for the other command.",
  },
  "wud.watch": { of: "wud", says: "As `com.centurylinklabs.watchtower.enable`." },
} as const satisfies Record<
  string,
  { readonly of: (typeof COMPATIBLE)[number]; readonly says: string; readonly reaches?: true }
>;
