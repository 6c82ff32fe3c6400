import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { execFile } from "node:child_process";
import { copyFile, mkdir, mkdtemp, readFile, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import "../../bed/bed.ts"; // It starts openssl.
import { runOperatorCommand } from "../../support/run-operator-command.ts";

/** Their users are made unasked. */
const OBSERVERS = [
  ...["observer_dashboard", "observer_exporter"],
  ...["observer_home-assistant", "observer_notifier", "observer_push"],
];

describe("ouroboros nats-config", () => {
  let folder = "";
  beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), "nats-config-"))));
  afterEach(() => rm(folder, { recursive: true }));

  const run = (...args: readonly string[]) => runOperatorCommand({}, ["nats-config", ...args]);
  const read = (...path: readonly string[]) => readFile(join(folder, ...path), "utf8");

  it("writes a key for each user, readable by its owner only, and no secret for the server", async () => {
    const written = await run(
      "write",
      folder,
      "--hosts",
      "web01",
      "--participants",
      "a",
      "--watchers",
      "eye",
    );
    assert.equal(written.code, 0, written.err);
    const files = await readdir(join(folder, "users"));
    const users = [
      ...["exec_web01", ...OBSERVERS, "operator", "participant_a"],
      ...["poller_web01", "updater_web01", "watcher_eye"],
    ];
    assert.deepEqual(
      files.sort(),
      users.map((user) => `${user}.nk`),
    );
    const config = (await read("nats", "users.conf")) + (await read("nats", "nats.conf"));
    for (const file of files) {
      const { mode } = await stat(join(folder, "users", file));
      assert.equal(mode & 0o777, 0o600);
      const seed = (await read("users", file)).trim();
      assert.match(seed, /^SU[A-Z2-7]{56}$/);
      assert.ok(!config.includes(seed) && !written.out.includes(seed));
    }
  });

  it("keeps the keys and the authority that are there, and adds what is new", async () => {
    await run("write", folder, "--hosts", "web01");
    const before = [await read("users", "poller_web01.nk"), await read("ca.pem")];
    const { out } = await run("write", folder, "--hosts", "web01,web02");
    assert.match(out, /^12 users written/m);
    assert.deepEqual([await read("users", "poller_web01.nk"), await read("ca.pem")], before);
    assert.match(await read("users", "poller_web02.nk"), /^SU/);
  });

  it("makes certificates that strict clients take, and mends those of an earlier version", async () => {
    const openssl = async (...args: string[]) => (await promisify(execFile)("openssl", args)).stdout;
    const [ca, key] = [join(folder, "ca.pem"), join(folder, "ca-key.pem")];
    const server = join(folder, "nats", "server.pem");
    await run("write", folder, "--hosts", "web01");
    await openssl("verify", "-x509_strict", "-CAfile", ca, server);
    const without = ["req", "-x509", "-days", "9", "-subj", "/CN=Ouroboros NATS authority"];
    await openssl(...without, "-key", key, "-out", ca);
    const earlier = join(folder, "earlier.pem");
    await copyFile(ca, earlier);
    await run("write", folder);
    await openssl("verify", "-x509_strict", "-CAfile", ca, server);
    await openssl("verify", "-CAfile", earlier, server);
    const kept = await read("ca.pem");
    await run("write", folder);
    assert.equal(await read("ca.pem"), kept);
  });

  it("drops nobody unasked: who is not named again keeps key, password and rights", async () => {
    const more = ["--watchers", "eye", "--readers", "log", "--server-names", "nats.example.com"];
    const first = [
      "--participants",
      "a,b",
      "--with-password",
      "participant_b",
      "--server-folder",
      "/srv/nats",
    ];
    await run("write", folder, "--hosts", "web01", ...first, ...more);
    const before = [await read("users", "participant_b.password"), await read("nats", "users.conf")];
    const { code, out } = await run("write", folder);
    assert.deepEqual([code, out.split("\n").length], [0, 15]);
    assert.deepEqual(
      [await read("users", "participant_b.password"), await read("nats", "users.conf")],
      before,
    );
    assert.ok(!(await readdir(join(folder, "users"))).includes("participant_b.nk"));
    assert.match(await read("nats", "nats.conf"), /cert_file: "\/srv\/nats\/server\.pem"/);
    const { subjectAltName = "" } = new X509Certificate(await read("nats", "server.pem"));
    assert.match(subjectAltName, /DNS:nats\.example\.com/);
  });

  it("removes whom it is told to, and names them", async () => {
    await run("write", folder, "--hosts", "web01,web02", "--participants", "a,b", "--watchers", "a");
    const removed = await run("write", folder, "--remove", "web02,b", "-o", "json");
    assert.deepEqual((JSON.parse(removed.out) as { removed: string[] }).removed, [
      ...["exec_web02", "poller_web02", "updater_web02", "participant_b"],
    ]);
    const users = [
      ...["exec_web01", ...OBSERVERS, "operator", "participant_a"],
      ...["poller_web01", "updater_web01", "watcher_a"],
    ];
    assert.deepEqual(
      (await readdir(join(folder, "users"))).sort(),
      users.map((user) => `${user}.nk`),
    );
    assert.doesNotMatch(await read("nats", "users.conf"), /web02/);
    const { out } = await run("write", folder, "--remove", "watcher_a");
    assert.match(out, /\nwatcher_a is removed: its key is gone/);
  });

  it("removes an observer, too, and brings it back when it is named", async () => {
    const observers = async () =>
      (await readdir(join(folder, "users"))).filter((file) => file.startsWith("observer_")).sort();
    await run("write", folder, "--hosts", "web01");
    const { out } = await run("write", folder, "--remove", OBSERVERS.join(","));
    assert.match(out, /\nobserver_notifier is removed: its key is gone/);
    assert.deepEqual((await run("write", folder, "--hosts", "web02")).err, "");
    assert.deepEqual(await observers(), []);
    assert.doesNotMatch(await read("nats", "users.conf"), /observer_/);
    await run("write", folder, "--observers", "notifier");
    await run("write", folder);
    assert.deepEqual(await observers(), ["observer_notifier.nk"]);
    assert.match((await run("write", folder, "--observers", "nobody")).err, /allowed are notifier, exporter/);
    await writeFile(
      join(folder, "nats", "users.conf"),
      (await read("nats", "users.conf")).replace(/^# observers:.*$/m, ""), // as an earlier version wrote it
    );
    await run("write", folder);
    assert.equal((await observers()).length, OBSERVERS.length);
  });

  it("removes nothing where it is not clear who is meant", async () => {
    await run("write", folder, "--hosts", "web01", "--participants", "a", "--watchers", "a");
    const before = await readdir(join(folder, "users"));
    for (const [args, says] of [
      [["--remove", "a"], /--remove a: that is participant_a or watcher_a; say which/],
      [
        ["--remove", "web02"],
        /--remove web02: no such user; there are web01, (?:observer_[\w-]+, )+participant_a, watcher_a/,
      ],
      [["--remove", "operator"], /--remove operator: no such user; there are/],
      [["--remove", "web01"], /--hosts is missing/],
      [["--remove", "watcher_a", "--watchers", "a"], /--remove: watcher_a is asked for, too/],
      [["--hub-url", "tls://hub:7422"], /is that of a NATS without leaf nodes/],
    ] as const) {
      const { code, err } = await run("write", folder, ...args);
      assert.equal(code, 2);
      assert.match(err, says);
    }
    assert.deepEqual(await readdir(join(folder, "users")), before);
  });

  it("gives a password to whom cannot use keys", async () => {
    const one = ["--participants", "a", "--with-password", "participant_a"];
    await run("write", folder, "--hosts", "web01", ...one);
    const password = (await read("users", "participant_a.password")).trim();
    assert.ok(password.length >= 32);
    assert.ok(
      (await read("nats", "users.conf")).includes(`{ user: "participant_a", password: "${password}"`),
    );
  });

  it("keeps one account for all users where that is what the streams are in, and says so", async () => {
    await mkdir(join(folder, "nats"), { recursive: true });
    await writeFile(join(folder, "nats", "users.conf"), "authorization {\n  users: []\n}\n");
    const { err } = await run("write", folder, "--hosts", "web01");
    assert.match(err, /share one account, as an earlier version wrote it: docs\/security\.md says/);
    assert.match(await read("nats", "users.conf"), /^authorization \{/m);
    await rm(join(folder, "nats", "users.conf"));
    const moved = await run("write", folder, "--hosts", "web01");
    assert.equal(moved.err, "");
    assert.match(await read("nats", "users.conf"), /^accounts \{/m);
  });

  it("makes a certificate for the names by which the server is reached", async () => {
    await run("write", folder, "--hosts", "web01", "--server-names", "nats.example.com,192.0.2.7");
    const [authority, server] = [
      new X509Certificate(await read("ca.pem")),
      new X509Certificate(await read("nats", "server.pem")),
    ];
    assert.ok(server.verify(authority.publicKey));
    const always = "DNS:nats, DNS:localhost, IP Address:127.0.0.1";
    assert.equal(server.subjectAltName, `${always}, DNS:nats.example.com, IP Address:192.0.2.7`);
    for (const key of ["ca-key.pem", "nats/server-key.pem"])
      assert.equal((await stat(join(folder, key))).mode & 0o777, 0o600);
  });

  it("does not take a file for a key that is none", async () => {
    await run("write", folder, "--hosts", "web01");
    await writeFile(join(folder, "users/poller_web01.nk"), "not a seed");
    const { code, err } = await run("write", folder, "--hosts", "web01");
    assert.equal(code, 1);
    assert.match(err, /poller_web01\.nk holds no seed/);
    assert.doesNotMatch(err, /not a seed/);
  });

  it("writes for a hub what each host's own NATS needs, and keeps all keys when a host is added", async () => {
    const hub = ["--hub-url", "tls://nats.example.com:7422", "--participants", "a"];
    hub.push("--server-names", "nats.example.com,192.0.2.7");
    const { code, err } = await run("write", folder, "--hosts", "web01", ...hub);
    assert.equal(code, 0, err);
    const seeds = async () => [
      await read("users", "leaf_web01.nk"),
      await read("leaves", "web01", "users", "updater_web01.nk"),
    ];
    const before = await seeds();
    const { out } = await run("write", folder, "--hosts", "web01,web.02", ...hub, "-o", "json");
    assert.deepEqual(await seeds(), before);
    assert.deepEqual(JSON.parse(out), {
      folder,
      users: [
        ...["operator", "leaf_web01", "leaf_web=2E02", "participant_a"],
        ...["observer_notifier", "observer_exporter", "observer_home-assistant", "observer_push"],
        "observer_dashboard",
        ...["poller_web01", "updater_web01", "exec_web01"],
        ...["poller_web=2E02", "updater_web=2E02", "exec_web=2E02"],
      ],
      leaves: [join(folder, "leaves/web01"), join(folder, "leaves/web=2E02")],
      removed: [],
    });
    assert.deepEqual((await readdir(join(folder, "users"))).sort(), [
      ...["leaf_web01.nk", "leaf_web=2E02.nk", ...OBSERVERS.map((user) => `${user}.nk`)],
      ...["operator.nk", "participant_a.nk"],
    ]);
    assert.match(
      (await run("write", folder, "--hosts", "web01")).err,
      /is that of a hub: give --hub-url too/,
    );
    const leaf = join(folder, "leaves/web01");
    assert.deepEqual((await readdir(leaf)).sort(), ["ca.pem", "nats", "users"]);
    const config = await read("leaves", "web01", "nats", "nats.conf");
    assert.ok(config.includes(`nkey: ${before[0]?.trim() ?? ""} `));
    assert.match(config, /url: "tls:\/\/nats\.example\.com:7422"\n/);
    assert.equal((await stat(join(leaf, "nats/nats.conf"))).mode & 0o777, 0o600);
    const authority = new X509Certificate(await read("ca.pem"));
    for (const [place, names] of [
      ["nats", /DNS:nats\.example\.com/],
      ["leaves/web01/nats", /^DNS:nats, DNS:localhost, IP Address:127\.0\.0\.1$/],
    ] as const) {
      const certificate = new X509Certificate(await read(place, "server.pem"));
      assert.ok(certificate.verify(authority.publicKey));
      assert.match(certificate.subjectAltName ?? "", names);
    }
  });

  for (const [what, args, sentence] of [
    ["a hub is not reached by TLS", ["write", "/x", "--hosts", "h", "--hub-url", "nats://hub:7422"], /tls:/],
    [
      "the address of a hub holds a user",
      ["write", "/x", "--hosts", "h", "--hub-url", "tls://u@h:1"],
      /tls:/,
    ],
    ["hosts are missing", ["write", "/nowhere/x"], /--hosts is missing/],
    ["no folder is given", ["write", "--hosts", "h"], /FOLDER is missing/],
    [
      "a participant bears a name of ours",
      ["write", "/x", "--hosts", "h", "--participants", "exec_h"],
      /reserved/,
    ],
    ["an option is unknown", ["write", "/x", "--host", "h"], /--host/],
  ] as const)
    it(`says what is wrong where ${what}`, async () => {
      const { code, err } = await run(...args);
      assert.equal(code, 2);
      assert.match(err, sentence);
    });

  it("says where a password is asked for somebody who is not there", async () => {
    const { code, err } = await run("write", folder, "--hosts", "h", "--with-password", "participant_z");
    assert.equal(code, 2);
    assert.match(err, /users are operator, poller_h/);
    const leaf = ["--hub-url", "tls://hub:7422", "--with-password", "leaf_h"];
    assert.equal((await run("write", folder, "--hosts", "h", ...leaf)).code, 2);
  });
});
