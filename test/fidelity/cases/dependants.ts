/** Containers that refer to others: the other is updated, or it is, or both, directly or through a third. */
import assert from "node:assert/strict";
import { type Case, type Member, type Scene, host } from "../case.ts";

const shares =
  (
    what: "NetworkMode" | "PidMode" | "IpcMode",
    member: string,
    rest: object = {},
  ): NonNullable<Member["body"]> =>
  ({ idOf }) =>
    host({ ...rest, [what]: `container:${idOf(member)}` });

/** Both see the same network interfaces, also after a restart of the child. */
const sameNetwork =
  (...members: readonly string[]) =>
  async ({ docker, idOf, exec }: Scene): Promise<void> => {
    const seen = new Set<string>();
    for (const member of members) {
      await docker.getContainer(idOf(member)).restart();
      break;
    }
    for (const member of members.slice(1)) await docker.getContainer(idOf(member)).restart();
    for (const member of members) seen.add(await exec(member, "/bin/busybox", "ip", "-o", "-4", "addr"));
    assert.equal(seen.size, 1, [...seen].join("\n"));
  };
const knows =
  (member: string, name: string) =>
  async ({ exec }: Scene) =>
    assert.match(await exec(member, "/bin/cat", "/etc/hosts"), new RegExp(`\\s${name}(\\s|$)`, "m"));

const bystander = { image: "still", fate: "kept" } as const;
const dependant = { image: "still", fate: "recreated" } as const;

export const dependantCases = {
  "network-child": {
    says: "a container in the network of another, which stays",
    members: { parent: bystander, it: { body: shares("NetworkMode", "parent") } },
    check: async ({ inspect, idOf }) =>
      assert.equal((await inspect()).Config.Hostname, idOf("parent").slice(0, 12)),
  },
  "network-parent": {
    says: "a container whose network another shares",
    members: {
      it: {},
      child: { ...dependant, body: shares("NetworkMode", "it", { RestartPolicy: { Name: "always" } }) },
    },
    check: sameNetwork("it", "child"),
  },
  "network-both": {
    says: "two containers with one network, both updated",
    members: { it: {}, child: { body: shares("NetworkMode", "it") } },
    check: sameNetwork("it", "child"),
  },
  "network-children": {
    says: "a container whose network several share, one of them stopped",
    members: {
      it: { body: host({ PortBindings: { "9000/tcp": [{ HostIp: "127.0.0.1", HostPort: "28350" }] } }) },
      one: { ...dependant, body: shares("NetworkMode", "it") },
      two: { ...dependant, image: "harsh", body: shares("NetworkMode", "it") },
      stopped: { ...dependant, state: "exited", body: shares("NetworkMode", "it") },
      fresh: { ...dependant, state: "created", body: shares("NetworkMode", "it") },
    },
  },
  "process-parent": {
    says: "a container whose processes another sees",
    members: { it: {}, child: { ...dependant, body: shares("PidMode", "it") } },
  },
  "memory-parent": {
    says: "a container whose memory another shares",
    members: {
      it: { body: host({ IpcMode: "shareable" }) },
      child: { ...dependant, body: shares("IpcMode", "it") },
    },
  },
  "all-shared": {
    says: "a container whose network, processes and memory another shares, with volumes",
    members: {
      it: { body: host({ IpcMode: "shareable" }) },
      child: {
        ...dependant,
        body: ({ idOf }) => {
          const mode = `container:${idOf("it")}`;
          return {
            Volumes: { "/data": {} },
            Env: ["A=1"],
            ...host({ NetworkMode: mode, PidMode: mode, IpcMode: mode }),
          };
        },
      },
    },
  },
  "chain-of-two": {
    says: "a chain: processes of a container in the network of the updated one",
    members: {
      it: {},
      middle: { ...dependant, body: shares("NetworkMode", "it") },
      last: { ...dependant, body: shares("PidMode", "middle") },
    },
  },
  "chain-of-three": {
    says: "a chain of three: network, memory, link",
    members: {
      it: {},
      a: { ...dependant, body: shares("NetworkMode", "it", { IpcMode: "shareable" }) },
      b: { ...dependant, body: shares("IpcMode", "a") },
      c: { ...dependant, body: host({ Links: ["chain-of-three-b:last"] }) },
    },
    check: knows("c", "last"),
  },
  "child-of-both": {
    says: "a container that shares with two updated ones",
    members: {
      one: {},
      two: { body: host({ IpcMode: "shareable" }) },
      child: {
        ...dependant,
        body: ({ idOf }) =>
          host({ NetworkMode: `container:${idOf("one")}`, IpcMode: `container:${idOf("two")}` }),
      },
    },
  },
  "moved-child": {
    says: "a container whose own tag moved keeps its image when it follows its parent",
    members: {
      it: { image: "mild" },
      child: { ...dependant, image: "harsh", body: shares("NetworkMode", "it") },
    },
  },
  link: {
    says: "a container with a link to another, which stays",
    members: { db: bystander, it: { body: host({ Links: ["link-db:database"] }) } },
    check: knows("it", "database"),
  },
  "link-target": {
    says: "a container that another has a link to",
    members: { it: {}, web: { ...dependant, body: host({ Links: ["link-target-it:database"] }) } },
    check: knows("web", "database"),
  },
  "link-both": {
    says: "two containers with a link, both updated",
    members: { it: {}, web: { body: host({ Links: ["link-both-it:database"] }) } },
    check: knows("web", "database"),
  },
  "link-chain": {
    says: "a chain of links",
    members: {
      it: {},
      api: { ...dependant, body: host({ Links: ["link-chain-it:db"] }) },
      web: { ...dependant, body: host({ Links: ["link-chain-api:api", "link-chain-it:database"] }) },
    },
    check: knows("web", "database"),
  },
  "link-on-network": {
    says: "a link within a network of their own",
    members: {
      it: { endpoints: { lan: {} } },
      web: { image: "still", fate: "kept", endpoints: { lan: { Links: ["link-on-network-it:database"] } } },
    },
  },
  "soft-dependency": {
    says: "a dependency is stopped and started again, and stays the same",
    members: {
      cache: bystander,
      it: { body: { Labels: { "com.ouroboros.depends_on": "soft-dependency-cache" } } },
    },
  },
  "hard-dependency": {
    says: "a hard dependency is recreated as it was",
    members: {
      cache: {
        ...dependant,
        body: { Env: ["A=1"], Volumes: { "/data": {} } },
        endpoints: { lan: { Aliases: ["c"] } },
      },
      it: { body: { Labels: { "com.ouroboros.hard_depends_on": "hard-dependency-cache" } } },
    },
  },
  "hard-dependency-shares": {
    says: "a hard dependency in the network of the updated container",
    members: {
      it: { body: { Labels: { "com.ouroboros.hard_depends_on": "hard-dependency-shares-app" } } },
      app: { ...dependant, body: shares("NetworkMode", "it") },
    },
  },
} satisfies Record<string, Case>;
