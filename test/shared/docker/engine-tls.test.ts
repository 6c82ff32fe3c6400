/** Engines behind TLS, as dockerd has it: `--tlsverify` on the bed's hosts, and what goes wrong in front of one. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { cp, mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { type AddressInfo, type Socket, connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type SecureContextOptions, createServer as createTlsServer } from "node:tls";
import { promisify } from "node:util";
import { type Engine, openEngine } from "../../../shared/docker/engine.ts";
import { loadTls } from "../../../shared/docker/engine-tls.ts";
import { explain } from "../../../shared/errors.ts";
import { readSettings } from "../../../shared/settings/read-settings.ts";
import { bed, engine } from "../../bed/bed.ts";
import { deploy, overview, release } from "../../support/containers.ts";
import { startStack } from "../../support/stack.ts";
import { until } from "../../support/until.ts";

const tls = join(bed().folder, "tls");

describe("an Engine behind TLS", () => {
  let folder = "";
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "tls-"));
    await makeCertificates(folder);
  });
  after(() => rm(folder, { recursive: true }));

  it("is worked on, while one whose certificate is not good and one that is away are left alone", async () => {
    await using h1 = engine(1);
    await deploy(h1, "web");
    await using stranger = await serveTls({ ...(await pair(folder, "elsewhere")) });
    await using stack = await startStack({
      engine: h1,
      env: {
        DOCKER_SOCKETS: `tcp://h1:2376 tcp://127.0.0.1:${stranger.port} unix://${folder}/away.sock`,
        OUROBOROS_HOST: "h1 stranger away",
        DOCKER_TLS: "true",
        DOCKER_CERT_PATH: tls,
      },
    });
    await stack.check();
    await release("apps/web", "2");
    await stack.check();
    await stack.expectResult("web", "updated");
    assert.deepEqual(await overview(h1), ["web running 2"]);
    const log = stack.services.updater?.log() ?? "";
    assert.match(log, /"socket":"tcp:\/\/127\.0\.0\.1:\d+","because":"the certificate of tcp:[^"]*ca\.pem: /);
    assert.match(
      log,
      /"socket":"unix:\/\/[^"]*away\.sock","because":"there is no socket \S*away\.sock: start Docker, /,
    );
  });

  it("that comes later is worked on then", async () => {
    await using h1 = engine(1);
    await deploy(h1, "web");
    const link = join(folder, "later");
    await using stack = await startStack({
      engine: h1,
      env: { DOCKER_SOCKETS: "tcp://h1:2376", DOCKER_TLS: "yes", DOCKER_CERT_PATH: link },
      services: ["updater", "poller"],
    });
    await until("the poller waits", () =>
      /"Engine does not answer; waiting for it"/.test(stack.services.poller?.log() ?? ""),
    );
    await cp(tls, link, { recursive: true });
    await stack.check();
  });

  it("is reached by what Docker's own client is told", async () => {
    const open = await openBy({
      DOCKER_HOST: "tcp://h1:2376",
      DOCKER_TLS_VERIFY: "1",
      DOCKER_CERT_PATH: tls,
    });
    assert.equal(open.hostname, "h1");
  });

  it("is not swayed by Docker's own variables where it has sockets of its own", async () => {
    const before = { ...process.env };
    try {
      Object.assign(process.env, { DOCKER_HOST: "tcp://192.0.2.1:1", DOCKER_CERT_PATH: "/nowhere" });
      assert.equal(
        (await openBy({ DOCKER_SOCKETS: "tcp://h1:2376", DOCKER_TLS: "true", DOCKER_CERT_PATH: tls }))
          .hostname,
        "h1",
      );
      assert.equal(process.env["DOCKER_HOST"], "tcp://192.0.2.1:1");
    } finally {
      process.env = before;
    }
  });

  it("finds its own folder among those of others, by host and port", async () => {
    const own = join(folder, "certs.d/h1:2376");
    await mkdir(own, { recursive: true });
    await cp(join(tls, "ca.pem"), join(own, "ca.crt"));
    await cp(join(tls, "cert.pem"), join(own, "client.cert"));
    await cp(join(tls, "key.pem"), join(own, "client.key"));
    const env = {
      DOCKER_SOCKETS: "tcp://h1:2376",
      DOCKER_TLS: "true",
      DOCKER_CERT_PATH: join(folder, "certs.d"),
    };
    assert.equal((await openBy(env)).hostname, "h1");
  });

  it("whose certificate is not checked still sees ours", async () => {
    await using server = await serveTls({
      ...(await pair(folder, "elsewhere")),
      requestCert: true,
      rejectUnauthorized: false,
    });
    const env = { DOCKER_TLS: "true", DOCKER_TLS_VERIFY: "no", DOCKER_CERT_PATH: tls };
    await openBy({ ...env, DOCKER_SOCKETS: `tcp://localhost:${server.port}` }).catch(() => undefined);
    assert.deepEqual(server.clients, ["client"]);
  });

  const wrong: readonly [string, (at: { port: number }) => Record<string, string>, RegExp][] = [
    [
      "a CA that did not sign it",
      () => ({ DOCKER_SOCKETS: "tcp://h1:2376", DOCKER_CERT_PATH: join(folder, "other-ca") }),
      /^the certificate of tcp:\/\/h1:2376 is not good by .*other-ca\/ca\.pem: (?:self-signed|unable to)/,
    ],
    [
      "another host's name in it",
      ({ port }) => ({ DOCKER_SOCKETS: `tcp://localhost:${port}`, DOCKER_CERT_PATH: tls }),
      /^the certificate of tcp:\/\/localhost:\d+ is not good by .*ca\.pem: .*altnames/,
    ],
    [
      "a client certificate that has expired",
      () => ({ DOCKER_SOCKETS: "tcp://h1:2376", DOCKER_CERT_PATH: join(folder, "expired") }),
      /expired\/cert\.pem expired at 20/,
    ],
    [
      "a client certificate of someone else",
      () => ({ DOCKER_SOCKETS: "tcp://h1:2376", DOCKER_CERT_PATH: join(folder, "foreign") }),
      /^tcp:\/\/h1:2376 does not take the client certificate .*foreign\/cert\.pem/,
    ],
    [
      "a key of another certificate",
      () => ({ DOCKER_SOCKETS: "tcp://h1:2376", DOCKER_CERT_PATH: join(folder, "mixed") }),
      /mixed\/cert\.pem, .*mixed\/key\.pem and .*do not fit together/,
    ],
    [
      "a file that is not there",
      () => ({ DOCKER_SOCKETS: "tcp://h1:2376", DOCKER_CERT_PATH: join(folder, "half") }),
      /half\/key\.pem cannot be read, and DOCKER_TLS needs it: ENOENT/,
    ],
    [
      "no folder at all",
      () => ({ DOCKER_SOCKETS: "tcp://h1:2376", DOCKER_CERT_PATH: join(folder, "none") }),
      /there are no certificates for tcp:\/\/h1:2376: neither .*none\/h1:2376 nor .*none is a folder/,
    ],
  ];
  for (const [sentence, env, expected] of wrong)
    it(`is not talked to with ${sentence}`, async () => {
      await using forward = await forwardTo("h1", 2376);
      await assert.rejects(openBy({ DOCKER_TLS: "true", ...env(forward) }), (error) => {
        assert.match(explain(error), expected);
        return true;
      });
    });

  it("that says nothing is given up after DOCKER_TIMEOUT", async () => {
    await using silent = await listening(createServer(), new Set(), []);
    const began = performance.now();
    await assert.rejects(
      openBy({ DOCKER_SOCKETS: `tcp://127.0.0.1:${silent.port}`, DOCKER_TIMEOUT: "300ms" }),
    );
    assert.ok(performance.now() - began < 20_000);
  });

  it("is not talked to after its certificate expired", async () => {
    await using server = await serveTls(await pair(folder, "expired-server"));
    const env = { DOCKER_TLS: "true", DOCKER_CERT_PATH: join(folder, "other-ca") };
    await assert.rejects(openBy({ ...env, DOCKER_SOCKETS: `tcp://localhost:${server.port}` }), (error) => {
      assert.match(explain(error), /is not good by .*: certificate has expired/);
      return true;
    });
  });
});

async function openBy(env: Record<string, string>): Promise<Engine> {
  const settings = readSettings(env, new Map());
  const [socket = ""] = settings.DOCKER_SOCKETS;
  return openEngine(socket, settings.DOCKER_TIMEOUT, { tls: await loadTls(socket, settings, Date.now()) });
}

/** A CA of its own, with good and bad certificates, in folders as DOCKER_CERT_PATH has them. */
async function makeCertificates(folder: string): Promise<void> {
  const run = (...args: string[]) => promisify(execFile)("openssl", args, { cwd: folder });
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  await run(
    "req",
    "-x509",
    ...key,
    "-subj",
    "/CN=other",
    "-keyout",
    "ca.key",
    "-out",
    "ca.pem",
    "-days",
    "2",
  );
  const sign = async (name: string, { by = folder, days = "2" } = {}): Promise<void> => {
    await run(
      "req",
      ...key,
      "-subj",
      `/CN=${name}`,
      "-addext",
      "subjectAltName=DNS:localhost",
      "-keyout",
      `${name}.key`,
      "-out",
      `${name}.csr`,
    );
    const ca = ["-CA", join(by, "ca.pem"), "-CAkey", join(by, "ca.key"), "-copy_extensions", "copy"];
    await run(
      "x509",
      "-req",
      "-in",
      `${name}.csr`,
      ...ca,
      "-set_serial",
      "7",
      "-days",
      days,
      "-out",
      `${name}.pem`,
    );
  };
  await sign("elsewhere");
  await sign("stranger");
  await sign("expired-client", { by: tls, days: "-1" });
  await sign("expired-server", { days: "-1" });
  const into = async (name: string, files: Readonly<Record<string, string>>): Promise<void> => {
    await mkdir(join(folder, name));
    for (const [as, from] of Object.entries(files)) await cp(from, join(folder, name, as));
  };
  const [ca, cert, own] = ["ca.pem", "cert.pem", "key.pem"].map((file) => join(tls, file)) as [
    string,
    string,
    string,
  ];
  const mine = (file: string): string => join(folder, file);
  await into("other-ca", { "ca.pem": mine("ca.pem"), "cert.pem": cert, "key.pem": own });
  await into("expired", {
    "ca.pem": ca,
    "cert.pem": mine("expired-client.pem"),
    "key.pem": mine("expired-client.key"),
  });
  await into("foreign", { "ca.pem": ca, "cert.pem": mine("stranger.pem"), "key.pem": mine("stranger.key") });
  await into("mixed", { "ca.pem": ca, "cert.pem": cert, "key.pem": mine("stranger.key") });
  await into("half", { "ca.pem": ca, "cert.pem": cert });
}

