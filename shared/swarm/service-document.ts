// The parts of the Engine's documents about swarm services and their tasks that Ouroboros reads. The rest passes
// through unchanged, because an update sends the whole spec back. Engine API: ServiceInspect, TaskList.
import * as z from "zod";
import { type ImageRef, parseImageRef } from "../registry/image-ref.ts";

export const UpdateState = z.enum([
  "updating",
  "paused",
  "completed",
  "rollback_started",
  "rollback_paused",
  "rollback_completed",
]);

const ContainerSpec = z.looseObject({
  Image: z.string(),
  StopGracePeriod: z.number().nullish().describe("Nanoseconds."),
});

const UpdateConfig = z.looseObject({
  Delay: z.number().nullish().describe("Nanoseconds."),
  Monitor: z.number().nullish().describe("Nanoseconds."),
  FailureAction: z.string().nullish(),
  MaxFailureRatio: z.number().nullish(),
});

export const ServiceSpec = z.looseObject({
  Name: z.string(),
  Labels: z.record(z.string(), z.string()).nullish(),
  TaskTemplate: z.looseObject({
    ContainerSpec,
    Placement: z.looseObject({}).nullish(),
  }),
  Mode: z.looseObject({
    Replicated: z.looseObject({ Replicas: z.number().nullish() }).nullish(),
    Global: z.unknown().optional(),
    ReplicatedJob: z.unknown().optional(),
    GlobalJob: z.unknown().optional(),
  }),
  UpdateConfig: UpdateConfig.nullish(),
  RollbackConfig: UpdateConfig.nullish(),
});
export type ServiceSpec = z.infer<typeof ServiceSpec>;

const Port = z.looseObject({
  Protocol: z.string().optional(),
  TargetPort: z.number(),
  PublishedPort: z.number().optional(),
});

export const ServiceDocument = z.looseObject({
  ID: z.string(),
  Version: z.object({ Index: z.number() }),
  CreatedAt: z.string(),
  Spec: ServiceSpec,
  PreviousSpec: ServiceSpec.nullish(),
  Endpoint: z.looseObject({ Ports: z.array(Port).nullish() }).nullish(),
  UpdateStatus: z
    .looseObject({
      State: UpdateState.optional(),
      StartedAt: z.string().nullish(),
      Message: z.string().nullish(),
    })
    .nullish(),
});
export type ServiceDocument = z.infer<typeof ServiceDocument>;

export const TaskDocument = z.looseObject({
  ID: z.string(),
  Slot: z.number().nullish().describe("Of a replicated service."),
  NodeID: z.string().nullish(),
  DesiredState: z.string(),
  Spec: z.looseObject({ ContainerSpec: ContainerSpec.nullish() }),
  Status: z.looseObject({
    State: z.string(),
    Message: z.string().nullish(),
    Err: z.string().nullish(),
  }),
});
export type TaskDocument = z.infer<typeof TaskDocument>;

export type ServiceMode = "replicated" | "global" | "replicated-job" | "global-job";

export function modeOfService({ Mode }: ServiceSpec): ServiceMode {
  if (Mode.ReplicatedJob !== undefined && Mode.ReplicatedJob !== null) return "replicated-job";
  if (Mode.GlobalJob !== undefined && Mode.GlobalJob !== null) return "global-job";
  return Mode.Global !== undefined && Mode.Global !== null ? "global" : "replicated";
}

export const imageOfService = ({ TaskTemplate }: ServiceSpec): string => TaskTemplate.ContainerSpec.Image;

/** The digest in an image's reference, such as that of a service's spec. */
export const digestOfImage = (image: string): string | undefined => parseImageRef(image)?.digest;

/** The image that a service gets: its tag for people, its digest for the nodes. */
export const imageAtDigest = ({ familiar }: Pick<ImageRef, "familiar">, digest: string): string =>
  `${familiar}@${digest}`;
