import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import "../../bed/bed.ts"; // It starts programs.
import { HelperFailed } from "../../../shared/registry/credential-helper.ts";
import { type Credentials, findCredentials } from "../../../shared/registry/credentials.ts";
import { dockerConfig } from "../../support/docker-config.ts";

const none = { REPO_USER: "", REPO_PASS: "", REPO_REGISTRY: "" };

describe("credentials for a registry with a helper program", () => {
  const { folder, write } = dockerConfig();

  const ann: Credentials = { username: "ann", password: "se:cret" };

  const path = process.env["PATH"];
  const helper = async (name: string, script: string): Promise<void> => {
    await writeFile(join(folder(), `docker-credential-${name}`), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    process.env["PATH"] = `${folder()}:${path ?? ""}`;
  };
  afterEach(() => (process.env["PATH"] = path));
  const knowing = (...servers: readonly string[]): string =>
    `[ "$1" = get ] || exit 9; read server; case "$server" in ${servers.join("|")}) ` +
    `echo '{"ServerURL":"x","Username":"ann","Secret":"se:cret"}';; ` +
    "*) echo 'credentials not found in native keychain'; exit 1;; esac";

  it("come from credHelpers, and from no other registry's", async () => {
    await helper("lab", knowing("ghcr.io", "quay.io"));
    await write({ credHelpers: { "ghcr.io": "lab" } });
    assert.deepEqual(await findCredentials("ghcr.io", none), ann);
    assert.equal(await findCredentials("quay.io", none), undefined);
  });

  it("come from credsStore, under each name that `docker login` left in auths", async () => {
    await helper("lab", knowing("https://ghcr.io/v2/", "https://index.docker.io/v1/"));
    await write({ credsStore: "lab", auths: { "https://ghcr.io/v2/": {} } });
    assert.deepEqual(await findCredentials("ghcr.io", none), ann);
    assert.deepEqual(await findCredentials("docker.io", none), ann);
    assert.equal(await findCredentials("quay.io", none), undefined);
  });

  it("may be an identity token", async () => {
    await helper("lab", `echo '{"Username":"<token>","Secret":"tok"}'`);
    await write({ credsStore: "lab" });
    const expected = { username: "", password: "", identityToken: "tok" };
    assert.deepEqual(await findCredentials("ghcr.io", none), expected);
  });

  for (const [sentence, name, script, told] of [
    [
      "is not there",
      "missing",
      undefined,
      /docker-credential-missing, which .* names, is not in PATH: install/,
    ],
    ["fails", "lab", "echo s3cret >&2; echo s3cret; exit 3", /docker-credential-lab failed with 3/],
    ["talks nonsense", "lab", "echo s3cret", /docker-credential-lab gave no credentials that can be used/],
    ["cannot be one", "../../bin/sh", undefined, /names a credential helper that cannot be one/],
  ] as const)
    it(`are told of by a sentence, without its output, where it ${sentence}`, async () => {
      if (script !== undefined) await helper("lab", script);
      await write({ credsStore: name });
      await assert.rejects(findCredentials("ghcr.io", none), (error: Error) => {
        assert.ok(error instanceof HelperFailed);
        assert.match(error.message, told);
        assert.doesNotMatch(error.message, /s3cret/);
        return true;
      });
    });
});
