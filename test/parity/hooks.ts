// The hooks of Ouroboros 1.9, from its documentation and code: what scripts find as locals, in which order the hooks
// come within a cycle. Facts about another program: they change only where they prove wrong.

/** Hook → names of its locals. Items of `updateable` are `(container, current_image, latest_image)`. */
export const locals = {
  updates_enumerated: ["updateable", "depends_on_containers", "hard_depends_on_containers"],
  before_stop_depends_container: ["container"],
  dry_run_update: ["container", "current_image", "latest_image"],
  notify_update: ["container", "current_image", "latest_image"],
  before_update: ["old_container", "old_image", "new_image"],
  after_update: ["old_container", "old_image", "new_image", "new_container"],
  before_image_cleanup: ["image"],
  before_start_depends_container: ["container"],
  before_recreate_hard_depends_container: ["old_container"],
  after_recreate_hard_depends_container: ["old_container", "new_container"],
  before_self_update: ["self_name", "old_container", "new_image"],
  after_self_update: ["self_name", "old_container", "new_image", "new_container"],
  before_self_cleanup: ["old_container", "new_container"],
  after_self_cleanup: ["old_container", "new_container"],
} as const satisfies Record<string, readonly string[]>;

/** What this project adds for services of a swarm, for which Ouroboros 1 has no hooks. */
export const addedHooks = ["before_service_update", "after_service_update"] as const;
export const addedLocals: Readonly<Partial<Record<keyof typeof locals, readonly string[]>>> = {
  updates_enumerated: ["updateable_services"],
  dry_run_update: ["service"],
  notify_update: ["service"],
};

export const updateableItem = ["container", "current_image", "latest_image"] as const;

/** One phase of a cycle on one Engine: its hooks come for each of `of`, one after the other. */
export interface Phase {
  readonly of: "cycle" | "dependency" | "update" | "soft dependency" | "hard dependency";
  readonly hooks: readonly (keyof typeof locals)[];
}

/** What the scripts of a cycle hear, in this order; `before_image_cleanup` with CLEANUP only. */
export const order: readonly Phase[] = [
  { of: "cycle", hooks: ["updates_enumerated"] },
  { of: "dependency", hooks: ["before_stop_depends_container"] },
  { of: "update", hooks: ["before_update", "after_update", "before_image_cleanup"] },
  { of: "soft dependency", hooks: ["before_start_depends_container"] },
  {
    of: "hard dependency",
    hooks: ["before_recreate_hard_depends_container", "after_recreate_hard_depends_container"],
  },
];

/** In these modes this hook stands in for those of an update; the dependencies' hooks are heard as ever. */
export const insteadOfUpdate = { DRY_RUN: "dry_run_update", MONITOR_ONLY: "notify_update" } as const;
