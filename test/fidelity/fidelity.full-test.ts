/** The whole suite on every Engine, with both pairs of images; prints its tables of docs/reliability.md. */
import { after, before, describe } from "mocha";
import { bedCommand, engine } from "../bed/bed.ts";
import { describeBatch } from "./batch.ts";
import { allCases, onImage } from "./cases.ts";
import { podmanCases } from "./podman.ts";
import { writeSection } from "../support/docs-sections.ts";
import { fidelityTables } from "./fidelity-tables.ts";

interface Kind {
  readonly title: string;
  /** Arguments of \`boot\`. */
  readonly boot: readonly string[];
  /** Its API version, where it is older than some case needs. */
  readonly api?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Before API 1.44 a container is healthy only after its whole interval: many wait at once. */
const PATIENT = { SWAPS: "48" };

const kinds: readonly Kind[] = [
  { title: "20.10", boot: ["20.10"], api: "1.41", env: PATIENT },
  { title: "26.1", boot: ["26.1"], api: "1.45" },
  { title: "28.5", boot: ["28.5"] },
  {
    title: "28.5, containerd's images, API from 1.44",
    boot: ["28.5", "DOCKER_MIN_API_VERSION=1.44", "--feature=containerd-snapshotter=true"],
  },
];

describe("an updated container equals one that was created on the new image", () => {
  const findings = new Map<string, Map<string, boolean>>();
  const podman = new Map<string, boolean>();

  kinds.forEach(({ title, boot, api, env }, at) => {
    const number = 21 + at;
    const found = new Map<string, boolean>();
    findings.set(title, found);
    const tell = (name: string, passed: boolean) => found.set(name, passed && found.get(name) !== false);
    describe(`on Engine ${title}`, () => {
      before(() => bedCommand("boot", `${number}`, ...boot));
      after(() => bedCommand("cut", `${number}`));
      const common = { engine: () => engine(number), tell, ...(api && { api }), ...(env && { env }) };
      describeBatch("whose images change in every default", { ...common, cases: allCases });
      describeBatch("whose images change in a file", { ...common, cases: onImage("mild", allCases) });
    });
  });

  describe("on podman 4.3", () => {
    before(() => bedCommand("boot", "25", "podman"));
    after(() => bedCommand("cut", "25"));
    describeBatch("whose images change in a file", {
      engine: () => engine(25),
      cases: onImage("mild", podmanCases),
      tell: (name, passed) => podman.set(name, passed),
    });
  });

  after(async () => {
    await writeSection("fidelity", fidelityTables(findings));
    const lines = [...podman].map(
      ([name, passed]) => `- ${passed ? "✔" : "✘"} ${podmanCases[name]?.says ?? name}`,
    );
    await writeSection("podman", lines.join("\n"));
  });
});
