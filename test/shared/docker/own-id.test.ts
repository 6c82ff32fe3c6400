import assert from "node:assert/strict";
import { type OwnIds, type Traces, readOwnIds } from "../../../shared/docker/own-id.ts";

const ID = "4f3a".repeat(16);
const OTHER = "0b1c".repeat(16);
const nothing: Traces = { cgroup: "", cpuset: "/", mountinfo: "", hostname: "server" };
const mount = (root: string, at: string): string =>
  `611 598 254:1 ${root} ${at} rw,relatime - ext4 /dev/vda1 rw`;
const certain = (id: string): OwnIds => ({ ids: [id], isCertain: true });
const likely = (...ids: readonly string[]): OwnIds => ({ ids, isCertain: false });

const cases: [string, Partial<Traces>, OwnIds][] = [
  ["none on the host itself", { cgroup: "4:memory:/user.slice\n0::/init.scope" }, likely()],
  [
    "a container on cgroup v1",
    { cgroup: `12:memory:/docker/${ID}\n1:name=systemd:/docker/${ID}` },
    certain(ID),
  ],
  ["one whose Engine uses systemd", { cgroup: `0::/system.slice/docker-${ID}.scope` }, certain(ID)],
  ["one of podman", { cgroup: `0::/machine.slice/libpod-${ID}.scope/container` }, certain(ID)],
  ["one inside of another one", { cgroup: `3:cpu:/docker/${OTHER}/docker/${ID}` }, certain(ID)],
  ["one that only its cpuset tells", { cgroup: "0::/", cpuset: `/docker/${ID}` }, certain(ID)],
  [
    "one on cgroup v2, by the files that its Engine mounts",
    {
      cgroup: "0::/",
      mountinfo: [
        mount("/", "/"),
        mount(`/var/lib/docker/volumes/${OTHER}/_data`, "/data"),
        mount(`/var/lib/docker/containers/${ID}/resolv.conf`, "/etc/resolv.conf"),
        mount(`/var/lib/docker/containers/${ID}/hostname`, "/etc/hostname"),
      ].join("\n"),
    },
    likely(ID),
  ],
  [
    "one of podman on cgroup v2",
    { cgroup: "0::/", mountinfo: mount(`/containers/overlay-containers/${ID}/userdata/hosts`, "/etc/hosts") },
    likely(ID),
  ],
  [
    "one by its host name, if nothing else tells",
    { cgroup: "0::/", hostname: ID.slice(0, 12) },
    likely(ID.slice(0, 12)),
  ],
  ["none by a host name that its owner gave", { cgroup: "0::/", hostname: "web" }, likely()],
  ["none by an id that is too long", { cgroup: `0::/x/${ID}00` }, likely()],
];

describe("the container that a process runs in", () => {
  for (const [sentence, traces, expected] of cases)
    it(`is ${sentence}`, () => assert.deepEqual(readOwnIds({ ...nothing, ...traces }), expected));
});
