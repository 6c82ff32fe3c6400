// How events describe containers, images and results. The environment is never included, because it holds secrets.
import * as z from "zod";
import { once } from "./once.ts";

const truncated = once(() =>
  z
    .literal(true)
    .optional()
    .describe("Labels were left out or cut (EVENT_LABELS, or they were too long), or long lists were."),
);

export const containerPayload = once(() =>
  z.object({
    id: z.string().describe("Full container id."),
    short_id: z.string().describe("First twelve characters of the id."),
    name: z.string().describe("The name its user gave it, also while it bears a backup name."),
    status: z.string().describe("Engine's state: created, running, paused, restarting, exited, dead."),
    image: z.string().describe("The image reference it was created from."),
    image_id: z.string().describe("Id of the image it runs."),
    labels: z
      .record(z.string(), z.string())
      .describe("As EVENT_LABELS says; `(hidden)` stands for a value that looks like a secret."),
    created: z.string().describe("When it was created, RFC 3339."),
    networks: z.array(z.string()).describe("Names of the networks it is attached to."),
    ports: z.record(z.string(), z.array(z.object({ host_ip: z.string(), host_port: z.string() }))),
    mounts: z.array(
      z.object({ type: z.string(), source: z.string(), destination: z.string(), rw: z.boolean() }),
    ),
    health: z.string().nullable().describe("starting, healthy, unhealthy; null without a healthcheck."),
    truncated: truncated(),
  }),
);
export type ContainerPayload = z.infer<ReturnType<typeof containerPayload>>;

export const imagePayload = once(() =>
  z.object({
    id: z.string().describe("Image id; the registry's digest while the image is not pulled yet."),
    short_id: z.string(),
    tags: z.array(z.string()),
    digests: z.array(z.string()).describe("repository@digest, as the Engine keeps them."),
    labels: z.record(z.string(), z.string()).nullable(),
    created: z.string().nullable(),
    size: z.number().nullable().describe("Bytes; null while the image is not pulled yet."),
    truncated: truncated(),
  }),
);
export type ImagePayload = z.infer<ReturnType<typeof imagePayload>>;

export const servicePayload = once(() =>
  z.object({
    id: z.string().describe("Full id of the service."),
    short_id: z.string().describe("First ten characters of the id."),
    name: z.string(),
    mode: z.string().describe("replicated or global."),
    replicas: z.number().nullable().describe("How many tasks it is to have; null for a global service."),
    image: z.string().describe("The image reference it follows, without the digest."),
    image_id: z.string().describe("The digest in its spec."),
    version: z.number().describe("`Version.Index` of the service, as the swarm counts its changes."),
    update_status: z
      .object({ state: z.string(), message: z.string() })
      .nullable()
      .describe("Of its last update, as the Engine tells it."),
    labels: z
      .record(z.string(), z.string())
      .describe(
        "Those of the service. As EVENT_LABELS says; `(hidden)` stands for a value that looks like a secret.",
      ),
    created: z.string().describe("When it was created, RFC 3339."),
    ports: z.array(z.object({ protocol: z.string(), target: z.number(), published: z.number().nullable() })),
    truncated: truncated(),
  }),
);
export type ServicePayload = z.infer<ReturnType<typeof servicePayload>>;

const passedOverTags = once(() =>
  z
    .array(z.object({ tag: z.string(), because: z.string() }))
    .describe("The highest later tags that are not taken, one for each reason."),
);

/** What a tag policy makes of a container's tag, for `ouroboros check` and `explain`. */
export const tagReport = once(() =>
  z.object({
    policy: z.string(),
    own: z.string().describe("The tag of the container."),
    follows: z.string().describe("The tag that it follows: its own where no later one is taken."),
    passed_over: passedOverTags(),
    beyond: z
      .string()
      .optional()
      .describe("The highest later release of its variant that the policy does not take."),
    is_unordered: z
      .boolean()
      .optional()
      .describe("Its tag is no version: nothing is known to come after it."),
  }),
);
export type TagReport = z.infer<ReturnType<typeof tagReport>>;

export const tagMove = once(() =>
  z.object({
    from: z.string().describe("The tag of the container."),
    to: z.string().describe("The tag that its successor gets."),
    policy: z.string().describe("The tag policy that has chosen it."),
    passed_over: passedOverTags(),
    on_tag: z
      .string()
      .optional()
      .describe(
        "The digest that the tag names, where a cooldown chose an older one. That is pulled by its digest.",
      ),
  }),
);
export type TagMove = z.infer<ReturnType<typeof tagMove>>;

export const updateable = once(() =>
  z.object({
    container: containerPayload(),
    current_image: imagePayload(),
    latest_image: imagePayload(),
    tag: tagMove().optional().describe("Where a tag policy has chosen another tag than the container's own."),
  }),
);
export type Updateable = z.infer<ReturnType<typeof updateable>>;

export const updateableService = once(() =>
  z.object({
    service: servicePayload(),
    current_image: imagePayload(),
    latest_image: imagePayload(),
  }),
);
export type UpdateableService = z.infer<ReturnType<typeof updateableService>>;

/** An update of a container or of a service. */
export const updateableWorkload = once(() =>
  z.object({
    container: containerPayload().optional().describe("Missing where it is the update of a service."),
    service: servicePayload().optional().describe("With SWARM: the service, in place of the container."),
    current_image: imagePayload(),
    latest_image: imagePayload(),
  }),
);

export const UpdateResult = z.enum([
  "updated", // the new container runs and has proved itself
  "current", // the container already runs the image behind the tag
  "refused",
  "deferred",
  "rolled_back", // the old container runs again
  "failed", // nothing was touched
  "expired", // the plan was too old, or the container has changed since
  "noted", // dry run and monitor: reported, not touched
  "stuck", // an undo failed: a person is needed
]);
export type UpdateResult = z.infer<typeof UpdateResult>;

export const StepTime = z.object({ step: z.string(), ms: z.number() });
export type StepTime = z.infer<typeof StepTime>;
