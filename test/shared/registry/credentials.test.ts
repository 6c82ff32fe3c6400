import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { type Credentials, findCredentials } from "../../../shared/registry/credentials.ts";
import { dockerConfig } from "../../support/docker-config.ts";

const none = { REPO_USER: "", REPO_PASS: "", REPO_REGISTRY: "" };
const basic = (text: string): string => Buffer.from(text).toString("base64");

describe("credentials for a registry", () => {
  const { folder, write } = dockerConfig();

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
    ["are none without `auths`", { HttpHeaders: {} }, "ghcr.io", undefined],
  ];
  for (const [sentence, config, registry, expected] of cases)
    it(sentence, async () => {
      await write(config);
      assert.deepEqual(await findCredentials(registry, none), expected);
    });

  it("are none without a file", async () => assert.equal(await findCredentials("ghcr.io", none), undefined));

  it("are REPO_USER and REPO_PASS for REPO_REGISTRY, whatever the file says, and for no other", async () => {
    const bob = { REPO_USER: "bob", REPO_PASS: "pw", REPO_REGISTRY: "ghcr.io", bound: "quay.io" };
    await write("{ broken");
    assert.deepEqual(await findCredentials("ghcr.io", bob), { username: "bob", password: "pw" });
    await write({ auths: { "quay.io": { auth: basic("ann:se:cret") } } });
    assert.deepEqual(await findCredentials("quay.io", bob), ann);
    assert.equal(await findCredentials("docker.io", bob), undefined);
  });

  it("are REPO_USER and REPO_PASS for the registry they were found to be for, and for none before", async () => {
    const bob = { REPO_USER: "bob", REPO_PASS: "pw", REPO_REGISTRY: "" };
    assert.equal(await findCredentials("ghcr.io", bob), undefined);
    assert.equal(await findCredentials("quay.io", { ...bob, bound: "ghcr.io" }), undefined);
    assert.deepEqual(await findCredentials("ghcr.io", { ...bob, bound: "ghcr.io" }), {
      username: "bob",
      password: "pw",
    });
  });

  describe("in the Docker client's configuration", () => {
    const ways: readonly [string, string][] = [
      ...["ghcr.io", "ghcr.io/", "https://ghcr.io", "https://ghcr.io/", "http://ghcr.io"].map(
        (key): [string, string] => [key, "ghcr.io"],
      ),
      ...["https://ghcr.io/v2", "http://ghcr.io/v1/", "https://ghcr.io/v1/", "ghcr.io/v2/"].map(
        (key): [string, string] => [key, "ghcr.io"],
      ),
      ["https://registry.lab:5000/v2/", "registry.lab:5000"],
      ...["https://index.docker.io/v1/", "index.docker.io", "docker.io", "https://docker.io/"].map(
        (key): [string, string] => [key, "docker.io"],
      ),
      ["https://registry-1.docker.io/v2/", "docker.io"],
    ];
    for (const [key, registry] of ways)
      it(`are found for ${registry} under ${key}`, async () => {
        await write({
          auths: { "other.lab": { auth: basic("x:y") }, [key]: { auth: basic("ann:se:cret") } },
        });
        assert.deepEqual(await findCredentials(registry, none), ann);
      });

    it("are not found under a name that only begins alike", async () => {
      for (const key of ["ghcr.io:443", "ghcr.io.evil.lab", "https://evil.lab/ghcr.io", "xghcr.io"]) {
        await write({ auths: { [key]: { auth: basic("ann:se:cret") } } });
        assert.equal(await findCredentials("ghcr.io", none), undefined, key);
      }
    });
  });

  it("are read anew each time, so that a login takes effect", async () => {
    assert.equal(await findCredentials("ghcr.io", none), undefined);
    await write({ auths: { "ghcr.io": { auth: basic("ann:se:cret") } } });
    assert.deepEqual(await findCredentials("ghcr.io", none), ann);
  });

  it("name the file that nobody can understand", async () => {
    for (const broken of ["{ broken", "[]", '{"auths": 3}']) {
      await write(broken);
      await assert.rejects(
        findCredentials("ghcr.io", none),
        /config\.json is no Docker client configuration/,
      );
    }
  });

  it("name the file that cannot be read", async () => {
    await mkdir(join(folder(), "config.json"));
    await assert.rejects(findCredentials("ghcr.io", none), /config\.json cannot be read/);
  });
});
