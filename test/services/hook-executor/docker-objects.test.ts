import assert from "node:assert/strict";
import { cp, mkdir, readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import type { Locals } from "../../../shared/contract/hooks.ts";
import { bed, bedCommand, engine, pushApp } from "../../bed/bed.ts";
import { HOOKS } from "./hook-readmes.ts";
import {
  type HooksFolder,
  cloudEvent,
  container,
  hookEvent,
  hooksFolder,
  image,
  linesOf,
  remoteImage,
  runScripts,
} from "./scene.ts";
import { itInFullRun } from "../../support/full-run.ts";

describe("what Python scripts see where the Engine's socket is there", () => {
  let folder: HooksFolder;
  beforeEach(async () => {
    folder = await hooksFolder();
  });
  afterEach(() => folder[Symbol.asyncDispose]());
  const py = (name: string, text: string) => folder.put(`before_update/${name}`, text, 0o644);

  it("are docker-py's own, under the names and with the methods that Ouroboros' scripts know", async () => {
    await using h1 = engine(1);
    const { reference } = await pushApp("hooks/app", "1", { env: ["COLOUR=old"] });
    await bedCommand(
      "docker",
      "1",
      "run",
      "-d",
      "--name",
      "app-ouroboros-run-1",
      "-l",
      "tier=front",
      reference,
    );
    const [info, seen] = await Promise.all([
      h1.docker.info() as Promise<{ ID: string }>,
      h1.docker.getContainer("app-ouroboros-run-1").inspect(),
    ]);
    const locals: Locals<"before_update"> = {
      old_container: { ...container("app", seen.Id), image: reference, image_id: seen.Image },
      old_image: { ...image("a"), id: seen.Image },
      new_image: remoteImage("b"),
    };
    const event = hookEvent("before_update", cloudEvent("before_update", locals, { engineId: info.ID }));
    await py(
      "1.py",
      `
import docker
assert isinstance(old_container, docker.models.containers.Container)
assert isinstance(old_image, docker.models.images.Image)
with open("OUT/seen", "w") as out:
    print(old_container.name, old_container.attrs['Config']['Image'], old_container.labels['tier'], file=out)
    print(old_image.short_id[:10], old_image.tags, new_image.tags, type(new_image).__module__, file=out)
    print(old_container.exec_run("sh -c 'echo $COLOUR'").output.decode().strip(), file=out)
    for container, current, latest in [(old_container, old_image, new_image)]:
        print(container.status, file=out)
`,
    );
    const ran = await runScripts(folder, { DOCKER_SOCKETS: `unix:///nowhere ${h1.socket}` }, event);
    assert.deepEqual(ran.verdict, { verdict: "proceed" });
    assert.equal(
      await folder.left("seen"),
      `app ${reference} front\n${seen.Image.slice(0, 10)} ['${reference}'] ['registry.lab:5000/app:1'] __main__\nold\nrunning\n`,
    );

    await py("1.py", "print(type(old_container).__module__, old_container.name)");
    const gone = hookEvent(
      "before_update",
      cloudEvent("before_update", { ...locals, old_container: container("gone") }, { engineId: info.ID }),
    );
    assert.deepEqual(linesOf(await runScripts(folder, { DOCKER_SOCKETS: h1.socket }, gone)), [
      "__main__ gone",
    ]);
    const other = hookEvent("before_update", cloudEvent("before_update", locals, { engineId: "another" }));
    assert.match(
      linesOf(await runScripts(folder, { DOCKER_SOCKETS: h1.socket }, other)).join("\n"),
      /is not the Engine of this event; plain objects are used\n__main__ app$/,
    );
  });

  itInFullRun(
    "are docker-py's own where the Engine is behind TLS, too, whatever Docker's variables say",
    async () => {
      await using h1 = engine(1);
      const { reference } = await pushApp("hooks/app", "1");
      await bedCommand("docker", "1", "run", "-d", "--name", "far", reference);
      const [info, seen] = await Promise.all([
        h1.docker.info() as Promise<{ ID: string }>,
        h1.docker.getContainer("far").inspect(),
      ]);
      const locals: Locals<"before_update"> = {
        old_container: { ...container("far", seen.Id), image: reference, image_id: seen.Image },
        old_image: { ...image("a"), id: seen.Image },
        new_image: remoteImage("b"),
      };
      const event = hookEvent("before_update", cloudEvent("before_update", locals, { engineId: info.ID }));
      await py("1.py", "print(type(old_container).__module__, old_container.exec_run('echo hi').output)");
      const tls = join(bed().folder, "tls");
      const own = join(folder.path, "certs.d/h1:2376");
      await mkdir(own, { recursive: true });
      for (const [from, to] of Object.entries({ ca: "ca.crt", cert: "client.cert", key: "client.key" }))
        await cp(join(tls, `${from}.pem`), join(own, to));
      const swaying = { DOCKER_HOST: "tcp://192.0.2.1:1", DOCKER_TLS_VERIFY: "true" };
      const tcp = { DOCKER_SOCKETS: "tcp://h1:2376", DOCKER_TLS: "true" };
      for (const env of [
        { ...swaying, ...tcp, DOCKER_CERT_PATH: tls },
        { ...tcp, DOCKER_CERT_PATH: join(folder.path, "certs.d") },
        { ...tcp, DOCKER_CERT_PATH: join(folder.path, "certs.d"), DOCKER_TLS_VERIFY: "no" },
        { ...swaying, DOCKER_SOCKETS: h1.socket, DOCKER_CERT_PATH: "/nowhere" },
      ])
        assert.equal(
          linesOf(await runScripts(folder, env, event)).at(-1), // where nothing is verified there is a warning first
          "docker.models.containers b'hi\\n'",
        );
      const lost = await runScripts(folder, { ...tcp, DOCKER_CERT_PATH: "/nowhere" }, event);
      assert.match(JSON.stringify(lost.log), /there are no certificates for tcp:.*scripts get no Engine/);
    },
  );

  it("are enough for before_update/20-dump-postgres.py to dump a database, or to refuse where that fails", async () => {
    await using h1 = engine(1);
    const { reference } = await pushApp("hooks/postgres", "17");
    await bedCommand("docker", "1", "run", "-d", "--name", "db", "-e", "POSTGRES_USER=ann", reference);
    const dumps = async (script: string) =>
      bedCommand(
        "docker",
        "1",
        "exec",
        "db",
        "sh",
        "-c",
        `printf '%s\\n' '#!/bin/sh' '${script}' > /bin/pg_dumpall; chmod +x /bin/pg_dumpall`,
      );
    const [info, seen] = await Promise.all([
      h1.docker.info() as Promise<{ ID: string }>,
      h1.docker.getContainer("db").inspect(),
    ]);
    const locals: Locals<"before_update"> = {
      old_container: { ...container("db", seen.Id), image: reference, image_id: seen.Image },
      old_image: { ...image("a"), id: seen.Image },
      new_image: remoteImage("b"),
    };
    const event = hookEvent("before_update", cloudEvent("before_update", locals, { engineId: info.ID }));
    const name = "before_update/20-dump-postgres.py";
    await folder.put(name, await readFile(join(HOOKS, `${name}.example`), "utf8"));
    const env = { DOCKER_SOCKETS: h1.socket, BACKUP_DIR: join(folder.path, "out"), HOOK_ENV: "BACKUP_DIR" };

    await dumps('echo "$@"; echo "-- PostgreSQL database cluster dump complete"');
    assert.deepEqual((await runScripts(folder, env, event)).verdict, { verdict: "proceed" });
    const [dump = "", ...more] = await readdir(join(folder.path, "out"));
    assert.match(dump, /^db-\d{4}.*\.sql$/);
    assert.deepEqual(more, []);
    assert.match((await folder.left(dump)) ?? "", /^-U ann\n/);

    await dumps('echo "no space" >&2; exit 1');
    assert.deepEqual((await runScripts(folder, env, event)).verdict, {
      verdict: "refuse",
      reason: "20-dump-postgres.py: no backup, no update: the dump is not complete",
    });
  });
});
