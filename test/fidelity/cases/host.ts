/** What a user may set of a container's place on its host: ports, restarts, rights, limits, namespaces. */
import assert from "node:assert/strict";
import { host, singleContainer } from "../case.ts";

export const hostCases = {
  ports: singleContainer("published ports, tcp and udp, one on two addresses", {
    ExposedPorts: { "8081/tcp": {}, "53/udp": {} },
    ...host({
      PortBindings: {
        "8081/tcp": [
          { HostIp: "127.0.0.1", HostPort: "28301" },
          { HostIp: "127.0.0.2", HostPort: "28301" },
        ],
        "53/udp": [{ HostIp: "127.0.0.1", HostPort: "28302" }],
      },
    }),
  }),
  "ports-random": singleContainer("ports that the Engine chooses", {
    ExposedPorts: { "8081/tcp": {}, "9000/tcp": {} },
    ...host({
      PortBindings: {
        "8081/tcp": [{ HostIp: "127.0.0.1", HostPort: "" }],
        "9000/tcp": [{ HostIp: "127.0.0.1", HostPort: "0" }],
      },
    }),
  }),
  "ports-range": singleContainer("a port of a range", {
    ExposedPorts: { "9000/tcp": {} },
    ...host({ PortBindings: { "9000/tcp": [{ HostPort: "28310-28315" }] } }),
  }),
  "ports-six": singleContainer("a port on an IPv6 address", {
    ExposedPorts: { "9000/tcp": {} },
    ...host({ PortBindings: { "9000/tcp": [{ HostIp: "::1", HostPort: "28320" }] } }),
  }),
  "port-vanishes": singleContainer(
    "a published port that the new image no longer exposes",
    host({ PortBindings: { "9000/tcp": [{ HostIp: "127.0.0.1", HostPort: "28330" }] } }),
    {
      image: "exposeVanishes",
      allowed: ["Config.ExposedPorts"],
      check: async ({ inspect }) =>
        assert.equal((await inspect()).NetworkSettings.Ports["9000/tcp"]?.[0]?.HostPort, "28330"),
    },
  ),
  "publish-all": singleContainer(
    "all ports that the new image exposes, and no others",
    host({ PublishAllPorts: true }),
    {
      check: async ({ inspect }) => {
        const { NetworkSettings, Config } = await inspect();
        const published = Object.entries(NetworkSettings.Ports).filter(
          ([, bindings]) => (bindings ?? []).length > 0,
        );
        assert.deepEqual(
          published.map(([port]) => port).sort(),
          Object.keys(Config.ExposedPorts ?? {}).sort(),
        );
      },
    },
  ),
  expose: singleContainer("more exposed ports", { ExposedPorts: { "7000/tcp": {}, "7001/udp": {} } }),
  "restart-always": singleContainer("restart always", host({ RestartPolicy: { Name: "always" } })),
  "restart-on-failure": singleContainer(
    "restart on failure, five times",
    host({ RestartPolicy: { Name: "on-failure", MaximumRetryCount: 5 } }),
  ),
  "restart-unless-stopped": singleContainer(
    "restart unless stopped",
    host({ RestartPolicy: { Name: "unless-stopped" } }),
  ),
  rights: singleContainer(
    "capabilities, security options, groups",
    host({
      CapAdd: ["NET_ADMIN"],
      CapDrop: ["ALL"],
      SecurityOpt: ["no-new-privileges:true", "seccomp=unconfined"],
      GroupAdd: ["27", "50"],
    }),
  ),
  // With a user of its own: Engine 20.10 gives root capabilities that the machine itself may not have.
  privileged: singleContainer("privileged, with an init process", {
    User: "1000",
    ...host({ Privileged: true, Init: true }),
  }),
  "unmasked-paths": singleContainer("privileged, with no path masked", {
    User: "1000",
    ...host({ Privileged: true, MaskedPaths: [], ReadonlyPaths: [] }),
  }),
  "masked-paths": singleContainer(
    "masked paths of its own",
    host({ MaskedPaths: ["/proc/kcore"], ReadonlyPaths: ["/proc/bus", "/proc/fs"] }),
  ),
  limits: singleContainer(
    "memory, processors, processes, out-of-memory score",
    host({
      Memory: 64e6,
      MemoryReservation: 32e6,
      MemorySwap: 128e6,
      MemorySwappiness: 0,
      NanoCpus: 5e8,
      CpuShares: 512,
      CpusetCpus: "0",
      PidsLimit: 77,
      OomScoreAdj: 300,
      OomKillDisable: false,
    }),
  ),
  "limits-quota": singleContainer(
    "processor time by period and quota, and block weights",
    host({ CpuPeriod: 50_000, CpuQuota: 25_000, CpusetMems: "0", BlkioWeight: 300, PidsLimit: -1 }),
  ),
  "devices-and-ulimits": singleContainer(
    "ulimits, kernel settings, a device and rules for devices",
    host({
      Ulimits: [{ Name: "nofile", Soft: 1024, Hard: 2048 }],
      Sysctls: { "net.core.somaxconn": "1024" },
      Devices: [{ PathOnHost: "/dev/null", PathInContainer: "/dev/mynull", CgroupPermissions: "rw" }],
      DeviceCgroupRules: ["c 1:3 rwm"],
    }),
  ),
  "device-limits": singleContainer(
    "several devices, and rates for one",
    host({
      Devices: [
        { PathOnHost: "/dev/zero", PathInContainer: "/dev/a", CgroupPermissions: "rwm" },
        { PathOnHost: "/dev/full", PathInContainer: "/dev/b", CgroupPermissions: "r" },
      ],
      Ulimits: [
        { Name: "memlock", Soft: 65536, Hard: 131072 },
        { Name: "core", Soft: 0, Hard: -1 },
      ],
    }),
  ),
  names: singleContainer(
    "name servers, search domains, options and hosts",
    host({
      Dns: ["127.0.0.53"],
      DnsSearch: ["x.org"],
      DnsOptions: ["ndots:2"],
      ExtraHosts: ["a:10.0.0.1", "gw:host-gateway"],
    }),
  ),
  log: singleContainer(
    "a log driver with options",
    host({ LogConfig: { Type: "json-file", Config: { "max-size": "1m", "max-file": "2" } } }),
  ),
  "log-none": singleContainer("no log", host({ LogConfig: { Type: "none", Config: {} } })),
  namespaces: singleContainer(
    "the host's processes and cgroups, shareable memory",
    host({ PidMode: "host", IpcMode: "shareable", CgroupnsMode: "host", CgroupParent: "/fidelity" }),
  ),
  "ipc-host": singleContainer(
    "the host's and no interprocess memory",
    host({ IpcMode: "host", UTSMode: "" }),
  ),
  "uts-host": singleContainer("the host's name", host({ UTSMode: "host" })),
  annotations: singleContainer("annotations", host({ Annotations: { "com.example.a": "1" } }), {
    since: "1.43",
  }),
  "live-limits": singleContainer("limits changed while it runs", host({ Memory: 64e6, MemorySwap: 64e6 }), {
    edit: ({ container }) =>
      container.update({ Memory: 96e6, MemorySwap: 192e6, CpuShares: 300, PidsLimit: 50 }),
  }),
  "live-restart": singleContainer(
    "a restart policy changed while it runs",
    host({ RestartPolicy: { Name: "always" } }),
    {
      edit: ({ container }) =>
        container.update({ RestartPolicy: { Name: "on-failure", MaximumRetryCount: 3 } }),
    },
  ),
  "live-restart-always": singleContainer(
    "a restart policy given while it runs",
    {},
    {
      image: "mild",
      edit: ({ container }) => container.update({ RestartPolicy: { Name: "always" } }),
    },
  ),
};
