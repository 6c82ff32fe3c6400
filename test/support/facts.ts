import type { Facts } from "../../shared/container-facts.ts";

/** Of a running container that has to do with no other. */
export const PLAIN = {
  status: "running",
  labels: {},
  autoRemove: false,
  dependsOn: [],
  hardDependsOn: [],
  refersTo: [],
} as const satisfies Partial<Facts>;
