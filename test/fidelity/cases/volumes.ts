/** Volumes and mounts: named, anonymous, of the image, of other containers; none may lose its data. */
import assert from "node:assert/strict";
import { type Case, type Scene, host, singleContainer } from "../case.ts";

/** The content of a file that is seen at that path. */
const shows =
  (path: string, text: string) =>
  async ({ exec }: Scene) =>
    assert.equal(await exec("it", "/bin/cat", path), text);

export const volumeCases = {
  binds: singleContainer(
    "a bound folder and named volumes",
    ({ folder, own }) => host({ Binds: [`${folder}:/bm:ro`, `${own("a")}:/v1`, `${own("b")}:/v2:nocopy`] }),
    { check: shows("/bm/file", "from the host\n") },
  ),
  "image-volumes": singleContainer("anonymous volumes of the image", { User: "0" }),
  "anonymous-volume": singleContainer("an anonymous volume of its own", { Volumes: { "/tmp": {} } }),
  "anonymous-in-binds": singleContainer(
    "anonymous volumes where the image has none",
    { Volumes: { "/a": {}, "/b/c": {} } },
    { image: "mild" },
  ),
  mounts: singleContainer("mounts: a volume with options, a bound folder, a tmpfs", ({ folder, own }) =>
    host({
      Mounts: [
        {
          Type: "volume",
          Source: own("a"),
          Target: "/v3",
          VolumeOptions: { NoCopy: true, Labels: { a: "b" } },
        },
        { Type: "bind", Source: folder, Target: "/bm", ReadOnly: true },
        { Type: "tmpfs", Target: "/mt", TmpfsOptions: { SizeBytes: 1048576, Mode: 1023 } },
      ],
    }),
  ),
  "mounts-anonymous": singleContainer(
    "an anonymous volume in the list of mounts, with its options",
    host({
      Mounts: [{ Type: "volume", Target: "/anon", VolumeOptions: { NoCopy: true, Labels: { kept: "yes" } } }],
    }),
  ),
  "mounts-mixed": singleContainer(
    "binds, mounts, tmpfs and anonymous volumes beside each other",
    ({ folder, own }) => ({
      Volumes: { "/anon": {} },
      ...host({
        Binds: [`${own("a")}:/a`, `${folder}:/b`],
        Mounts: [
          { Type: "volume", Source: own("c"), Target: "/c" },
          { Type: "volume", Target: "/d" },
          { Type: "tmpfs", Target: "/e" },
        ],
        Tmpfs: { "/f": "size=64k" },
      }),
    }),
  ),
  "bind-over-image-volume": singleContainer(
    "a named volume in place of the image's anonymous one",
    ({ own }) => host({ Binds: [`${own("a")}:/imgvol`] }),
  ),
  "tmpfs-over-image-volume": singleContainer(
    "a tmpfs in place of the image's anonymous volume",
    host({ Tmpfs: { "/imgvol": "size=1m" } }),
  ),
  "mount-over-image-volume": singleContainer(
    "a read-only mount in place of the image's anonymous volume",
    ({ folder }) => host({ Mounts: [{ Type: "bind", Source: folder, Target: "/imgvol", ReadOnly: true }] }),
  ),
  "bind-options": singleContainer("bound folders with their options", ({ folder }) =>
    host({
      Binds: [`${folder}:/a:ro,rprivate`, `${folder}:/b:z`],
      Mounts: [
        {
          Type: "bind",
          Source: folder,
          Target: "/c",
          BindOptions: { Propagation: "rprivate", NonRecursive: true },
        },
      ],
    }),
  ),
  "read-only-root": singleContainer(
    "a read-only root, a tmpfs and a size for shared memory",
    host({ ReadonlyRootfs: true, Tmpfs: { "/run": "rw,size=1m" }, ShmSize: 1048576 }),
  ),
  "volume-appears": singleContainer(
    "a named volume at a path that the new image declares a volume",
    ({ own }) => host({ Binds: [`${own("a")}:/data`] }),
    { image: "volumeAppears" },
  ),
  "volume-appears-anonymous": singleContainer(
    "an anonymous volume at a path that the new image declares one",
    { Volumes: { "/data": {} } },
    { image: "volumeAppears" },
  ),
  "volume-appears-plain": singleContainer(
    "a volume that only the new image declares",
    {},
    { image: "volumeAppears" },
  ),
  "volume-vanishes": singleContainer(
    "the data of a volume that the new image no longer declares",
    {},
    {
      image: "volumeVanishes",
      check: async ({ exec }) => assert.match(await exec("it", "/bin/cat", "/data/mark"), /^[0-9a-f]{64}$/),
    },
  ),
  "volume-spelt-otherwise": singleContainer(
    "volumes, folders and memory at paths that are spelt otherwise than the Engine does",
    ({ folder, own }) => ({
      Volumes: { "/cache/": {} },
      ...host({
        Binds: [`${own("a")}:/data/`, `${own("b")}:/srv//x`, `${folder}:/srv/./y`],
        Mounts: [
          { Type: "volume", Source: own("c"), Target: "/m/" },
          { Type: "volume", Target: "/n//" },
          { Type: "tmpfs", Target: "/t/" },
        ],
        Tmpfs: { "/u/": "size=64k" },
      }),
    }),
  ),
  "image-volume-spelt-otherwise": singleContainer(
    "anonymous volumes and memory where the image spells its volumes otherwise",
    host({ Tmpfs: { "/memory": "size=64k" } }),
    { image: "volumesSpelt" },
  ),
  "image-volume-bound": singleContainer(
    "a named volume in place of the image's that is spelt otherwise",
    ({ own }) => host({ Binds: [`${own("a")}:/data`, `${own("b")}:/memory/`] }),
    { image: "volumesSpelt" },
  ),
  "volumes-from": {
    says: "volumes of another container that is there",
    members: {
      data: {
        image: "still",
        fate: "kept",
        body: { Volumes: { "/shared": {} }, ...host({ Binds: ["volumes-from-named:/named"] }) },
      },
      it: { body: ({ idOf }) => host({ VolumesFrom: [idOf("data")] }) },
    },
  },
  "volumes-from-name": {
    says: "volumes of another container by its name, read-only",
    members: {
      data: { image: "still", fate: "kept", body: { Volumes: { "/shared": {} } } },
      it: { body: host({ VolumesFrom: ["volumes-from-name-data:ro"] }) },
    },
  },
  "volumes-from-replaced": {
    says: "volumes of another container that is updated too",
    members: {
      data: { image: "mild", body: { Volumes: { "/shared": {} } } },
      it: { body: host({ VolumesFrom: ["volumes-from-replaced-data"] }) },
    },
  },
  "volumes-from-gone": {
    says: "volumes of another container that is gone",
    members: {
      data: {
        image: "still",
        state: "removed",
        body: { Volumes: { "/shared": {} }, ...host({ Binds: ["volumes-from-gone-named:/named"] }) },
      },
      it: {
        body: ({ idOf }) =>
          idOf("data") === ""
            ? { ...host({ Binds: ["volumes-from-gone-named:/named"] }), Volumes: { "/shared": {} } }
            : host({ VolumesFrom: ["volumes-from-gone-data"] }),
        allowed: ["Config.Volumes"],
      },
    },
  },
  "volumes-from-source": {
    says: "what takes volumes from the updated container stays as it is",
    members: {
      it: { body: { Volumes: { "/shared": {} } } },
      user: {
        image: "still",
        fate: "kept",
        body: host({ VolumesFrom: ["volumes-from-source-it"] }),
        allowed: ["Mounts"],
      },
    },
  },
} satisfies Record<string, Case>;
