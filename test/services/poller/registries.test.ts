import assert from "node:assert/strict";
import { hubControl, pushApp } from "../../bed/bed.ts";
import { ask, becauseOf, digest, registries } from "./registry-client.ts";

describe("asking registries", () => {
  it("gets the digest of a tag from a plain registry that the Engine calls insecure", async () => {
    using asked = registries();
    const { reference, digest: expected } = await pushApp("asked-plain", "1");
    assert.deepEqual(await ask(asked, reference), [digest(expected)]);
  });

  it("does not ask a registry without TLS that the Engine does not call insecure", async () => {
    using asked = registries({ insecure: [] });
    const { reference } = await pushApp("asked-plain", "1");
    const [answer] = await ask(asked, reference);
    assert.match(becauseOf(answer), /^registry unreachable: registry\.lab:5000: /);
  });

  it("gets the digest of an index, whichever media types it is made of", async () => {
    using asked = registries();
    const platforms = ["linux/amd64", "linux/arm64"];
    const oci = await pushApp("asked-index", "oci", { platforms });
    const docker = await pushApp("asked-index", "docker", { platforms, docker: true });
    const single = await pushApp("asked-index", "single", { docker: true });
    assert.deepEqual(
      await ask(asked, oci.reference, docker.reference, single.reference),
      [oci, docker, single].map((one) => digest(one.digest)),
    );
  });

  it("gets a token from Docker Hub without a login, and asks with HEAD, which does not count as a pull", async () => {
    using asked = registries();
    const { digest: expected } = await pushApp("docker.io/library/asked-hub", "1");
    await hubControl.clearLog();
    assert.deepEqual(await ask(asked, "asked-hub:1"), [digest(expected)]);
    assert.deepEqual(
      (await hubControl.log()).map(({ method, host, status }) => `${method} ${host} ${status}`),
      ["GET auth.docker.io 200", "HEAD registry-1.docker.io 200"],
    );
  });

  it("keeps the token and asks once for each image, however many containers run it", async () => {
    using asked = registries();
    const { digest: expected } = await pushApp("docker.io/library/asked-hub", "1");
    await pushApp("docker.io/library/asked-hub", "2");
    await ask(asked, "asked-hub:1");
    await hubControl.clearLog();
    const many = [
      ...Array.from({ length: 20 }, () => "asked-hub:1"),
      "docker.io/library/asked-hub:1",
      "asked-hub:2",
    ];
    assert.deepEqual((await ask(asked, ...many))[7], digest(expected));
    assert.deepEqual(
      (await hubControl.log()).map(({ method, path, status }) => `${method} ${path} ${status}`).sort(),
      ["HEAD /v2/library/asked-hub/manifests/1 200", "HEAD /v2/library/asked-hub/manifests/2 200"],
    );
  });

  it("takes the next repository's token at once where it knows what the registry asks for", async () => {
    using asked = registries();
    const one = await pushApp("ghcr.io/acme/asked", "1");
    const other = await pushApp("ghcr.io/acme/asked-too", "1");
    await ask(asked, one.reference);
    await hubControl.clearLog();
    assert.deepEqual(await ask(asked, other.reference), [digest(other.digest)]);
    assert.deepEqual(
      (await hubControl.log()).map(({ method, status }) => `${method} ${status}`),
      ["GET 200", "HEAD 200"],
    );
  });

  it("asks for one token when several images of a repository are asked at once", async () => {
    using asked = registries();
    const tags = ["1", "2", "3", "4"];
    for (const tag of tags) await pushApp("ghcr.io/acme/asked", tag);
    await hubControl.clearLog();
    await ask(asked, ...tags.map((tag) => `ghcr.io/acme/asked:${tag}`));
    assert.equal((await hubControl.log()).filter(({ path }) => path.startsWith("/token")).length, 1);
  });

  it("asks 50 images of a registry with 52 requests where it knows nothing of it, and 50 when it does", async () => {
    const names = Array.from({ length: 50 }, (_, n) => `quay.io/acme/many-${n}`);
    const pushed = await Promise.all(names.map((name) => pushApp(name, "1")));
    using asked = registries();
    for (const expected of [52, 50]) {
      await hubControl.clearLog();
      const answers = await ask(asked, ...pushed.map(({ reference }) => reference));
      assert.deepEqual(
        answers,
        pushed.map(({ digest: expectedDigest }) => digest(expectedDigest)),
      );
      assert.equal((await hubControl.log()).length, expected);
    }
  });

  it("asks token by token where the token server takes no several scopes", async () => {
    const pushed = await Promise.all(
      ["a", "b", "c"].map((name) => pushApp(`quay.io/acme/single-${name}`, "1")),
    );
    const scopes = (url: string | undefined): number => (url ?? "").split("scope=").length - 1;
    const { host } = new URL("https://quay.io");
    await using _fault = await hubControl.faults([{ match: `GET ${host}/token`, status: 400, times: 1 }]);
    using asked = registries();
    await hubControl.clearLog();
    const answers = await ask(asked, ...pushed.map(({ reference }) => reference));
    assert.ok(answers.every(({ kind }) => kind === "digest"));
    const tokens = (await hubControl.log()).filter(({ path }) => path.startsWith("/token"));
    assert.deepEqual(
      tokens.map(({ path, status }) => [scopes(path), status]),
      [
        [3, 400],
        [1, 200],
        [1, 200],
        [1, 200],
      ],
    );
  });

  it("takes a new token when the old one is no longer accepted", async () => {
    using asked = registries();
    const { reference, digest: expected } = await pushApp("quay.io/acme/asked", "1");
    await ask(asked, reference);
    const challenge =
      'Bearer realm="https://quay.io/token",service="quay.io",scope="repository:acme/asked:pull"';
    await using _fault = await hubControl.faults([
      { match: "^HEAD quay.io/", status: 401, times: 1, headers: { "www-authenticate": challenge } },
    ]);
    await hubControl.clearLog();
    assert.deepEqual(await ask(asked, reference), [digest(expected)]);
    assert.equal((await hubControl.log()).filter(({ path }) => path.startsWith("/token")).length, 1);
  });
});
