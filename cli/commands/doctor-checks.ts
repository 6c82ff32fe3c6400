// The table of checks of `ouroboros doctor`: each check takes the findings about a set-up and returns a sentence for
// each weakness, with the remedy. docs/commands.md is printed from it. Pure.
import { ROLE_LABEL } from "../../shared/containers/self-update-policy.ts";
import { BUCKETS, STREAMS } from "../../shared/contract/subjects.ts";
import { isOlder } from "../../shared/version.ts";

/** The facts about a container of this Engine that the checks need. */
export interface SeenContainer {
  readonly name: string;
  readonly role: string | undefined;
  readonly networks: readonly string[];
  /** Addresses on which its ports are published, such as `0.0.0.0:4222`. */
  readonly published: readonly string[];
  readonly mounts: readonly { readonly source: string; readonly destination: string; readonly rw: boolean }[];
  /** Names of the variables that are not empty. */
  readonly variables: readonly string[];
}

export interface DoctorFindings {
  readonly nats?: {
    readonly url: string;
    /** It accepts clients without a key. */
    readonly isOpen: boolean;
    /** All users share one account, that of the streams. */
    readonly isShared: boolean;
    readonly streams: readonly { readonly name: string; readonly bytes: number; readonly limit: number }[];
    /** Hosts that share it with others and have no reserve. */
    readonly withoutReserve: readonly string[];
    readonly unreadable: readonly { readonly name: string; readonly because: string }[];
    /** How far its clock is ahead of ours, in milliseconds. */
    readonly clockOff: number;
  };
  readonly engine?: {
    readonly socket: string;
    readonly api: string;
    readonly clockOff: number;
    readonly containers: readonly SeenContainer[];
  };
  readonly scripts: readonly { readonly because: string; readonly mend: string }[];
}

export interface Weakness {
  readonly about: string;
  readonly weakness: string;
  readonly mend: string;
}

interface DoctorCheck {
  readonly says: string;
  readonly of: "NATS" | "Engine" | "scripts";
  readonly find: (findings: DoctorFindings) => readonly Weakness[];
}

const MAX_CLOCK_DIFFERENCE_MS = 30_000;
const OLDEST_API = "1.41";
const NEARLY_FULL = 0.8;
const LOOPBACK = /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/;

const containersInRole = (findings: DoctorFindings, role: string): readonly SeenContainer[] =>
  (findings.engine?.containers ?? []).filter((container) => container.role === role);

