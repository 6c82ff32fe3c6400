import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { EventEmitter, once } from "node:events";
import { readFile, readdir } from "node:fs/promises";
import { type AddressInfo, type Socket, createServer } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import "../bed/bed.ts"; // It starts programs.
import { settings } from "../../shared/settings/settings.ts";
import { itInFullRun } from "../support/full-run.ts";

const program = join(import.meta.dirname, "../../cli/main.js");

describe("the command line of ouroboros", () => {
  it("--help tells every setting with its flags", async () => {
    for (const args of [["--help"], ["-h"], ["updater", "--help"]]) {
      const { code, out } = await run(...args);
      assert.equal(code, 0);
      for (const name of Object.keys(settings)) assert.ok(out.includes(`\n  ${name}`), name);
      assert.match(out, /INTERVAL, -i, --interval \[300\]/);
    }
  });

  it("--version tells the version of the package", async () => {
    const file = await readFile(join(import.meta.dirname, "../../../package.json"), "utf8");
    assert.equal((await run("--version")).out.trim(), (JSON.parse(file) as { version: string }).version);
  });

  it("also starts by the path that it had before", async () => {
    const former = join(import.meta.dirname, "../../services/ouroboros/main.js");
    const { stdout } = await promisify(execFile)(process.execPath, [former, "--version"]);
    assert.equal(stdout, (await run("--version")).out);
  });

  it("has compiled code for each of its bundles that this Node takes", async () => {
    const script = `
      import { readFileSync } from "node:fs";
      import { compileBundle, compiledCodeOf } from ${JSON.stringify(join(import.meta.dirname, "../../cli/load-bundle.js"))};
      for (const file of process.argv.slice(1))
        if (compileBundle(file, readFileSync(compiledCodeOf(file))).cachedDataRejected) console.log(file);`;
    const folder = join(import.meta.dirname, "../../services/bundle");
    const bundles = (await readdir(folder)).filter((name) => name.endsWith(".cjs"));
    assert.ok(bundles.includes("updater.cjs") && bundles.includes("start-command.cjs"), bundles.join());
    const args = ["--input-type=module", "-e", script, ...bundles.map((name) => join(folder, name))];
    const { stdout } = await promisify(execFile)(process.execPath, args);
    assert.equal(stdout, "");
  });

  it("does not start with a flag or a word nobody knows", async () => {
    for (const args of [["--no-such-flag"], ["poller", "--no-such-flag"]]) {
      const { code, err } = await run(...args);
      assert.equal(code, 1);
      assert.match(err, /--no-such-flag is no option: `ouroboros --help` lists them/);
    }
    assert.deepEqual(await run("shop", "cache", "--cleanup"), {
      code: 2,
      out: "",
      err:
        "ouroboros: shop is no command; `ouroboros help` lists them. " +
        'To watch only the containers shop cache, set MONITOR="shop cache"\n',
    });
  });

  it("understands `help` and `version` without dashes", async () => {
    const pairs: readonly (readonly [readonly string[], readonly string[]])[] = [
      [["help"], ["--help"]],
      [
        ["help", "status"],
        ["status", "--help"],
      ],
      [
        ["help", "participant"],
        ["participant", "--help"],
      ],
      [
        ["help", "participant", "add"],
        ["participant", "add", "--help"],
      ],
      [["version"], ["--version"]],
    ];
    for (const [plain, dashed] of pairs) {
      const answer = await run(...plain);
      assert.equal(answer.code, 0);
      assert.deepEqual(answer, await run(...dashed));
    }
    const { code, err } = await run("help", "stauts");
    assert.deepEqual([code, err], [2, "ouroboros help: stauts is no command; did you mean status?\n"]);
  });

  it("ends, and says why, where what listens at NATS_URL never greets", async () => {
    await using silent = await new SilentServer().start();
    const child = execFile(process.execPath, [program, "status"], { env: { NATS_URL: silent.url } });
    let said = "";
    child.stderr?.on("data", (text: string) => (said += text));
    const [code] = (await once(child, "exit")) as [number];
    assert.deepEqual(
      [code, said],
      [
        3,
        `ouroboros status: NATS at ${silent.url} cannot be used: it does not greet within 5 s; start it, or correct NATS_URL\n`,
      ],
    );
  });

  itInFullRun(
    "keeps one connection at most to what never greets, however long a service waits for it",
    async () => {
      await using silent = await new SilentServer().start();
      const env = { NATS_URL: silent.url, WEBHOOK_URL: "http://127.0.0.1:1/", HEALTH_PORT: "off" };
      const child = execFile(process.execPath, [program, "webhook"], { env });
      while (silent.seen() < 3) await once(silent, "connection");
      assert.ok(silent.open() <= 2, `${silent.open()} of ${silent.seen()} connections are open`); // the left one, and the last
      child.kill("SIGINT");
      await once(child, "exit");
    },
  );

  it("ends at the first SIGINT or SIGTERM while it waits for NATS", async () => {
    for (const [signal, code] of [
      ["SIGINT", 130],
      ["SIGTERM", 143],
    ] as const) {
      await using silent = await new SilentServer().start();
      const connected = once(silent, "connection");
      const child = execFile(process.execPath, [program, "events", "--follow"], {
        env: { NATS_URL: silent.url },
      });
      await connected;
      child.kill(signal);
      assert.deepEqual(await once(child, "exit"), [code, null]);
    }
  });

  it("says which command or service may have been meant", async () => {
    for (const [word, meant] of [
      ["statsu", "status"],
      ["updatr", "update or updater"],
    ] as const) {
      const { code, err } = await run(word);
      assert.deepEqual([code, err], [2, `ouroboros: ${word} is no command; did you mean ${meant}?\n`]);
    }
  });

  it("has participant among its sub-commands", async () => {
    const { code, err } = await run("participant", "dance");
    assert.equal(code, 2);
    assert.match(err, /dance is no command[^]*ouroboros participant add/);
  });
});

function run(...args: string[]): Promise<{ code: unknown; out: string; err: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [program, ...args], { timeout: 60_000 }, (error, out, err) =>
      resolve({ code: error === null ? 0 : error.code, out, err }),
    );
  });
}

/** Takes connections and never says a word. */
class SilentServer extends EventEmitter<{ connection: [] }> implements AsyncDisposable {
  readonly #server = createServer((socket) => {
    this.#seen += 1;
    this.#open.add(socket);
    socket.on("error", () => undefined).on("close", () => this.#open.delete(socket));
    this.emit("connection");
  });
  readonly #open = new Set<Socket>();
  #seen = 0;
  readonly open = (): number => this.#open.size;
  readonly seen = (): number => this.#seen;
  get url(): string {
    return `nats://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }
  async start(): Promise<this> {
    await once(this.#server.listen(0, "127.0.0.1"), "listening");
    return this;
  }
  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#open) socket.destroy();
    await once(this.#server.close(), "close");
  }
}
