// Home Assistant's documented contract of an MQTT `update` entity, which stands in for Home Assistant in the tests:
// https://www.home-assistant.io/integrations/update.mqtt and https://www.home-assistant.io/integrations/mqtt
// ("MQTT discovery"). Unknown fields fail, so that a misspelt one is found.
import assert from "node:assert/strict";
import * as z from "zod";

/** A topic to publish to: no wildcard and no empty level. */
const Topic = z.string().regex(/^[^+#/\0]+(?:\/[^+#/\0]+)*$/);

export const DiscoveryConfig = z.strictObject({
  name: z.string().min(1),
  unique_id: z.string().min(1),
  state_topic: Topic,
  command_topic: Topic.optional(),
  payload_install: z.string().optional(),
  retain: z.boolean().optional(),
  qos: z.union([z.literal(0), z.literal(1), z.literal(2)]),
  availability: z.array(
    z.strictObject({ topic: Topic, payload_available: z.string(), payload_not_available: z.string() }),
  ),
  device: z.strictObject({
    identifiers: z.array(z.string()).min(1),
    name: z.string(),
    manufacturer: z.string(),
    model: z.string(),
    sw_version: z.string().optional(),
  }),
  origin: z.strictObject({ name: z.string(), sw_version: z.string().optional(), support_url: z.url() }),
});
export type DiscoveryConfig = z.infer<typeof DiscoveryConfig>;

export const EntityState = z.strictObject({
  installed_version: z.string().optional(),
  latest_version: z.string().optional(),
  title: z.string().optional(),
  release_url: z.url().optional(),
  update_percentage: z.number().min(0).max(100).nullable().optional(),
  in_progress: z.boolean().optional(),
});
export type EntityState = z.infer<typeof EntityState>;

const CONFIG_TOPIC = /^homeassistant\/update\/[a-zA-Z0-9_-]+\/config$/;

export function parseConfig(topic: string, payload: string): DiscoveryConfig {
  assert.match(topic, CONFIG_TOPIC);
  const config = DiscoveryConfig.parse(JSON.parse(payload));
  assert.equal(config.command_topic === undefined, config.payload_install === undefined);
  return config;
}

export const parseState = (payload: string): EntityState => EntityState.parse(JSON.parse(payload));
