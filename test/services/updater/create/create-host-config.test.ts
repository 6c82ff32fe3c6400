import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { carriedMounts, hostConfigFrom } from "../../../../services/updater/create/create-host-config.ts";
import { type RecreationInput, bind, recreation, sent, volume } from "./create-scene.ts";

type Row = readonly [sentence: string, given: RecreationInput, expected: Readonly<Record<string, unknown>>];

/** Each field of `expected` is so; undefined: it is not sent. */
const tell = (rows: readonly Row[]): void => {
  for (const [sentence, given, expected] of rows)
    it(sentence, () => {
      const made = sent(hostConfigFrom(recreation(given))) as Record<string, unknown>;
      for (const [field, value] of Object.entries(expected)) assert.deepEqual(made[field], value, field);
    });
};

const PARENT = "a".repeat(64);
const CHILD = "b".repeat(64);
const ANON = "c".repeat(64);
const MASKED = ["/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/timer_list", "/sys/firmware"];
const READONLY = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

describe("the HostConfig of a successor", () => {
  const all = {
    RestartPolicy: { Name: "on-failure", MaximumRetryCount: 5 },
    PortBindings: {
      "80/tcp": [{ HostIp: "::1", HostPort: "8000-8010" }],
      "53/udp": [{ HostIp: "", HostPort: "" }],
    },
    PublishAllPorts: true,
    Binds: ["/a:/a:ro,rslave", "named:/v:nocopy,z"],
    Tmpfs: { "/run": "size=1m" },
    LogConfig: { Type: "json-file", Config: { "max-size": "1m" } },
    MemorySwappiness: null,
    OomKillDisable: false,
    Annotations: { a: "1" },
    ContainerIDFile: "/x",
  };
  it("is the old one, whatever it holds", () =>
    assert.deepEqual(sent(hostConfigFrom(recreation({ host: all }))), { NetworkMode: "bridge", ...all }));

  it("never edits its input", () => {
    const given = recreation({
      host: {
        Mounts: [{ Type: "volume", Target: "/m" }],
        Links: ["/db:/web/db"],
        Devices: [{ CgroupPermissions: "" }],
        KernelMemory: 0,
        VolumesFrom: ["gone"],
      },
      mounts: [volume(ANON, "/m"), volume("named", "/n")],
    });
    const before = structuredClone(given);
    hostConfigFrom(given);
    assert.deepEqual(given, before);
  });

  describe("of namespaces", () => {
    const modes = {
      NetworkMode: `container:${PARENT}`,
      PidMode: `container:${PARENT}`,
      IpcMode: `container:${CHILD}`,
    };
    tell([
      [
        "names the new container where the other was recreated too",
        { host: modes, replaced: { [PARENT]: "new" } },
        { NetworkMode: "container:new", PidMode: "container:new", IpcMode: `container:${CHILD}` },
      ],
      ["names the other as before where it was not", { host: modes }, modes],
      [
        "keeps the host's and none",
        { host: { NetworkMode: "host", PidMode: "host", IpcMode: "none", UTSMode: "host" } },
        { NetworkMode: "host", PidMode: "host", IpcMode: "none", UTSMode: "host" },
      ],
      ["keeps empty ones empty", { host: { PidMode: "", IpcMode: "" } }, { PidMode: "", IpcMode: "" }],
    ]);
  });

  describe("of masked and read-only paths", () => {
    tell([
      [
        "leaves an Engine's own list to the Engine",
        { host: { MaskedPaths: MASKED, ReadonlyPaths: READONLY } },
        { MaskedPaths: undefined, ReadonlyPaths: undefined },
      ],
      [
        "knows an Engine's list in another order",
        { host: { ReadonlyPaths: READONLY.toReversed() } },
        { ReadonlyPaths: undefined },
      ],
      [
        "keeps empty lists: nothing is masked",
        { host: { MaskedPaths: [], ReadonlyPaths: [] } },
        { MaskedPaths: [], ReadonlyPaths: [] },
      ],
      [
        "keeps lists of the user's",
        { host: { MaskedPaths: ["/proc/kcore"], ReadonlyPaths: ["/proc/bus"] } },
        { MaskedPaths: ["/proc/kcore"], ReadonlyPaths: ["/proc/bus"] },
      ],
      [
        "keeps a longer read-only list of the user's",
        { host: { ReadonlyPaths: [...READONLY, "/proc/mine"] } },
        { ReadonlyPaths: [...READONLY, "/proc/mine"] },
      ],
      [
        "leaves null out",
        { host: { MaskedPaths: null, ReadonlyPaths: null } },
        { MaskedPaths: undefined, ReadonlyPaths: undefined },
      ],
    ]);
  });

  describe("of links", () => {
    tell([
      [
        "says target and alias as create wants them",
        { host: { Links: ["/db:/web/database", "/cache:/web/cache"] } },
        { Links: ["db:database", "cache:cache"] },
      ],
      [
        "takes the user's name for a target that is moved aside",
        { host: { Links: ["/db.ouroboros-old-01abc:/web/database"] } },
        { Links: ["db:database"] },
      ],
      [
        "takes the last part where old updates nested it",
        { host: { Links: ["/db:/web/web/database"] } },
        { Links: ["db:database"] },
      ],
      ["leaves null as it is", { host: { Links: null } }, { Links: null }],
    ]);
  });

  describe("of volumes from other containers", () => {
    const shared = [volume("shared", "/shared")];
    tell([
      [
        "names a source that is there as before",
        { host: { VolumesFrom: ["data:ro"] }, mounts: shared, volumesFrom: { data: shared } },
        { VolumesFrom: ["data:ro"], Binds: undefined },
      ],
      [
        "names the new container where the source was recreated too",
        {
          host: { VolumesFrom: [`${PARENT}:ro`] },
          mounts: shared,
          volumesFrom: { [PARENT]: shared },
          replaced: { [PARENT]: "new" },
        },
        { VolumesFrom: ["new:ro"], Binds: undefined },
      ],
      [
        "binds volumes and folders itself where the source is gone",
        {
          host: { VolumesFrom: ["gone"], Binds: ["own:/own"] },
          mounts: [volume("own", "/own"), ...shared, bind("/srv", "/srv", false)],
        },
        { VolumesFrom: null, Binds: ["own:/own", "shared:/shared", "/srv:/srv:ro"] },
      ],
      [
        "drops only the source that is gone",
        {
          host: { VolumesFrom: ["gone", "data"] },
          mounts: [...shared, volume("lost", "/lost")],
          volumesFrom: { data: shared },
        },
        { VolumesFrom: ["data"], Binds: ["lost:/lost"] },
      ],
    ]);
  });

  describe("of anonymous volumes", () => {
    tell([
      [
        "binds each by its name",
        { mounts: [volume(ANON, "/data")], host: { Binds: ["named:/n"] } },
        { Binds: ["named:/n", `${ANON}:/data`] },
      ],
      [
        "binds a read-only one read-only",
        { mounts: [volume(ANON, "/data", false)] },
        { Binds: [`${ANON}:/data:ro`] },
      ],
      [
        "binds none that is bound already",
        { mounts: [volume("named", "/n")], host: { Binds: ["named:/n:ro"] } },
        { Binds: ["named:/n:ro"] },
      ],
      [
        "binds none that is in the list of mounts",
        {
          mounts: [volume("named", "/n")],
          host: { Mounts: [{ Type: "volume", Source: "named", Target: "/n" }] },
        },
        { Binds: undefined, Mounts: [{ Type: "volume", Source: "named", Target: "/n" }] },
      ],
      [
        "names one in the list of mounts in its place, with its options",
        {
          mounts: [volume(ANON, "/m")],
          host: { Mounts: [{ Type: "volume", Target: "/m", VolumeOptions: { NoCopy: true } }] },
        },
        {
          Binds: undefined,
          Mounts: [{ Type: "volume", Target: "/m", VolumeOptions: { NoCopy: true }, Source: ANON }],
        },
      ],
      [
        "binds none that is bound or mounted under another spelling",
        {
          mounts: [volume("named", "/n"), volume("other", "/srv/o"), volume(ANON, "/m")],
          host: {
            Binds: ["named:/n/"],
            Mounts: [
              { Type: "volume", Source: "other", Target: "/srv//./o/" },
              { Type: "volume", Target: "/m/" },
            ],
          },
        },
        {
          Binds: ["named:/n/"],
          Mounts: [
            { Type: "volume", Source: "other", Target: "/srv//./o/" },
            { Type: "volume", Target: "/m/", Source: ANON },
          ],
        },
      ],
      [
        "leaves folders and memory alone",
        {
          mounts: [bind("/a", "/a"), { Type: "tmpfs", Source: "", Destination: "/t", RW: true }],
          host: { Binds: ["/a:/a"], Mounts: [{ Type: "tmpfs", Target: "/t" }] },
        },
        { Binds: ["/a:/a"], Mounts: [{ Type: "tmpfs", Target: "/t" }] },
      ],
    ]);
    it("are those that create would not give by itself", () => {
      const given = recreation({
        mounts: [volume(ANON, "/data"), volume("named", "/n"), volume("shared", "/shared"), bind("/a", "/a")],
        host: { Binds: ["named:/n", "/a:/a"], VolumesFrom: ["data"] },
        volumesFrom: { data: [volume("shared", "/shared")] },
      });
      assert.deepEqual(
        carriedMounts(given).map(({ Destination }) => Destination),
        ["/data"],
      );
    });
  });

  describe("of what an Engine reports but does not take back", () => {
    tell([
      [
        "leaves out a kernel memory limit of zero",
        { host: { KernelMemory: 0, KernelMemoryTCP: 0 } },
        { KernelMemory: undefined, KernelMemoryTCP: undefined },
      ],
      [
        "keeps one that is set",
        { host: { KernelMemory: 1, KernelMemoryTCP: 2 } },
        { KernelMemory: 1, KernelMemoryTCP: 2 },
      ],
      [
        "says a processor limit once",
        { host: { NanoCpus: 5e8, CpuQuota: 50_000, CpuPeriod: 100_000 } },
        { NanoCpus: 5e8, CpuQuota: undefined, CpuPeriod: undefined },
      ],
      [
        "keeps period and quota where they are all there is",
        { host: { NanoCpus: 0, CpuQuota: 50_000, CpuPeriod: 100_000 } },
        { CpuQuota: 50_000, CpuPeriod: 100_000 },
      ],
      [
        "gives a device without permissions all of them",
        {
          host: {
            Devices: [
              { PathOnHost: "/dev/a", CgroupPermissions: "" },
              { PathOnHost: "/dev/b", CgroupPermissions: "r" },
            ],
          },
        },
        {
          Devices: [
            { PathOnHost: "/dev/a", CgroupPermissions: "rwm" },
            { PathOnHost: "/dev/b", CgroupPermissions: "r" },
          ],
        },
      ],
    ]);
  });

  it("leaves out the swappiness of zero that podman tells where none was asked for", () => {
    const host = { MemorySwappiness: 0 };
    const made = (config: object) => hostConfigFrom(recreation({ host, config }))["MemorySwappiness"];
    assert.equal(made({ Env: ["container=podman"] }), undefined);
    assert.equal(made({}), 0);
  });
});
