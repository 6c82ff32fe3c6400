import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Credentials, credentialsFor } from "../../shared/credentials.ts";

const none = { REPO_USER: "", REPO_PASS: "" };
const basic = (text: string): string => Buffer.from(text).toString("base64");

describe("credentials for a registry", () => {
  const before = process.env["DOCKER_CONFIG"];
  let folder = "";
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "credentials-"));
    process.env["DOCKER_CONFIG"] = folder;
  });
  afterEach(async () => {
    if (before === undefined) delete process.env["DOCKER_CONFIG"];
    else process.env["DOCKER_CONFIG"] = before;
    await rm(folder, { recursive: true });
  });
  const write = (config: unknown): Promise<void> =>
    writeFile(join(folder, "config.json"), typeof config === "string" ? config : JSON.stringify(config));

  const ann: Credentials = { username: "ann", password: "se:cret" };
  const cases: readonly [string, unknown, string, Credentials | undefined][] = [
    [
      "are read from `auth`",
      { auths: { "registry.lab:5000": { auth: basic("ann:se:cret") } } },
      "registry.lab:5000",
      ann,
    ],
    ["may be spelt out", { auths: { "ghcr.io": { username: "ann", password: "se:cret" } } }, "ghcr.io", ann],
    [
      "of Docker Hub lie under its old address",
      { auths: { "https://index.docker.io/v1/": { auth: basic("ann:se:cret") } } },
      "docker.io",
      ann,
    ],
    [
      "may lie under an address",
      { auths: { "https://ghcr.io": { auth: basic("ann:se:cret") } } },
      "ghcr.io",
      ann,
    ],
    [
      "may hold a token in place of a password",
      { auths: { "ghcr.io": { auth: basic("ann:"), identitytoken: "tok" } } },
      "ghcr.io",
      { username: "ann", password: "", identityToken: "tok" },
    ],
    [
      "of another registry are not taken",
      { auths: { "ghcr.io": { auth: basic("ann:x") } } },
      "quay.io",
      undefined,
    ],
    ["are none in an empty entry", { auths: { "ghcr.io": {} } }, "ghcr.io", undefined],
    ["are none without `auths`", { credsStore: "desktop" }, "ghcr.io", undefined],
  ];
  for (const [sentence, config, registry, expected] of cases)
    it(sentence, async () => {
      await write(config);
      assert.deepEqual(await credentialsFor(registry, none), expected);
    });

  it("are none without a file", async () => assert.equal(await credentialsFor("ghcr.io", none), undefined));

  it("are REPO_USER and REPO_PASS where these are set, whatever the file says", async () => {
    await write("{ broken");
    assert.deepEqual(await credentialsFor("ghcr.io", { REPO_USER: "bob", REPO_PASS: "pw" }), {
      username: "bob",
      password: "pw",
    });
  });

  it("are read anew each time, so that a login takes effect", async () => {
    assert.equal(await credentialsFor("ghcr.io", none), undefined);
    await write({ auths: { "ghcr.io": { auth: basic("ann:se:cret") } } });
    assert.deepEqual(await credentialsFor("ghcr.io", none), ann);
  });

  it("name the file that nobody can understand", async () => {
    for (const broken of ["{ broken", "[]", '{"auths": 3}']) {
      await write(broken);
      await assert.rejects(credentialsFor("ghcr.io", none), /config\.json is no Docker client configuration/);
    }
  });

  it("name the file that cannot be read", async () => {
    await mkdir(join(folder, "config.json"));
    await assert.rejects(credentialsFor("ghcr.io", none), /config\.json cannot be read/);
  });
});
