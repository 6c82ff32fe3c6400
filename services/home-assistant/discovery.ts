// What is published for a container: the topics and messages of Home Assistant's MQTT discovery for an `update` entity
// (https://www.home-assistant.io/integrations/update.mqtt and /integrations/mqtt). Pure.
import { encodeToken } from "../../shared/contract/subject-tokens.ts";
import { shortDigest } from "../../shared/registry/image-change.ts";
import type { Entity, InstalledImage } from "./host-state.ts";

/** What the install button sends. */
export const INSTALL = "install";
export const ONLINE = "online";
export const OFFLINE = "offline";

export const availabilityTopic = (prefix: string): string => `${prefix}/update/ouroboros/availability`;

/** Matches the command topics of all containers. */
export const commandFilter = (prefix: string): string => `${prefix}/update/+/command`;

export interface Topics {
  readonly config: string;
  readonly state: string;
  readonly command: string;
}

export function topicsOf(prefix: string, host: string, container: string): Topics {
  const base = `${prefix}/update/${objectId(host, container)}`;
  return { config: `${base}/config`, state: `${base}/state`, command: `${base}/command` };
}

/** Home Assistant allows letters, digits, `_` and `-`. Two names never get the same id. */
const objectId = (host: string, container: string): string =>
  `ouroboros__${encodeName(host)}__${encodeName(container)}`;

/** `my_app.1` becomes `my_5Fapp_2E1`. */
const encodeName = (name: string): string => encodeToken(name).replaceAll("_", "=5F").replaceAll("=", "_");

/** The retained message that makes the entity. */
export function configOf(prefix: string, { host, container, version, canUpdate }: Entity): string {
  const topics = topicsOf(prefix, host, container);
  return JSON.stringify({
    name: container,
    unique_id: objectId(host, container),
    state_topic: topics.state,
    ...(canUpdate && { command_topic: topics.command, payload_install: INSTALL, retain: false }),
    qos: 1,
    availability: [
      { topic: availabilityTopic(prefix), payload_available: ONLINE, payload_not_available: OFFLINE },
    ],
    device: {
      identifiers: [`ouroboros__${encodeName(host)}`],
      name: host,
      manufacturer: "Ouroboros",
      model: "Docker host",
      ...(version !== undefined && { sw_version: version }),
    },
    origin: {
      name: "Ouroboros",
      support_url: "https://github.com/ouroboros-updater/ouroboros",
    },
  });
}

/** The retained message with the entity's state. Without a newer image both versions are the same text. */
export function stateOf({ image, installed, newer, percent }: Entity): string {
  const version = versionText(installed);
  return JSON.stringify({
    ...(version !== undefined && {
      installed_version: version,
      latest_version: newer === undefined ? version : shortDigest(newer),
    }),
    title: image.slice(0, MAX_TITLE_LENGTH),
    update_percentage: percent ?? null,
    in_progress: percent !== undefined,
  });
}

const MAX_TITLE_LENGTH = 255;

const versionText = ({ version, digest }: InstalledImage): string | undefined =>
  version ?? (digest === undefined ? undefined : shortDigest(digest));
