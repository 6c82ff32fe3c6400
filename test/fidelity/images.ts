/**
 * The images of the fidelity suite, each as the list of its versions. `harsh` changes every default that an image can
 * have, `mild` nothing but a file; `still` never moves.
 */
import { isOlder } from "../../shared/version.ts";
import type { ImageOptions } from "../bed/bed.ts";

const SECOND = 1e9;

/** Ends at once on each of the signals that cases stop it with. */
const SERVE = `#!/bin/sh
trap "exit 0" TERM INT HUP QUIT USR1 USR2
sleep 100000 &
wait
`;
const passwd = (...users: readonly string[]) =>
  ["root:x:0:0:root:/:/bin/sh", ...users.map((user, at) => `${user}:x:${1001 + at}:0::/:/bin/sh`), ""].join(
    "\n",
  );

const common = {
  docker: true,
  expose: ["8081/tcp", "9000/tcp"],
  stopSignal: "SIGUSR1",
  entrypoint: ["/bin/serve"],
  cmd: ["serve"],
  files: { "/bin/serve": SERVE, "/etc/group": "root:x:0:\n", "/etc/passwd": passwd() },
} satisfies ImageOptions;

/** Versions that differ in a file only. */
const alike = (options: ImageOptions, versions = 2): ImageOptions[] =>
  Array.from({ length: versions }, (_, at) => ({
    ...options,
    files: { ...options.files, "/version": `${at + 1}\n` },
  }));

const but = (options: ImageOptions): ImageOptions => ({ ...common, ...options });

function harsh(version: number, api: string): ImageOptions {
  // Healthy at the first look, which comes soon; then it is rarely asked again. Before API 1.44 only Interval counts.
  const rarely = isOlder(api, "1.44") && version > 1 ? 10 : 300;
  const own = `${version}`;
  return {
    ...common,
    env: [`IMG_VER=${own}`, `KEEP=img${own}`, `ONLY_V${own}=yes`],
    labels: { "img.ver": own, [`img.onlyv${own}`]: "yes", "img.keep": `img${own}` },
    expose: [`${8080 + version}/tcp`, "9000/tcp"],
    volumes: ["/imgvol", `/imgvol${own}`],
    workdir: `/w${own}`,
    stopSignal: ["SIGUSR1", "SIGUSR2", "SIGHUP"][version - 1] ?? "SIGTERM",
    user: `u${own}`,
    entrypoint: [`/bin/serve${own}`],
    cmd: [`serve${own}`],
    files: {
      ...common.files,
      [`/bin/serve${own}`]: SERVE,
      "/etc/passwd": passwd(`u${own}`),
      "/imgvol/seed": own,
      [`/imgvol${own}/seed`]: own,
    },
    healthcheck: {
      Test: ["CMD", "/bin/true", own],
      StartInterval: Math.round((0.2 + version / 100) * SECOND),
      Interval: (rarely + version) * SECOND,
      Timeout: (10 + version) * SECOND,
      StartPeriod: (12 + version) * SECOND,
      Retries: version,
    },
    config: { Shell: ["/bin/sh", `-${"e".repeat(version)}c`], OnBuild: [`RUN echo v${own}`] },
  };
}

const HEALTHY = {
  Test: ["CMD", "/bin/true"],
  StartInterval: 0.2 * SECOND,
  StartPeriod: 10 * SECOND,
  Interval: 3 * SECOND,
};

export const imagesFor = (api: string) =>
  ({
    harsh: [1, 2].map((version) => harsh(version, api)),
    mild: alike(common),
    still: [common],
    /** Every default changes, twice and three times. */
    again: [1, 2, 3].map((version) => harsh(version, api)),
    mildAgain: alike(common, 4),
    volumeAppears: [common, but({ volumes: ["/data"] })],
    volumeVanishes: [but({ volumes: ["/data"] }), common],
    volumesSpelt: alike(but({ volumes: ["/data/", "/srv//kept", "/memory/"] })),
    userAppears: [common, but({ user: "u", files: { ...common.files, "/etc/passwd": passwd("u") } })],
    userVanishes: [but({ user: "u", files: { ...common.files, "/etc/passwd": passwd("u") } }), common],
    entrypointAppears: [{ ...common, entrypoint: [], cmd: ["/bin/serve", "old"] }, common],
    entrypointVanishes: [common, { ...common, entrypoint: [], cmd: ["/bin/serve", "new"] }],
    commandVanishes: [common, but({ cmd: [] })],
    commandAppears: [but({ cmd: [] }), common],
    healthAppears: [common, but({ healthcheck: HEALTHY })],
    healthVanishes: [but({ healthcheck: HEALTHY }), common],
    bare: alike(but({ bare: true })),
    configAppears: [but({ bare: true }), common],
    configVanishes: [common, but({ bare: true })],
    exposeVanishes: [common, but({ expose: [] })],
  }) as const satisfies Record<string, readonly ImageOptions[]>;

export type ImageName = keyof ReturnType<typeof imagesFor>;