export const checks = {
  "NATS users": {
    says: "NATS accepts only clients with a key (tried without one; the log of NATS has that as an authentication error).",
    of: "NATS",
    find: ({ nats }) =>
      nats?.isOpen === true
        ? [
            {
              about: nats.url,
              weakness: "NATS accepts clients without a key, and they can decide about every update",
              mend: "give it users: compose.yaml does, or `ouroboros nats-config write`",
            },
          ]
        : [],
  },
  "NATS accounts": {
    says: "Every key has an account of its own at NATS.",
    of: "NATS",
    find: ({ nats }) =>
      nats?.isShared === true && !nats.isOpen
        ? [
            {
              about: nats.url,
              weakness:
                "all keys share one account, in which one user can have the server publish on another's subjects",
              mend: "stop NATS, remove nats/users.conf in the folder of `nats-config write`, write again, and follow docs/security.md",
            },
          ]
        : [],
  },
  "NATS encryption": {
    says: "Messages to NATS are encrypted, unless it is on loopback.",
    of: "NATS",
    find: ({ nats }) =>
      (nats?.url ?? "")
        .split(",")
        .filter((url) => /^(?!tls:|wss:)/.test(url) && url !== "" && !LOOPBACK.test(hostOf(url)))
        .map((about) => ({
          about,
          weakness: "messages can be read and changed on the way",
          mend: "reach it as tls://, with NATS_CA",
        })),
  },
  "NATS neighbours": {
    says: "Only parts of Ouroboros share a network with NATS, and its port is not published to everybody.",
    of: "Engine",
    find: (findings) =>
      containersInRole(findings, "nats").flatMap((nats) => [
        ...otherContainers(nats, findings),
        ...publicPorts(nats),
      ]),
  },
  socket: {
    says: "Only services that need the Docker socket have it.",
    of: "Engine",
    find: ({ engine }) =>
      (engine?.containers ?? [])
        .filter(({ role }) => role !== undefined && !NEEDS_SOCKET.includes(role))
        .filter(({ mounts }) => mounts.some(({ source }) => /\/(?:docker|podman)\.sock$/.test(source)))
        .map(({ name, role }) => ({
          about: name,
          weakness: `a ${role ?? ""} has the Docker socket, with which it is root on the host`,
          mend: "take the socket out of its volumes, where no script of yours needs it",
        })),
  },
  "hooks folder": {
    says: "The hook-executor cannot write the scripts that it runs.",
    of: "Engine",
    find: (findings) =>
      containersInRole(findings, "hook-executor").flatMap(({ name, mounts }) =>
        mounts
          .filter(({ destination, rw }) => rw && /(?:^|\/)hooks$/.test(destination))
          .map(({ destination }) => ({
            about: name,
            weakness: `a script could change the others in ${destination}`,
            mend: `mount it as ${destination}:ro`,
          })),
      ),
  },
  scripts: {
    says: "Every script can run, and only its owner can write it. Checked where the hooks folder is.",
    of: "scripts",
    find: ({ scripts }) => scripts.map(({ because, mend }) => ({ about: "hooks", weakness: because, mend })),
  },
  credentials: {
    says: "The credentials for a registry are bound to it.",
    of: "Engine",
    find: ({ engine }) =>
      (engine?.containers ?? [])
        .filter(({ role }) => ["poller", "updater", "ouroboros"].includes(role ?? ""))
        .filter(({ variables }) => variables.includes("REPO_USER") && !variables.includes("REPO_REGISTRY"))
        .map(({ name }) => ({
          about: name,
          weakness: "REPO_USER and REPO_PASS are bound to no registry",
          mend: "set REPO_REGISTRY to the one they are for",
        })),
  },
  clock: {
    says: "The clocks of NATS and of the Engine agree with ours to within 30 s.",
    of: "NATS",
    find: ({ nats, engine }) =>
      [
        { about: nats?.url ?? "", off: nats?.clockOff ?? 0 },
        { about: engine?.socket ?? "", off: engine?.clockOff ?? 0 },
      ]
        .filter(({ off }) => Math.abs(off) > MAX_CLOCK_DIFFERENCE_MS)
        .map(({ about, off }) => ({
          about,
          weakness: `its clock is ${Math.round(Math.abs(off) / 1000)} s ${off > 0 ? "ahead of" : "behind"} ours`,
          mend: "synchronise the clocks (NTP)",
        })),
  },
  "Engine API": {
    says: `The Engine speaks API ${OLDEST_API} or newer.`,
    of: "Engine",
    find: ({ engine }) =>
      engine !== undefined && isOlder(engine.api, OLDEST_API)
        ? [
            {
              about: engine.socket,
              weakness: `its API ${engine.api} is older than what Ouroboros is tested with`,
              mend: "update the Engine to 20.10 or newer",
            },
          ]
        : [],
  },
  streams: {
    says: "Every stream is below four fifths of its size.",
    of: "NATS",
    find: ({ nats }) =>
      (nats?.streams ?? [])
        .filter(({ bytes, limit }) => limit > 0 && bytes > NEARLY_FULL * limit)
        .map(({ name, bytes, limit }) => ({
          about: name,
          weakness: `it is ${Math.round((100 * bytes) / limit)} % full; when it is full the oldest messages are dropped`,
          mend: `find who writes that much (\`ouroboros events --follow\`), or raise its limit: nats stream edit ${name} --max-bytes`,
        })),
  },
  reserves: {
    says: "Each of several hosts that share a NATS has a reserve, which no other host can fill.",
    of: "NATS",
    find: ({ nats }) =>
      (nats?.withoutReserve ?? []).map((host) => ({
        about: host,
        weakness: "another host can push its journal and what is held there out of the streams",
        mend: `ouroboros nats-config prepare --hosts ${host}`,
      })),
  },
  participants: {
    says: "Every participant's entry can be understood.",
    of: "NATS",
    find: ({ nats }) =>
      (nats?.unreadable ?? []).map(({ name, because }) => ({
        about: name,
        weakness: `its entry cannot be read, so updates it may be asked about are put off: ${because}`,
        mend: `ouroboros participant remove ${name}`,
      })),
  },
} as const satisfies Readonly<Record<string, DoctorCheck>>;

export type CheckName = keyof typeof checks;
export const checkNames = Object.keys(checks) as readonly CheckName[];

const NEEDS_SOCKET = ["poller", "updater", "ouroboros", "helper", "nats-config", "socket-proxy"];

function otherContainers({ name, networks }: SeenContainer, { engine }: DoctorFindings): Weakness[] {
  const others = (engine?.containers ?? []).filter(
    (container) =>
      container.role === undefined && container.networks.some((network) => networks.includes(network)),
  );
  return others.length === 0
    ? []
    : [
        {
          about: name,
          weakness: `NATS can be reached from other containers: ${others.map((container) => container.name).join(", ")}`,
          mend:
            "give NATS a network of its own with the services only; participants among them bear the label " +
            ROLE_LABEL,
        },
      ];
}

const publicPorts = ({ name, published: ports }: SeenContainer): Weakness[] =>
  ports
    .filter((port) => !/^(?:127\.|\[::1\])/.test(port))
    .map((port) => ({
      about: name,
      weakness: `NATS is published at ${port}, for everybody who reaches this machine`,
      mend: "publish it on the address that participants use, or not at all",
    }));

const hostOf = (url: string): string =>
  URL.canParse(url) ? new URL(url.replace(/^[a-z]+:/, "http:")).hostname : "";

/** The streams whose size is checked. */
export const SIZE_CHECKED_STREAMS: readonly string[] = [...Object.values(STREAMS), `KV_${BUCKETS.held}`];
