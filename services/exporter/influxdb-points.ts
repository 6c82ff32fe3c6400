// The points of Ouroboros 1: one for each updated container, one with the host's numbers, one with the configuration.
// The tag `host` is ours: hosts of a fleet often have Engines of the same name. Pure.
import type { Settings } from "../../shared/settings/settings.ts";
import { type FieldValue, configurationFields } from "./configuration-fields.ts";
import { socketTag } from "./socket-label.ts";

export interface Point {
  readonly tags: Readonly<Record<string, string>>;
  readonly fields: Readonly<Record<string, FieldValue>>;
}

export const MEASUREMENT = "Ouroboros";
export const TAGS = ["socket", "host", "type", "container", "configuration"] as const;

interface CountedUpdate {
  readonly host: string;
  /** The Engine, as DOCKER_SOCKETS names it. */
  readonly socket: string;
  readonly container: string;
  readonly monitored: number;
  /** Updates of the host so far, with this one. */
  readonly updated: number;
}

export const updatePoints = ({
  host,
  socket,
  container,
  monitored,
  updated,
}: CountedUpdate): readonly Point[] => [
  { tags: { socket: socketTag(socket), host, type: "container_update", container }, fields: { count: 1 } },
  {
    tags: { socket: socketTag(socket), host, type: "stats" },
    fields: { monitored_containers: monitored, updated_count: updated },
  },
];

/** `hostname` is HOSTNAME, or the name of this machine. */
export const configurationPoint = (settings: Settings, hostname: string): Point => ({
  tags: { configuration: hostname },
  fields: configurationFields(settings),
});
