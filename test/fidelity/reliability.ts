/** docs/reliability.md: what the fidelity suite found, case by case and Engine by Engine. Written by its long run. */
import { realpathSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { topics } from "./cases.ts";
import type { Case } from "./case.ts";

/** For each Engine, the cases that were run there and whether all went well. */
export type Findings = ReadonlyMap<string, ReadonlyMap<string, boolean>>;

export async function writeReliability(findings: Findings, podman: readonly string[]): Promise<void> {
  const checkout = dirname(realpathSync(join(import.meta.dirname, "../../../package.json")));
  await writeFile(join(checkout, "docs/reliability.md"), pageOf(findings, podman));
}

function pageOf(findings: Findings, podman: readonly string[]): string {
  const engines = [...findings.keys()];
  const sections = Object.entries<Readonly<Record<string, Case>>>(topics).map(([topic, cases]) => {
    const rows = Object.entries(cases).map(([name, { says }]) => {
      const cells = engines.map((engine) => markOf(findings.get(engine)?.get(name)));
      return `| ${says} | ${cells.join(" | ")} |`;
    });
    return [`## ${titleOf(topic)}`, "", ...headOf(engines), ...rows].join("\n");
  });
  const totals = engines.map((engine) => {
    const all = [...(findings.get(engine)?.values() ?? [])];
    return `- ${engine}: ${all.filter(Boolean).length} of ${all.length}`;
  });
  return `${[INTRODUCTION, totals.join("\n"), ...sections, LIMITS, podmanSection(podman)].join("\n\n")}\n`;
}

const markOf = (passed: boolean | undefined): string => (passed === undefined ? "–" : passed ? "✔" : "✘");
const titleOf = (topic: string): string => topic.charAt(0).toUpperCase() + topic.slice(1);
const headOf = (engines: readonly string[]): string[] => [
  `| After the update | ${engines.join(" | ")} |`,
  `| --- |${" :-: |".repeat(engines.length)}`,
];

const INTRODUCTION = `# Reliability

The new container equals the old one but for its image: it is what \`docker create\` with the same options would have
made of the new image. \`npm run test:full\` shows it and prints this page. For each row it creates the containers of a
case, edits them as the row says, writes into each of their volumes, moves the tags of their images and runs Ouroboros
once over all of them. Then it creates each container again with the same options on the new image, and compares all that
inspect says of the two: Config, HostConfig, mounts and networks, without ids, names, times and what the Engine allocates.
The volumes must be the same with their data in them, the states as before, and nothing may be left behind.

Each row is run with two pairs of images: one whose versions differ in every default that an image can have
(environment, labels, ports, volumes, folder, user, stop signal, healthcheck, entrypoint, command), and one whose versions
differ in a file only. ✔ all of that holds, ✘ it does not, – the Engine's API does not know it.`;

const LIMITS = `## What cannot be told

- A value of the user's that equals the old image's default counts as the image's, and follows the new image.
- What an Engine fills in when a container is created (log driver, runtime, ulimits and cgroup mode from its own settings)
  is carried over as it was filled in.
- A hardware address in a second network is kept unless it is visibly made from the IPv4 address: the API does not tell a
  configured one from one that the Engine chose.
- Ports that the Engine chooses change, as they do at every start.
- An anonymous volume is carried over by its name. \`docker rm -v\` no longer removes it; \`docker volume prune\` does once
  nothing uses it.
- A stopped container that had to be recreated, because it refers to a replaced one, is \`created\` and no longer \`exited\`.
- What a container wrote into its own file system, beside its volumes, is gone, as with every new container.
- \`docker compose up -d\` has nothing to do after an update. One exception is compose's own: it sees the parent's id in
  \`network_mode: service:…\`, \`pid\` and \`ipc\`, and so makes such a container anew once.
- Containers that are stopped, paused, started with \`--rm\`, pinned by digest, created by an image's id, part of a swarm
  service, or one-off containers of compose are left alone. The log at \`LOG_LEVEL=debug\` says why for each.`;

const podmanSection = (lines: readonly string[]): string =>
  [
    "## Podman",
    "",
    "Podman 4.3 through its Docker API, with the images that differ in a file only:",
    "",
    ...lines,
  ].join("\n");
