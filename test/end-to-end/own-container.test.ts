/** A container finds itself by what a real kernel and a real Engine tell it, on cgroup v1 and v2. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { bed, bedCommand, engine } from "../bed/bed.ts";
import { firstUnlessFull } from "../support/full-run.ts";
import { buildOuroborosImage, docker } from "../support/ouroboros-image.ts";

const host = engine(1);
const IMAGE = "ouroboros-as-built";
const SOCKET = "/var/run/docker.sock";
const PROGRAM = `
import Docker from "/app/node_modules/dockerode/lib/docker.js";
import { findOwnContainers } from "/app/dist/shared/docker/own-container.js";
console.log((await findOwnContainers({ docker: new Docker() })).join(" "));`;

/** The Engine anew, with what it had, on that version of cgroups. */
async function bootOn(version: "1" | "2"): Promise<void> {
  await bedCommand("halt", "1");
  await promisify(execFile)("bash", [bed().script, "boot", "1"], {
    env: { ...process.env, BED_CGROUP: version },
  });
}

describe("a container of ours", () => {
  before(() => buildOuroborosImage(IMAGE));
  after(async () => {
    await bootOn("1");
    await host.clean();
  });

  for (const version of firstUnlessFull(["2", "1"] as const))
    describe(`on cgroup v${version}`, () => {
      before(async () => {
        await bootOn(version);
        assert.equal(await docker("info", "--format", "{{.CgroupVersion}}"), version);
      });
      afterEach(async () => {
        await docker("rm", "--force", "ours", "other");
      });

      for (const [sentence, ...flags] of [
        ["in the host's cgroup namespace", "--cgroupns", "host"],
        ["in a cgroup namespace of its own", "--cgroupns", "private"],
        ["with a host name that its owner gave", "--cgroupns", "private", "--hostname", "ouroboros"],
        ["in the host's network", "--cgroupns", "private", "--network", "host"],
      ] as const)
        it(`finds itself ${sentence}`, async () => {
          const { id, said } = await ask(...flags);
          assert.equal(said, id);
        });

      it("says that it may be either, or itself, in another's network", async () => {
        await docker("run", "-d", "--name", "other", "--entrypoint", "sleep", IMAGE, "1000");
        const { id, said } = await ask("--cgroupns", "private", "--network", "container:other");
        const other = await docker("inspect", "--format", "{{.Id}}", "other");
        const found = said.split(" ");
        assert.ok(found.includes(id), said);
        assert.ok(
          found.every((one) => [id, other].includes(one)),
          said,
        );
      });
    });
});

async function ask(...flags: readonly string[]): Promise<{ readonly id: string; readonly said: string }> {
  const words = ["--input-type=module", "--eval", PROGRAM];
  const mount = `${SOCKET}:${SOCKET}`;
  const id = await docker(
    ...["create", "--name", "ours", "--entrypoint", "node", "-v", mount, ...flags, IMAGE, ...words],
  );
  return { id, said: await docker("start", "--attach", "ours") };
}
