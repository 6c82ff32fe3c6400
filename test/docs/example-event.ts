/** An event of each hook as an example, made from the table's schemas. */
import * as z from "zod";
import { type HookName, hooks } from "../../shared/contract/hooks.ts";
import { type CloudEvent, makeEvent } from "../../shared/contract/messages.ts";
import {
  type ContainerPayload,
  type ImagePayload,
  type ServicePayload,
  containerPayload,
  imagePayload,
  servicePayload,
} from "../../shared/contract/payloads.ts";
import { eventId, subjects } from "../../shared/contract/subjects.ts";

const RUN = "01k6a3rv40q8zt5m2c7x9d4hnw";
const HOST = "web01";
const aboutOf = (name: HookName): string | null => (hooks[name].about === "run" ? null : "web");

/** The subject that `exampleEvent` is published on. */
export const subjectOf = (name: HookName): string => {
  const container = aboutOf(name);
  return subjects.hook({ host: HOST, hook: name, container, event: eventId(RUN, name, container) });
};

/** An event of this hook as it would be on the wire. */
export function exampleEvent(name: HookName): CloudEvent {
  const container = aboutOf(name);
  return makeEvent({
    id: eventId(RUN, name, container),
    hook: name,
    service: name === "updates_enumerated" ? "poller" : "updater",
    container,
    time: "2026-03-01T04:00:00.000Z",
    context: {
      host: HOST,
      engine_id: "5f2c0f9e-6c0b-4a57-9d39-0c4b8e1f2a77",
      run: RUN,
      mode: "update",
      reason: "a newer image of nginx:1.29 is in the registry",
    },
    locals: samples(hooks[name].locals.shape) as never,
  });
}

/** What only services have is optional, and is not there. */
const samples = (shape: z.ZodObject["shape"]): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries<z.ZodType>(shape)
      .filter(([name]) => !["updateable_services", "service"].includes(name) || isRequired(shape[name]))
      .map(([name, schema]) => [name, sample(name, schema)]),
  );

const isRequired = (schema: unknown): boolean => !(schema instanceof z.ZodOptional);

function sample(name: string, schema: z.ZodType): unknown {
  if (schema === containerPayload()) return sampleContainer(name.startsWith("new") ? "f" : "9");
  if (schema === servicePayload()) return sampleService();
  if (schema instanceof z.ZodOptional) return sample(name, schema.unwrap() as z.ZodType);
  if (schema === imagePayload()) return sampleImage(/new|latest/.test(name) ? "c" : "a");
  if (schema instanceof z.ZodArray) return [sample(name, schema.element as z.ZodType)];
  if (schema instanceof z.ZodObject) return samples(schema.shape);
  if (schema instanceof z.ZodNullable) return sample(name, schema.unwrap() as z.ZodType);
  if (schema instanceof z.ZodEnum) return schema.options[0];
  if (schema instanceof z.ZodNumber) return 1234;
  return TEXTS[name] ?? name;
}

const hex = (digit: string): string => `${digit}4d1c0ffee${digit}7`.repeat(6).slice(0, 64);

const TEXTS: Readonly<Record<string, string>> = {
  self_name: "ouroboros",
  name: "web",
  image: "nginx:1.29",
  because: "a newer image of nginx:1.29 is in the registry",
  by: "updater",
  from: `sha256:${hex("a")}`,
  to: `sha256:${hex("c")}`,
  from_digest: `nginx@sha256:${hex("b")}`,
  to_digest: `nginx@sha256:${hex("d")}`,
  step: "start the successor",
};

const sampleContainer = (digit: string): ContainerPayload => ({
  id: hex(digit),
  short_id: hex(digit).slice(0, 12),
  name: "web",
  status: "running",
  image: "nginx:1.29",
  image_id: `sha256:${hex(digit === "f" ? "c" : "a")}`,
  labels: { "com.ouroboros.enable": "true" },
  created: "2026-02-01T10:00:00.000000000Z",
  networks: ["front"],
  ports: { "80/tcp": [{ host_ip: "0.0.0.0", host_port: "8080" }] },
  mounts: [{ type: "volume", source: "pages", destination: "/usr/share/nginx/html", rw: true }],
  health: "healthy",
});

const sampleService = (): ServicePayload => ({
  id: "x6n0q2p9v4kd1j7s8w5t3b0cm",
  short_id: "x6n0q2p9v4",
  name: "shop_web",
  mode: "replicated",
  replicas: 3,
  image: "nginx:1.29",
  image_id: `sha256:${hex("b")}`,
  version: 1204,
  update_status: null,
  labels: { "com.ouroboros.enable": "true" },
  created: "2026-02-01T10:00:00.000000000Z",
  ports: [{ protocol: "tcp", target: 80, published: 8080 }],
});

const sampleImage = (digit: string): ImagePayload => ({
  id: `sha256:${hex(digit)}`,
  short_id: `sha256:${hex(digit).slice(0, 12)}`,
  tags: ["nginx:1.29"],
  digests: [`nginx@sha256:${hex(digit === "c" ? "d" : "b")}`],
  labels: {},
  created: "2026-02-28T10:00:00Z",
  size: 59_824_211,
});
