// What `ouroboros --help` says, from the table of settings.
import { readFileSync } from "node:fs";
import { settings } from "../../shared/settings.ts";

const HEAD = `Keeps containers up to date with their images, and asks before every step.

Usage:
  ouroboros [OPTION...]                all services in one process, with a private NATS unless NATS_URL is set
  ouroboros poller [OPTION...]         finds updates
  ouroboros updater [OPTION...]        makes them
  ouroboros hook-executor [OPTION...]  runs the host's hook scripts
  ouroboros webhook [OPTION...]        asks an HTTP endpoint
  ouroboros participant --help         who else is asked
  ouroboros nats-config --help         users and rights for a NATS that several machines share
  ouroboros explain --help             why a container was or was not updated
  ouroboros --help | --version

Each setting is an environment variable; NAME_FILE gives the value of NAME from a file. Flags stand for the same
settings, the environment beats them. In brackets the value by default.
`;

interface Row {
  readonly says: string;
  readonly flags?: readonly string[];
  readonly byDefault?: string;
}

export const usage = (): string =>
  [
    HEAD,
    ...Object.entries<Row>(settings).map(
      ([name, { flags = [], byDefault = "", says }]) =>
        `  ${[name, ...flags].join(", ")}${byDefault === "" ? "" : ` [${byDefault}]`}\n      ${plain(says)}`,
    ),
  ].join("\n");

const plain = (markdown: string): string => markdown.replaceAll("`", "");

/** package.json stands beside dist/, in a checkout as in the image. */
export function version(): string {
  const file = new URL("../../../package.json", import.meta.url);
  return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
}
