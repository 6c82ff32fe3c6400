/** Files that somebody copied into a container before its first start: compose's configs and secrets, `docker cp`. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { after, afterEach, before, beforeEach, describe, it } from "mocha";
import { type Engine, type ImageOptions, bedCommand, engine, leftovers } from "../bed/bed.ts";
import { type RunOnceResult, runOnce } from "../fidelity/run-once.ts";
import { until } from "../support/until.ts";
import { idOf, overview, pull, release } from "../support/containers.ts";
import { itInFullRun } from "../support/full-run.ts";

const run = promisify(execFile);

/** At its first start only: a file of its own, one in /etc, one of the image's given away, and a tree with its old times. */
const SERVE = `#!/bin/sh
[ -e /made ] || {
  /bin/busybox cp -a /srv/shipped /srv/unpacked
  echo "of $VERSION" > /made; echo "of $VERSION" > /etc/made
  /bin/busybox chmod 444 /etc/made; /bin/busybox chown 7:7 /etc/app/given
}
trap "exit 0" TERM
sleep 100000 &
wait
`;
const image = (version: string, more: ImageOptions = {}): ImageOptions => ({
  entrypoint: ["/bin/serve"],
  files: {
    "/bin/serve": SERVE,
    "/srv/shipped/part": `part ${version}\n`,
    "/etc/app/given": `given ${version}\n`,
    "/etc/app/app.conf": `image ${version}\n`,
  },
  ...more,
});

const PROJECT = `
name: files
services:
  web:
    image: registry.lab:5000/apps/web:latest
    container_name: web
    configs:
      - { source: inline, target: /etc/inline.conf, uid: "12", gid: "13", mode: 0440 }
      - { source: inline, target: /etc/app/app.conf }
      - { source: inline, target: /deep/er/inline.conf, mode: 0644 }
      - { source: inline, target: /memory/inline.conf }
      - { source: inline, target: /data/inline.conf }
      - { source: file, target: /etc/file.conf }
    secrets: [token]
    volumes: ["/data"]
    tmpfs: [/memory]
configs:
  inline: { content: "forward = yes" }
  file: { file: ./file.txt }
secrets:
  token: { environment: TOKEN }
`;

