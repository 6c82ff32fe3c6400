// The container labels of Ouroboros 1.9.
export const labels = [
  "com.ouroboros.enable",
  "com.ouroboros.depends_on",
  "com.ouroboros.hard_depends_on",
  "com.ouroboros.stop_signal",
] as const;
