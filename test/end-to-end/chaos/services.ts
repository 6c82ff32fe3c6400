// The project that the chaos test's owner runs: ten services of one compose file, with volumes, dependencies, shared
// networks, and one in the network of another. Pure.
import { CANARY_ENV } from "../../support/canary-secret.ts";

export type Policy = "no" | "always" | "unless-stopped" | "on-failure";

export interface Service {
  readonly restart: Policy;
  /** Where its data are, and the named volumes; the others are anonymous. */
  readonly volumes: Readonly<Record<string, string | null>>;
  /** The new containers of its good images must become healthy. */
  readonly isChecked?: true;
  readonly labels?: Readonly<Record<string, string>>;
  /** The service whose network it is in. */
  readonly inside?: ServiceName;
  /** What else the compose file says of it. */
  readonly more: Readonly<Record<string, unknown>>;
}

export const PROJECT = "chaos";
/** Each container of a service bears it, whoever made it. */
export const SERVICE_LABEL = "com.docker.compose.service";
export const nameOf = (service: ServiceName): string => `${PROJECT}-${service}-1`;

const SOFT = "com.ouroboros.depends_on";
const HARD = "com.ouroboros.hard_depends_on";

const table = {
  db: {
    restart: "unless-stopped",
    volumes: { "/data": "db" },
    isChecked: true,
    labels: { [SOFT]: `${PROJECT}-web-1` },
    more: { networks: { back: { aliases: ["database"] } } },
  },
  web: {
    restart: "always",
    volumes: { "/cache": null },
    isChecked: true,
    more: { networks: ["front", "back"], depends_on: ["db"], ports: ["127.0.0.1:28471:8080"] },
  },
  queue: {
    restart: "always",
    volumes: { "/queue": "queue", "/spool": null },
    labels: { [HARD]: `${PROJECT}-worker-1`, [SOFT]: `${PROJECT}-cron-1` },
    more: { networks: ["back"] },
  },
  worker: {
    restart: "always",
    volumes: { "/work": null },
    more: { networks: ["back"], depends_on: ["queue"] },
  },
  cron: { restart: "no", volumes: { "/cron": "cron" }, more: { networks: ["back"] } },
  vpn: { restart: "always", volumes: { "/keys": "keys" }, more: { networks: ["alone"] } },
  app: { restart: "always", volumes: { "/app": null }, inside: "vpn", more: { network_mode: "service:vpn" } },
  proxy: {
    restart: "always",
    volumes: { "/certificates": "certificates", "/log": "log" },
    more: { networks: { front: { ipv4_address: "10.219.1.200" } }, depends_on: ["web"] },
  },
  shipper: {
    restart: "on-failure",
    volumes: { "/log": "log", "/offsets": null },
    more: { networks: ["back"], depends_on: ["proxy"] },
  },
  backup: {
    restart: "always",
    volumes: { "/backups": "backups", "/db": "db" },
    labels: { [SOFT]: `${PROJECT}-shipper-1` },
    more: { network_mode: "none" },
  },
} as const satisfies Record<string, Omit<Service, "inside"> & { inside?: string }>;

export type ServiceName = keyof typeof table;
export const services: Readonly<Record<ServiceName, Service>> = table;
export const serviceNames = Object.keys(table) as ServiceName[];
export const serviceOf = (name: string | undefined): ServiceName | undefined =>
  serviceNames.find((one) => one === name);
/** Those in the network of this one. */
export const insideOf = (service: ServiceName): ServiceName[] =>
  serviceNames.filter((one) => services[one].inside === service);

/** What is in the volume `volume`, or at a path of a service in an anonymous one. */
export const tokenOf = (service: ServiceName, path: string): string =>
  services[service].volumes[path] ?? `${service}:${path}`;

/** A path of the registry; each host has images of its own. */
export const repositoryOf = (host: string, service: ServiceName): string => `chaos-${host}/${service}`;

const network = (subnet: string) => ({ ipam: { config: [{ subnet }] } });

/** compose.yaml; JSON is YAML too. */
export function composeFile(host: string): string {
  const entries = serviceNames.map((name) => {
    const { restart, volumes, labels, more } = services[name];
    const mounted = Object.entries(volumes).map(([path, volume]) =>
      volume === null ? path : `${volume}:${path}`,
    );
    const [key, value] = CANARY_ENV.split("=");
    return [
      name,
      {
        image: `registry.lab:5000/${repositoryOf(host, name)}:latest`,
        restart,
        volumes: mounted,
        environment: { [key ?? ""]: value },
        labels: { ...labels, "com.ouroboros.health_timeout": "5s" },
        stop_grace_period: "5s",
        ...more,
      },
    ] as const;
  });
  const named = serviceNames
    .flatMap((name) => Object.values<string | null>(services[name].volumes))
    .filter((volume) => volume !== null);
  return JSON.stringify({
    name: PROJECT,
    services: Object.fromEntries(entries),
    volumes: Object.fromEntries(named.map((volume) => [volume, {}] as const)),
    networks: {
      front: network("10.219.1.0/24"),
      back: network("10.219.2.0/24"),
      alone: network("10.219.3.0/24"),
    },
  });
}

const MOVED = "-moved";

/** The one that its owner gives it and takes back. */
export const otherName = (name: string): string =>
  name.endsWith(MOVED) ? name.slice(0, -MOVED.length) : `${name}${MOVED}`;