const pair = async (folder: string, name: string) => ({
  cert: await readFile(join(folder, `${name}.pem`)),
  key: await readFile(join(folder, `${name}.key`)),
  ca: await readFile(join(tls, "ca.pem")),
});

/** Listens on loopback; `clients` are the common names of the certificates it was shown. */
async function serveTls(
  options: SecureContextOptions & { requestCert?: boolean; rejectUnauthorized?: boolean },
) {
  const clients: string[] = [];
  const sockets = new Set<Socket>();
  const server = createTlsServer(options, (socket) => {
    clients.push(String(socket.getPeerCertificate().subject?.CN ?? ""));
    socket.destroy();
  });
  server.on("tlsClientError", () => undefined);
  return listening(server, sockets, clients);
}

async function forwardTo(host: string, port: number) {
  const sockets = new Set<Socket>();
  const server = createServer((from) => {
    const to = connect(port, host);
    for (const socket of [from, to]) sockets.add(socket.on("error", () => undefined));
    from.pipe(to).pipe(from);
  });
  return listening(server, sockets, []);
}

async function listening(
  server: ReturnType<typeof createServer>,
  sockets: Set<Socket>,
  clients: readonly string[],
) {
  server.on("connection", (socket: Socket) => sockets.add(socket));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    clients,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}
