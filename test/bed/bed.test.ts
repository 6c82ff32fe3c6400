/** The bed's own parts, each tried once: what a test may rely on. */
import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { execFile } from "node:child_process";
import { setTimeout as pause } from "node:timers/promises";
import { promisify } from "node:util";
import { connect } from "nats";
import { bed, bedCommand, engine, hubControl, leftovers, pushApp, startNats } from "./bed.ts";

const run = async (program: string, ...args: string[]) =>
  (await promisify(execFile)(program, args)).stdout.trim();
const docker = (n: number, ...args: string[]) => bedCommand("docker", String(n), ...args);
const web = "docker.io/library/bed-web";
const health = "wget -q -O /dev/null http://127.0.0.1:8080/";

/** Hosts of this test's own: the others' stay as they are. */
const hosts: [number, string][] = [
  [4, "podman"],
  [5, "Engine 28 on cgroup v2 with containerd's image store"],
  [6, "Engine 26 on a disk of 16 MB"],
  [7, "Engine 20"],
];
const dockers = [5, 6, 7];

describe("the test bed", () => {
  before("hosts and images", async () => {
    await bedCommand("disk", "6", "16");
    await Promise.all([
      bedCommand("boot", "4", "podman"),
      run("env", "BED_CGROUP=2", bed().script, "boot", "5", "28", "--feature", "containerd-snapshotter=true"),
      bedCommand("boot", "6", "26.1"),
      bedCommand("boot", "7", "20.10"),
      pushApp(web, "1", { docker: true, platforms: ["linux/amd64", "linux/arm64/v8"], health }),
      pushApp(web, "2"),
    ]);
  });
  after(async () => {
    await Promise.all(hosts.map(([n]) => engine(n).clean()));
    await Promise.all(hosts.map(([n]) => bedCommand("cut", String(n))));
  });

  for (const [n, what] of hosts)
    it(`pulls from Docker Hub by name, runs and publishes a port: ${what}`, async () => {
      await docker(n, "run", "--detach", "--name", "web", "--publish", "8080:8080", `${web}:1`);
      equal(await run("curl", "-s", "--retry", "5", "--retry-connrefused", `http://h${n}:8080/`), `${web}:1`);
    });

  for (const n of dockers)
    it(`checks health, and answers over TLS to a client with a certificate: h${n}`, async () => {
      const tls = [
        "DOCKER_TLS_VERIFY=1",
        `DOCKER_CERT_PATH=${bed().folder}/tls`,
        `DOCKER_HOST=tcp://h${n}:2376`,
      ];
      equal(await run("env", ...tls, "docker", "info", "--format", "{{.Name}}"), `h${n}`);
      const container = engine(n).docker.getContainer("web");
      const status = async () => (await container.inspect()).State.Health?.Status;
      for (let tries = 100; tries > 0 && (await status()) !== "healthy"; tries--) await pause(50);
      equal(await status(), "healthy");
    });

  it("has an Engine on cgroup v2 whose image ids are the index's digests", async () => {
    equal(await docker(5, "info", "--format", "{{.CgroupVersion}} {{.Driver}}"), "2 overlayfs");
  });

  it("pushes an image with every default of a container", async () => {
    const image = await pushApp("bed-app", "1", {
      env: ["COLOUR=old"],
      labels: { "com.example.a": "b" },
      entrypoint: ["sh"],
      cmd: ["-c", "cat /etc/colour"],
      workdir: "/w",
      user: "7",
      stopSignal: "SIGQUIT",
      expose: ["81/tcp"],
      volumes: ["/data"],
      healthcheck: { Test: ["NONE"] },
      files: { "/etc/colour": "blue" },
      config: { OnBuild: ["RUN true"] },
    });
    equal(await docker(7, "run", "--rm", image.reference), "blue");
    const { Id, Config } = await engine(7).docker.getImage(image.reference).inspect();
    equal(Id, image.configDigest);
    deepEqual([Config.User, Config.WorkingDir, Config.Entrypoint, Config.Labels], ["7", "/w", ["sh"], { "com.example.a": "b" }]); // prettier-ignore
    deepEqual([Config.Volumes, Config.ExposedPorts], [{ "/data": {} }, { "81/tcp": {} }]);
    ok(Config.Env?.includes("COLOUR=old"));
  });

  it("makes Docker Hub fail as often as asked, and logs what it was asked", async () => {
    await hubControl.clearLog();
    await using _fault = await hubControl.faults([
      { match: "GET .*bed-web/manifests/", status: 503, times: 1 },
    ]);
    await rejects(docker(7, "pull", `${web}:2`), /503|unavailable|made on purpose/i);
    await docker(7, "pull", `${web}:2`);
    const log = await hubControl.log();
    const asked = log.filter(({ path, method }) => method === "GET" && path.includes("bed-web/manifests/"));
    deepEqual(asked.map(({ status, address }) => [status, address]), [503, 200].map((status) => [status, `${bed().net}.17`])); // prettier-ignore
  });

  it("limits the rate as Docker Hub does, and knows who is logged in", async () => {
    await pushApp("docker.io/private/app", "1");
    await using _limit = await hubControl.limit({ limit: 1, window: 60 });
    const ask = async (user: string | undefined, repository: string) => {
      const scope = `scope=repository:${repository}:pull`;
      const authorization = user === undefined ? {} : { authorization: `Basic ${btoa(user)}` };
      const token = await fetch(`https://auth.docker.io/token?${scope}`, { headers: authorization });
      const { token: bearer } = (await token.json()) as { token: string };
      const headers = {
        authorization: `Bearer ${bearer}`,
        accept: "application/vnd.oci.image.manifest.v1+json",
      };
      return fetch(`https://registry-1.docker.io/v2/${repository}/manifests/1`, { headers });
    };
    equal((await ask(undefined, "private/app")).status, 401);
    const answer = await ask("ann:secret", "private/app");
    deepEqual([answer.status, answer.headers.get("ratelimit-remaining")], [200, "0;w=60"]);
    equal((await ask("ann:secret", "private/app")).status, 429);
  });

  it("kills an Engine and starts it, cuts a host's power and boots it", async () => {
    await bedCommand("kill", "7");
    await rejects(engine(7).docker.ping());
    await bedCommand("start", "7");
    await docker(7, "restart", "web");
    await bedCommand("cut", "7");
    await bedCommand("boot", "7");
    match(await docker(7, "inspect", "--format", "{{.State.Status}}", "web"), /exited/);
  });

  it("pulls a host's cable and plugs it in again", async () => {
    await bedCommand("unplug", "5");
    await rejects(run("curl", "-s", "-m", "0.5", "http://h5:8080/"));
    await bedCommand("plug", "5");
    const retry = ["--retry", "5", "--retry-all-errors"]; // the first packets after it may be lost
    equal(await run("curl", "-s", "-m", "5", ...retry, "http://h5:8080/"), `${web}:1`);
  });

  it("fills a disk", async () => {
    const fill = ["dd", "if=/dev/zero", "of=/var/lib/docker/fill", "bs=1M", "count=32"];
    await rejects(bedCommand("on", "6", ...fill), /No space left on device/);
  });

  it("tells what a test left, and cleans it", async () => {
    const h5 = engine(5);
    await docker(5, "volume", "create", "kept");
    await docker(5, "network", "create", "net");
    deepEqual((await leftovers(h5)).sort(), ["h5: container /web", "h5: network net", "h5: volume kept"]);
    await h5.clean();
    deepEqual(await leftovers(h5), []);
    deepEqual(await h5.docker.listImages(), []);
  });

  it("kills the shared NATS server and serves it again", async () => {
    await bedCommand("quit", "nats", "KILL");
    await rejects(connect({ servers: "nats.lab:4222" }));
    await bedCommand("serve", "nats");
    await (await connect({ servers: "nats.lab:4222" })).close();
  });

  for (const version of ["2.10", "2.15"] as const)
    it(`starts a NATS server ${version} that keeps its port and store over a kill`, async () => {
      await using server = await startNats({
        version,
        config: "authorization { user: ann, password: secret }",
      });
      await server.kill();
      await server.restart();
      const connection = await connect({ servers: server.url, user: "ann", pass: "secret" });
      match(connection.info?.version ?? "", RegExp(`^${version}`));
      equal(connection.info?.jetstream, true);
      await connection.close();
    });
});