function describeCopiedIn(number: number): void {
  const host = (): Engine => engine(number);
  let folder = "";
  const docker = (...args: string[]) => bedCommand("docker", `${number}`, ...args);
  const shows = async (...words: string[]) => (await docker("exec", "web", ...words)).trim();
  const compose = (...args: string[]) =>
    run("docker-compose", args, {
      cwd: folder,
      env: { ...process.env, DOCKER_HOST: `unix://${host().socket}`, TOKEN: "hush" },
    });
  const update = async (version: string): Promise<RunOnceResult> => {
    await release("apps/web", version, image(version));
    return runOnce(host(), ["web"]);
  };
  const updates = async (version: string): Promise<void> => {
    const before = await idOf(host(), "web");
    const { code, log } = await update(version);
    assert.equal(code, 0, log);
    assert.notEqual(await idOf(host(), "web"), before, log);
    assert.deepEqual(await overview(host()), [`web running ${version}`]);
  };
  const refuses = async (version: string, because: RegExp): Promise<void> => {
    const before = await idOf(host(), "web");
    assert.match((await update(version)).log, because);
    assert.equal(await idOf(host(), "web"), before);
  };
  const isItsOwn = async (version: string): Promise<void> => {
    await until(
      "its first start is over",
      async () => (await shows("sh", "-c", "[ -e /etc/made ] && echo yes; :")) === "yes",
    );
    assert.equal(await shows("cat", "/made", "/etc/made"), `of ${version}\nof ${version}`);
    assert.equal(
      await shows("cat", "/etc/app/given", "/srv/unpacked/part"),
      `given ${version}\npart ${version}`,
    );
  };
  /** The Engine remembers 256 of them. */
  const forgetEvents = async (): Promise<void> => {
    const image = host().docker.getImage("registry.lab:5000/apps/web:latest");
    for (let n = 0; n < 256; n++) await image.tag({ repo: "registry.lab:5000/apps/web", tag: "other" });
  };
  /** Created, not started. */
  const create = async (...args: string[]): Promise<void> => {
    await pull(host(), (await release("apps/web", "1", image("1"))).reference);
    await docker("create", "--name", "web", ...args, "registry.lab:5000/apps/web:latest");
  };

  before(async () => {
    folder = await mkdtemp(join("/tmp", "files-"));
    await writeFile(join(folder, "file.txt"), "from a file\n");
    await writeFile(join(folder, "compose.yaml"), PROJECT);
    await mkdir(join(folder, "tree/empty"), { recursive: true });
    await writeFile(join(folder, "tree/old.conf"), "old\n", { mode: 0o640 });
    await symlink("old.conf", join(folder, "tree/link"));
    const past = new Date("2021-03-04T05:06:07.5Z");
    for (const one of ["tree/old.conf", "tree/empty", "tree"]) await utimes(join(folder, one), past, past);
  });
  beforeEach(async () => {
    await release("apps/web", "1", image("1"));
  });
  afterEach(async () => {
    await host().clean();
    assert.deepEqual(await leftovers(host()), []);
  });
  after(() => rm(folder, { recursive: true, force: true }));

  it("carries over compose's configs and secrets, at each update and after restarts, and nothing else", async () => {
    await compose("up", "-d");
    for (const version of ["2", "3"]) {
      await docker("restart", "-t", "1", "web");
      await updates(version);
      for (const path of [
        "/etc/inline.conf",
        "/etc/app/app.conf",
        "/deep/er/inline.conf",
        "/data/inline.conf",
      ])
        assert.equal(await shows("cat", path), "forward = yes", path);
      assert.equal(await shows("cat", "/run/secrets/token", "/etc/file.conf"), "hushfrom a file");
      assert.equal(
        await shows(
          "/bin/busybox",
          "stat",
          "-c",
          "%a %u %g",
          "/etc/inline.conf",
          "/run/secrets/token",
          "/deep/er/inline.conf",
        ),
        "440 12 13\n444 0 0\n644 0 0",
      );
      await isItsOwn(version);
    }
    const before = await idOf(host(), "web");
    await compose("up", "-d");
    assert.equal(await idOf(host(), "web"), before);
  });

  it("carries over what `docker cp` put there before the first start: files, folders, links, owners, attributes", async () => {
    await create();
    await docker("cp", "-q", join(folder, "tree"), "web:/etc/app/tree");
    await docker("cp", "-q", join(folder, "tree/old.conf"), "web:/etc/app/app.conf");
    await bedCommand(
      "exec",
      "sh",
      "-c",
      `head -c 5000000 /dev/urandom > ${folder}/large; touch -d 2021-01-01 ${folder}/large`,
    );
    await docker("cp", "-q", join(folder, "large"), "web:/srv/large");
    await docker("start", "web");
    const said = () =>
      shows(
        "sh",
        "-c",
        "cd /etc/app/tree; b=/bin/busybox; $b stat -c '%n %F %a %u %g %s' . old.conf link empty; $b readlink link; $b md5sum /srv/large /etc/app/app.conf; cat old.conf",
      );
    const before = await said();
    assert.match(before, /symbolic link/);
    await docker("exec", "web", "/bin/busybox", "chown", "5:6", "/etc/app/tree/old.conf");
    for (const version of ["2", "3"]) {
      await updates(version);
      assert.equal(
        await said(),
        before.replace("old.conf regular file 640 0 0", "old.conf regular file 640 5 6"),
      );
    }
  });

  itInFullRun(
    "leaves behind what the container unpacked itself, however old and however often it was restarted",
    async () => {
      await create();
      await docker("start", "web");
      await isItsOwn("1");
      await updates("2");
      await isItsOwn("2");
      await docker("restart", "-t", "1", "web");
      await updates("3");
      await isItsOwn("3");
    },
  );

  itInFullRun(
    "tells them apart by the Engine's events where the container was restarted, and refuses where these are forgotten",
    async () => {
      await create();
      await docker("cp", "-q", join(folder, "tree/old.conf"), "web:/etc/old.conf");
      await docker("start", "web");
      await docker("restart", "-t", "1", "web");
      await updates("2");
      assert.equal(await shows("cat", "/etc/old.conf"), "old");
      await isItsOwn("2");
      await docker("rm", "-f", "web");
      await create();
      await docker("cp", "-q", join(folder, "tree/old.conf"), "web:/etc/old.conf");
      await docker("start", "web");
      await docker("restart", "-t", "1", "web");
      await forgetEvents();
      await refuses("4", /cannot tell whether .*\/etc\/old\.conf.* were copied into the container/);
    },
  );
}

/** An Engine of the bed; `boot` where it is not up already. */
interface CopiedInHost {
  readonly title: string;
  readonly number: number;
  readonly boot?: readonly string[];
}

export const describeOnEach = (hosts: readonly CopiedInHost[], timeoutMs: number): unknown =>
  describe("an update of a container that files were copied into", function () {
    this.timeout(timeoutMs);
    for (const { title, number, boot } of hosts)
      describe(`on Engine ${title}`, () => {
        if (boot !== undefined) {
          before(() => bedCommand("boot", `${number}`, ...boot));
          after(() => bedCommand("cut", `${number}`));
        }
        describeCopiedIn(number);
      });
  });
