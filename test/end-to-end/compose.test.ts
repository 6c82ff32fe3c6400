/**
 * compose.yaml and the image as they are, on an Engine whose containers reach no package mirror: the image's two
 * stages that need one are handed in ready-made, and `nats` is a stand-in with the same program.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { chmod, cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { promisify } from "node:util";
import { bedCommand, engine, engineSocket, leftovers, pushApp } from "../bed/bed.ts";
import { until } from "../support/until.ts";
import { checkout } from "../support/checkout.ts";
import {
  LATEST,
  buildNats,
  buildOuroborosImage,
  buildSocketProxy,
  containerNames,
  pushGeneration,
  releaseGeneration,
  variableOf,
} from "../support/ouroboros-image.ts";
import { itInFullRun } from "../support/full-run.ts";

const image = "ghcr.io/ouroboros-updater/ouroboros:2";
const host = engine(1);
/** The stand-in has another. */
const NATS_DIGEST = /(nats:2\.12-alpine)@sha256:[0-9a-f]{64}/;
const docker = (...args: string[]) => run("docker", args);

describe("docker compose up -d", function () {
  this.timeout(600_000);
  let folder = "";
  const compose = (...args: string[]) => run("docker", ["compose", ...args], folder);
  /** Runs a script of a page in the project's folder. There is no terminal to give to `exec`. */
  const sh = (
    script: string,
    ...edits: readonly (readonly [from: string, to: string])[]
  ): Promise<string> => {
    const edited = edits.reduce((text, [from, to]) => {
      assert.ok(text.includes(from), `${from} is not in ${text}`);
      return text.replaceAll(from, to);
    }, script);
    return run("sh", ["-c", edited.replaceAll(/(compose\b[^\n]*?) exec /g, "$1 exec -T ")], folder);
  };

  before("the images", async () => {
    folder = await mkdtemp(join(tmpdir(), "compose-"));
    await buildOuroborosImage(image);
    await buildNats("nats:2.12-alpine");
    await project(folder);
  });
  afterEach(async () => {
    await compose("down", "--volumes");
    await docker("rm", "--force", "composed", "web", "alone", "backup", "ouroboros");
    await docker("volume", "rm", "--force", "data");
  });
  after(async () => {
    await host.clean();
    await rm(folder, { recursive: true, force: true });
  });

  it("updates a container, asks the scripts in hooks/, and leaves nothing after down", async () => {
    await outdated("composed");
    await compose("up", "-d");
    await updated("composed");
    assert.equal(await compose("exec", "-T", "hook-executor", "cat", "/tmp/shell"), "composed");
    assert.equal(await compose("exec", "-T", "hook-executor", "cat", "/tmp/python"), "composed");
    assert.match(
      await compose("exec", "-T", "hook-executor", "cat", "/tmp/key"),
      /^cat: .*Permission denied$/m,
    );
    assert.match(await compose("exec", "-T", "updater", "ouroboros", "status"), ANSWERS);
    assert.match(
      await sh("docker compose exec updater ouroboros doctor || true"),
      /^scripts not checked|^No weak/m,
    );
    await compose("down", "--volumes");
    assert.deepEqual(await leftovers(host), ["h1: container /composed"]);
  });

  it("watches only, and refuses an update, as README shows it", async () => {
    await outdated("web");
    const follow = async (words: string, block = 0): Promise<string> =>
      sh(await blockOf("README.md", words, block));
    const watched = await follow("**Watch only first**");
    assert.match(watched, /\bweb\b/, watched);
    assert.equal(await colourOf("web"), "old");
    await follow("**Your first refusal");
    const refused = await follow("**Your first refusal", 1);
    assert.match(refused, /^web: refused: .*web waits for its release notes$/m, refused);
    assert.match(refused, /held: .*web waits for its release notes/, refused);
    assert.equal(await colourOf("web"), "old");
    await rm(join(folder, "hooks/before_update/10-not-web"));
  });

  it("confines every service", async () => {
    await compose("up", "-d");
    const facts = "{{.ReadonlyRootfs}} {{.CapDrop}} {{.SecurityOpt}} {{.PortBindings}} {{.Privileged}}";
    const format = `{{index .Config.Labels "com.ouroboros.role"}}: {{with .HostConfig}}${facts}{{end}}`;
    const ids = (await docker("ps", "-q")).split("\n");
    assert.deepEqual(
      (await docker("inspect", "--format", format, ...ids)).split("\n").sort(),
      ["hook-executor", "nats", "poller", "updater"].map(
        (role) => `${role}: true [ALL] [no-new-privileges:true] map[] false`,
      ),
    );
  });

  it("gives every service its own key and secrets only, and lets nobody else in", async () => {
    const secrets = [
      "REPO_PASS=repo-5ecret",
      "WEBHOOK_SECRET=webhook-5ecret",
      "PGPASSWORD=script-5ecret",
      "HOOK_ENV=PGPASSWORD",
    ];
    await writeFile(
      join(folder, ".env"),
      ["OUROBOROS_HOST=home", "SETTLE_TIME=1", ...secrets, ""].join("\n"),
    );
    await compose("up", "-d");
    const keys = new Set<string>();
    const seen: Record<string, readonly string[]> = {};
    for (const service of ["poller", "updater", "hook-executor"]) {
      const env = await compose("exec", "-T", service, "env");
      seen[service] = ["repo", "webhook", "script"].filter((one) => env.includes(`${one}-5ecret`));
      keys.add(await compose("exec", "-T", service, "cat", "/run/secure/key.nk"));
      assert.match(await compose("exec", "-T", service, "sh", "-c", "echo x > /run/secure/x || true"), /^$/);
      const files = await compose("exec", "-T", service, "sh", "-c", "cd /run/secure && ls");
      assert.deepEqual(files.split("\n"), ["ca", "ca.pem", "host", "key.nk", "url"]);
    }
    assert.deepEqual(seen, { poller: ["repo"], updater: ["repo"], "hook-executor": ["script"] });
    assert.ok(keys.size === 3 && [...keys].every((key) => /^SU[A-Z2-7]{56}$/.test(key)));
    const stranger = ["--network", "ouroboros_default", "-v", "ouroboros_poller-keys:/run/secure:ro", image];
    for (const env of [
      ["NATS_URL=tls://nats:4222", "NATS_CA=/run/secure/ca.pem"],
      ["NATS_URL=nats://nats:4222"],
    ])
      await assert.rejects(
        docker("run", "--rm", ...env.flatMap((one) => ["-e", one]), ...stranger, "status"),
        /cannot be used/,
      );
    await writeFile(join(folder, ".env"), "OUROBOROS_HOST=home\nSETTLE_TIME=1\n");
  });

  itInFullRun(
    "keeps what an open NATS of before holds, and the Engine's name where none is given",
    async () => {
      const data = "ouroboros_nats-data:/data";
      await docker(
        "volume",
        "create",
        "--label",
        "com.docker.compose.project=ouroboros",
        "--label",
        "com.docker.compose.volume=nats-data",
        "ouroboros_nats-data",
      );
      await docker("network", "create", "before");
      await docker(
        "run",
        "-d",
        "--name",
        "open-nats",
        "--network",
        "before",
        "-v",
        data,
        "nats:2.12-alpine",
        "-js",
        "-sd",
        "/data",
      );
      const old = ["--rm", "--network", "before", "-e", "NATS_URL=nats://open-nats:4222", image];
      await docker("run", ...old, "nats-config", "prepare", "--hosts", "home");
      await docker("run", ...old, "participant", "add", "older", "--hooks", "after_update");
      await docker("rm", "--force", "open-nats");
      await docker("network", "rm", "before");
      await writeFile(join(folder, ".env"), "SETTLE_TIME=1\n");
      await run("docker", ["compose", "up", "-d"], folder, { OUROBOROS_HOST: "" });
      assert.match(
        await compose("exec", "-T", "updater", "ouroboros", "participant", "list"),
        /^older +after_update/m,
      );
      const name = await docker("info", "--format", "{{.Name}}");
      assert.equal(await compose("exec", "-T", "updater", "cat", "/run/secure/host"), name);
      await writeFile(join(folder, ".env"), "OUROBOROS_HOST=home\nSETTLE_TIME=1\n");
    },
  );

  itInFullRun("ends every service with 0 within its time", async () => {
    await compose("up", "-d");
    for (const service of ["poller", "updater", "hook-executor"])
      while (!(await compose("logs", service)).includes("  started")) await pause(400);
    await compose("stop");
    const states = JSON.parse(
      `[${(await compose("ps", "-a", "--format", "json")).split("\n").join(",")}]`,
    ) as {
      readonly Service: string;
      readonly ExitCode: number;
    }[];
    const ours = states.filter(({ Service }) => Service !== "nats");
    assert.deepEqual(ours.map(({ Service, ExitCode }) => [Service, ExitCode]).sort(), [
      ["hook-executor", 0],
      ["nats-config", 0],
      ["nats-prepare", 0],
      ["poller", 0],
      ["updater", 0],
    ]);
  });

  itInFullRun(
    "works with users, rights and TLS at NATS, and asks a participant, as docs/security.md shows it",
    async () => {
      const keysFirst = "As soon as other machines are to reach NATS";
      await sh(await blockOf("docs/security.md", keysFirst));
      const secure = ["--file", "compose.yaml", "--file", "compose.secure.yaml"];
      const there = join(folder, "participant");
      await mkdir(there);
      for (const file of ["secure/ca.pem", "secure/users/participant_backup.password"])
        await cp(join(folder, file), join(there, basename(file)));
      await cp(join(checkout, "examples/participants/participant.py"), join(there, "participant.py"));
      await writeFile(join(there, "backup.sh"), "#!/bin/sh\ncat > event.json\n", { mode: 0o755 });
      const [add = "", ...start] = (await blockOf("docs/security.md", keysFirst, 1)).split("\n");
      await until("NATS is up, and the participant is added", async () =>
        sh(add, [
          "ouroboros participant",
          "docker compose -f compose.yaml -f compose.secure.yaml exec updater ouroboros participant",
        ]).then(
          () => true,
          () => false,
        ),
      );
      const script = start.join("\n").replace("tls://nats.example.com:4222", "tls://nats:4222");
      const place = ["--network", "ouroboros_default", "-v", `${there}:/there`, "-w", "/there"];
      await docker("run", "-d", "--name", "backup", ...place, "--entrypoint", "sh", image, "-euc", script);
      await until("it listens", async () => /connected to nats/.test(await sh("docker logs backup 2>&1")));
      await outdated("composed"); // only now: the first check comes at once
      await compose(...secure, "exec", "-T", "updater", "ouroboros", "update", "composed");
      await updated("composed");
      assert.match(await readFile(join(there, "event.json"), "utf8"), /"type": "ouroboros\.before_update\./);
      await docker("rm", "--force", "backup");

      assert.match(await sh(await callOf("compose with compose.secure.yaml")), ANSWERS);
      const elsewhere = await sh(
        await callOf("another machine"),
        ["docker run --rm", "docker run --rm --network ouroboros_default"],
        ["tls://nats.example.com:4222", "tls://nats:4222"],
      );
      assert.match(elsewhere, ANSWERS);
      await compose(...secure, "kill", "-s", "HUP", "nats");
      const [nats, ...services] = ["nats", "poller", "updater", "hook-executor"];
      const said = await compose(...secure, "logs", nats ?? "");
      assert.match(said, /Reloaded/);
      assert.doesNotMatch(said, /Violation|no_auth/);
      assert.doesNotMatch(await compose(...secure, "logs", ...services), /"level":"(?:error|critical)"/);
      await compose(...secure, "down", "--volumes");
    },
  );

  itInFullRun("serves several hosts by one NATS, as docs/install.md shows it", async () => {
    const [home, web01] = [await mkdtemp(join(tmpdir(), "home-")), await mkdtemp(join(tmpdir(), "web01-"))];
    const there = { DOCKER_HOST: `unix://${engineSocket(2)}`, OUROBOROS_HOST: "web01" };
    const onBoth = "## Many hosts, one NATS";
    await run("sh", ["-c", `docker save ${image} | DOCKER_HOST=${there.DOCKER_HOST} docker load -q`]);
    for (const place of [home, web01]) await project(place);
    const first = await blockOf("docs/install.md", onBoth);
    const other = await blockOf("docs/install.md", onBoth, 1);
    const reached = (script: string): string =>
      script
        .replaceAll("nats.example.com", "h1")
        .replace("192.0.2.10:", "")
        .replaceAll(" exec ", " exec -T ");
    await run("sh", ["-euc", reached(first)], home);
    await mkdir(join(web01, "secure/users"), { recursive: true });
    const users = ["poller", "updater", "exec"].map((role) => `users/${role}_web01.nk`);
    for (const file of ["ca.pem", ...users])
      await cp(join(home, "secure", file), join(web01, "secure", file));
    await run("sh", ["-euc", reached(other)], web01, there);
    await until("both are served", async () => {
      const status = await run("docker", ["compose", "exec", "-T", "updater", "ouroboros", "status"], home);
      return ["home", "web01"].every((name) => new RegExp(`^${name} .* answers .* idle`, "m").test(status));
    });
    const log = await run("docker", ["compose", "logs"], web01, there);
    assert.doesNotMatch(log, /is not read|cannot be made/);
    for (const [place, env] of [
      [web01, there],
      [home, {}],
    ] as const) {
      await run("docker", ["compose", "down", "--volumes"], place, env);
      await rm(place, { recursive: true });
    }
  });

  itInFullRun("runs the observers and the webhook beside it, as their pages show it", async () => {
    const settings = [
      "OUROBOROS_HOST=home",
      "MQTT_URL=mqtt://127.0.0.1:1",
      "NOTIFIERS=json://127.0.0.1:1/",
      "WEBHOOK_URL=http://127.0.0.1:1/",
      "DASHBOARD_TOKENS=ann:viewer:0123456789-0123456789-0123",
      "PUSH_SECRET=0123456789-0123456789-0123",
    ];
    await writeFile(join(folder, ".env"), [...settings, ""].join("\n"));
    const [up = "", curl = ""] = (await blockOf("docs/metrics.md", "With compose, for one host")).split("\n");
    await sh(up);
    const onHost = () => bedCommand("on", "1", "sh", "-c", curl).catch(String);
    await until("the metrics are served", async () =>
      /^ouroboros_host_info\{host="home"/m.test(await onHost()),
    );
    await sh("docker compose --profile home-assistant up -d");
    await sh("docker compose --profile webhook up -d");
    await sh("docker compose --profile dashboard up -d");
    await sh("docker compose --profile push up -d");
    const participant = (words: string) => sh(`docker compose exec updater ouroboros participant ${words}`);
    await participant("add webhook --hooks before_update");
    await sh("COMPOSE_PROFILES=notifier docker compose up -d");
    await sh(await blockOf("docs/metrics.md", "## InfluxDB 1.x"));
    for (const [service, says] of [
      ["home-assistant", /MQTT is away/],
      ["webhook", /waiting for events/],
      ["exporter", /InfluxDB takes no points/],
      ["dashboard", /serving the dashboard/],
      ["push", /waiting for registries to notify/],
    ] as const)
      await until(`${service} says so`, async () => says.test(await compose("logs", service)));
    await until("the notifier has tried", async () =>
      /not sent/.test(await sh("docker compose exec updater ouroboros notify test || true")),
    );
    await sh("docker compose --profile '*' down --volumes");
    await writeFile(join(folder, ".env"), "OUROBOROS_HOST=home\nSETTLE_TIME=1\n");
  });

  itInFullRun(
    "works through compose.socket-proxy.yaml, and its proxies deny nothing that is asked",
    async () => {
      await buildSocketProxy("wollomatic/socket-proxy:1");
      const [gid, proxied] = [
        await bedCommand("on", "1", "stat", "-c", "%g", "/var/run/docker.sock"),
        ["--file", "compose.yaml", "--file", "compose.socket-proxy.yaml"],
      ];
      await writeFile(join(folder, ".env"), `OUROBOROS_HOST=home\nSETTLE_TIME=1\nDOCKER_GID=${gid}\n`);
      await outdated("composed");
      await compose(...proxied, "up", "-d");
      await updated("composed");
      assert.equal(
        await compose(...proxied, "logs", "--no-log-prefix", "poller-socket", "updater-socket"),
        "",
      );
      const asked = await compose(
        ...[...proxied, "exec", "-T", "poller", "node", "-e"],
        'fetch("http://poller-socket:2375/v1.41/secrets").then(({ status }) => console.log(status))',
      );
      assert.equal(asked, "403");
      await compose(...proxied, "down", "--volumes");
      await writeFile(join(folder, ".env"), "OUROBOROS_HOST=home\nSETTLE_TIME=1\n");
    },
  );

  itInFullRun("updates its own three containers, the updater's by a helper, and never NATS", async () => {
    await pushGeneration("1", { ours: image });
    await pushGeneration("2", { ours: image });
    await releaseGeneration("1");
    await docker("pull", LATEST);
    await releaseGeneration("2");
    const services = ["poller", "updater", "hook-executor"].map(
      (name) => `  ${name}: { image: "${LATEST}", build: !reset null }`,
    );
    await writeFile(join(folder, "compose.override.yaml"), ["services:", ...services, ""].join("\n"));
    await writeFile(join(folder, ".env"), "OUROBOROS_HOST=home\nSETTLE_TIME=1\nSELF_UPDATE=true\n");
    await compose("up", "-d");
    const nats = await compose("ps", "-q", "nats");
    const generations = async () => {
      await pause(250);
      const names = await containerNames();
      const found = await Promise.all(names.map((name) => variableOf(name, "GENERATION")));
      return names.map((name, n) => `${name} ${found[n] || "none"}`).join(", ");
    };
    const wanted =
      "ouroboros-hook-executor-1 2, ouroboros-nats-1 none, ouroboros-nats-config-1 none, " +
      "ouroboros-nats-prepare-1 none, ouroboros-poller-1 2, ouroboros-updater-1 2";
    const deadline = Date.now() + 300_000;
    for (let seen = ""; seen !== wanted; seen = await generations())
      assert.ok(Date.now() < deadline, `${seen}\n${await compose("logs", "updater").catch(String)}`);
    assert.equal(await compose("ps", "-q", "nats"), nats);
    await rm(join(folder, "compose.override.yaml"));
    await writeFile(join(folder, ".env"), "OUROBOROS_HOST=home\nSETTLE_TIME=1\n");
  });

  itInFullRun("works as one container without compose too, with its private NATS", async () => {
    await outdated("alone");
    const mounts = ["-v", "/var/run/docker.sock:/var/run/docker.sock", "-v", "data:/data", "--tmpfs", "/tmp"];
    await docker(
      "run",
      "--rm",
      "--read-only",
      ...mounts,
      "-e",
      "RUN_ONCE=true",
      "-e",
      "SETTLE_TIME=1",
      image,
    );
    assert.equal(await colourOf("alone"), "new");
  });

  it("runs as README's one line says, and with metrics as docs/metrics.md says", async () => {
    const line = await blockOf("README.md", "## Run it");
    await sh(line);
    const [, call = ""] = /`(docker exec ouroboros [^`]*)`/.exec(await pageText("README.md")) ?? [];
    await until("its services answer", async () => ANSWERS.test(await sh(call).catch(String)));
    await docker("rm", "--force", "ouroboros");
    const withMetrics = await blockOf("docs/metrics.md", "The program with all services serves");
    await sh(withMetrics, ["…", "-v /var/run/docker.sock:/var/run/docker.sock -v ouroboros:/data"]);
    const curl = ["curl", "-s", "http://127.0.0.1:8000/metrics"];
    const served = () => bedCommand("on", "1", ...curl).catch(String);
    await until("the metrics are served", async () => /^ouroboros_host_info/m.test(await served()));
    await docker("rm", "--force", "ouroboros");
    await docker("volume", "rm", "ouroboros");
  });

  it("says what is wrong when DATA_DIR cannot be written", async () => {
    await assert.rejects(
      docker("run", "--rm", "--read-only", "-e", "DATA_DIR=/nowhere", image),
      /DATA_DIR \/nowhere cannot be written/,
    );
  });
});

/** What `ouroboros status` says of a host whose services run. */
const ANSWERS = /^\S+ +2\.\S+ +answers/m;

const pageText = (page: string): Promise<string> => readFile(join(checkout, page), "utf8");

/** A shell block of a page: the first after these words, or a later one. */
async function blockOf(page: string, words: string, block = 0): Promise<string> {
  const text = await pageText(page);
  assert.ok(text.includes(words), `${words} is not in ${page}`);
  return (text.slice(text.indexOf(words)).split(/^```(?:sh)?\n/m)[1 + 2 * block] ?? "").trim();
}

/** How docs/commands.md calls `ouroboros` in a set-up. */
async function callOf(setUp: string): Promise<string> {
  const row = (await pageText("docs/commands.md")).split("\n").find((line) => line.startsWith(`| ${setUp}`));
  return /`([^`]*)` \|$/.exec(row ?? "")?.[1] ?? assert.fail(`no row ${setUp}`);
}

/** The files a user has, with two hook scripts of theirs. */
async function project(folder: string): Promise<void> {
  for (const file of ["yaml", "secure.yaml", "remote-nats.yaml", "socket-proxy.yaml"].map(
    (end) => `compose.${end}`,
  ))
    await writeFile(
      join(folder, file),
      (await readFile(join(checkout, file), "utf8")).replace(NATS_DIGEST, "$1"),
    );
  const hooks = join(folder, "hooks/before_update");
  await mkdir(hooks, { recursive: true });
  await writeFile(
    join(hooks, "10-shell"),
    '#!/bin/sh\nprintf %s "$OUROBOROS_CONTAINER_NAME" > /tmp/shell\ncat /run/secure/key.nk > /tmp/key 2>&1 || true\n',
  );
  await chmod(join(hooks, "10-shell"), 0o755);
  await writeFile(join(hooks, "20-python.py"), 'open("/tmp/python", "w").write(old_container.name)\n');
  await writeFile(join(folder, ".env"), "OUROBOROS_HOST=home\nSETTLE_TIME=1\n");
}

/** A container that runs an image whose tag has moved on meanwhile. */
async function outdated(name: string): Promise<void> {
  const { reference } = await pushApp(name, "latest", { env: ["COLOUR=old"] });
  await docker("run", "-d", "--name", name, reference);
  await pushApp(name, "latest", { env: ["COLOUR=new"] });
}

const colourOf = (name: string) => variableOf(name, "COLOUR");

/** Waits until the container bears the colour and its predecessor is gone. */
async function updated(name: string): Promise<void> {
  const deadline = Date.now() + 240_000;
  for (;;) {
    const names = (await containerNames()).filter((one) => one.includes(name));
    if (names.join() === name && (await colourOf(name)) === "new") return;
    assert.ok(Date.now() < deadline, `${name} was not updated: ${names.join(" ")}`);
    await pause(250);
  }
}

/** What it printed; what it complained about is in the error. */
async function run(
  program: string,
  args: readonly string[],
  cwd?: string,
  more: NodeJS.ProcessEnv = {},
): Promise<string> {
  const env = { ...process.env, DOCKER_HOST: `unix://${engineSocket(1)}`, OUROBOROS_HOST: "home", ...more };
  return (await promisify(execFile)(program, args, { cwd, env, maxBuffer: 16 << 20 })).stdout.trim();
}
