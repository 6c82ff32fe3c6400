import type { ContainerFacts } from "../../shared/containers/container-facts.ts";

/** Of a running container that has to do with no other. */
export const PLAIN_FACTS = {
  status: "running",
  labels: {},
  autoRemove: false,
  dependsOn: [],
  hardDependsOn: [],
  refersTo: [],
} as const satisfies Partial<ContainerFacts>;
