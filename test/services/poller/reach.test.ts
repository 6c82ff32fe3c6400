import assert from "node:assert/strict";
import { engine, hubControl, pushApp } from "../../bed/bed.ts";
import { startForwardProxy } from "../../support/forward-proxy.ts";
import {
  DIGEST,
  ask,
  becauseOf,
  digest,
  login,
  manifestHeaders,
  registries,
  reply,
} from "./registry-client.ts";
import { startRegistry } from "./odd-registry.ts";

describe("the poller reaches what the Engine reaches", () => {
  it("through a proxy, which sees no more than names", async () => {
    const { digest: expected } = await pushApp("docker.io/library/reach", "1");
    await using proxy = await startForwardProxy("me:pass word");
    const https = proxy.url.replace("//", "//me:pass%20word@");
    using asked = registries({ proxies: { https } });
    assert.deepEqual(await ask(asked, "reach:1"), [digest(expected)]);
    assert.deepEqual(
      new Set(proxy.seen),
      new Set(["CONNECT auth.docker.io:443", "CONNECT registry-1.docker.io:443"]),
    );
    using stranger = registries({ proxies: { https: proxy.url } });
    const because = becauseOf((await ask(stranger, "reach:1"))[0]);
    assert.match(because, /^registry unreachable: .*through the proxy 127\.0\.0\.1:\d+: /);
    assert.doesNotMatch(because, /pass/);
  });

  it("through a proxy for what has no TLS, and not where NO_PROXY says", async () => {
    const { reference, digest: expected } = await pushApp("reach-plain", "1");
    await using proxy = await startForwardProxy();
    using asked = registries({ proxies: { http: proxy.url } });
    assert.deepEqual(await ask(asked, reference), [digest(expected)]);
    assert.deepEqual(proxy.seen, ["HEAD http://registry.lab:5000/v2/reach-plain/manifests/1"]);
    using exempt = registries({ proxies: { http: proxy.url, no: "registry.lab" } });
    assert.deepEqual(await ask(exempt, reference), [digest(expected)]);
    assert.equal(proxy.seen.length, 1);
  });

  it("at the Engine's mirror first, then at Docker Hub, and tells a mirror no login of Docker Hub's", async () => {
    await using config = await login();
    const auth = Buffer.from("ann:secret").toString("base64");
    await config.write({ auths: { "https://index.docker.io/v1/": { auth } } });
    const { digest: expected } = await pushApp("docker.io/library/reach", "1");
    await using mirror = await startRegistry(({ url = "" }, response) => {
      if (url.includes("mirrored")) reply(response, 200, manifestHeaders());
      else if (url.includes("private")) reply(response, 401, { "www-authenticate": "Basic" });
      else reply(response, 404);
    });
    await pushApp("docker.io/library/private-here", "1");
    using asked = registries({ mirrors: ["http://127.0.0.1:1/", `http://${mirror.host}/`] });
    const [first, second, third] = await ask(asked, "mirrored:1", "reach:1", "private-here:1");
    assert.deepEqual([first, second], [{ ...digest(DIGEST), mirror: mirror.host }, digest(expected)]);
    assert.equal(third?.kind, "digest");
    assert.ok(mirror.asked.every(({ authorization }) => authorization === undefined));
  });

  it("where a registry redirects to another, which wants a token of its own", async () => {
    const { digest: expected } = await pushApp("ghcr.io/acme/reach", "1");
    await using _fault = await hubControl.faults([
      {
        match: "quay.io/v2/acme/elsewhere/manifests/1$",
        status: 307,
        headers: { location: "https://ghcr.io/v2/acme/reach/manifests/1" },
      },
    ]);
    using asked = registries({
      settings: { REPO_USER: "ann", REPO_PASS: "secret", REPO_REGISTRY: "quay.io" },
    });
    await hubControl.clearLog();
    assert.deepEqual(await ask(asked, "quay.io/acme/elsewhere:1"), [digest(expected)]);
    assert.ok((await hubControl.log()).every(({ host, user }) => host !== "ghcr.io" || user === null));
  });

  it("but not where it redirects from https to http", async () => {
    await using _fault = await hubControl.faults([
      {
        match: "^HEAD quay.io/",
        status: 307,
        headers: { location: "http://registry.lab:5000/v2/x/manifests/1" },
      },
    ]);
    using asked = registries();
    const because = becauseOf((await ask(asked, "quay.io/acme/downgraded:1"))[0]);
    assert.match(because, /redirected from https to http:\/\/registry\.lab:5000, which is not followed$/);
  });

  for (const [what, status] of [
    ["401 without a challenge", 401],
    ["403", 403],
    ["404", 404],
    ["405", 405],
    ["500", 500],
    ["503", 503],
  ] as const)
    it(`where HEAD is answered ${what} and GET works`, async () => {
      const { reference, digest: expected } = await pushApp("ghcr.io/acme/reach-head", "1");
      await using _fault = await hubControl.faults([{ match: "^HEAD ghcr.io/", status }]);
      using asked = registries();
      assert.deepEqual(await ask(asked, reference), [digest(expected)]);
    });

  it("through the Engine, without a pull, where only that reaches the registry", async () => {
    await using h1 = engine(1);
    const { digest: expected } = await pushApp("reach-engine", "1");
    const before = (await h1.docker.listImages()).length;
    // An insecure registry of the Engine's that this program takes for one with TLS.
    using asked = registries({ insecure: [], engine: h1 });
    const name = "registry.lab:5000/reach-engine:1";
    assert.deepEqual(
      await ask(asked, name, "registry.lab:5000/reach-nowhere:1").then(([one]) => one),
      digest(expected),
    );
    assert.equal((await h1.docker.listImages()).length, before);
    using alone = registries({ insecure: [] });
    assert.match(becauseOf((await ask(alone, name))[0]), /^registry unreachable: registry\.lab:5000: /);
  });

  it("after one 502, one cut connection or one short wait, without a word", async () => {
    const { reference, digest: expected } = await pushApp("ghcr.io/acme/reach-again", "1");
    const waiting = (wait: string) => ({ status: 429, headers: { "retry-after": wait } });
    for (const fault of [
      { status: 502 },
      { cut: true },
      waiting("457.123us"),
      waiting("0.000457"),
      waiting("0"),
      waiting("1s"),
    ]) {
      await using _fault = await hubControl.faults([
        { match: "^(?:HEAD|GET) ghcr.io/v2/", times: 2, ...fault },
      ]);
      using asked = registries();
      assert.deepEqual(await ask(asked, reference), [digest(expected)], JSON.stringify(fault));
    }
    await using _fault = await hubControl.faults([{ match: "^GET ghcr.io/token", times: 1, status: 503 }]);
    using asked = registries();
    assert.deepEqual(await ask(asked, reference), [digest(expected)], "the token server");
  });

  it("and a wait of one image ends no other's question", async () => {
    const pushed = await Promise.all(
      ["a", "b", "c", "d"].map((one) => pushApp(`ghcr.io/acme/burst-${one}`, "1")),
    );
    await using _fault = await hubControl.faults([
      { match: "^HEAD ghcr.io/v2/acme/burst-b/", times: 1, status: 429, headers: { "retry-after": "0.3" } },
    ]);
    using asked = registries();
    const answers = await ask(asked, ...pushed.map(({ reference }) => reference));
    assert.ok(answers.every(({ kind }) => kind === "digest"));
  });

  it("and reads how often a registry may still be asked", async () => {
    await pushApp("docker.io/library/reach", "1");
    using asked = registries();
    await ask(asked, "reach:1");
    const { limit, remaining, window_s } = asked.budgets["docker.io"] ?? {};
    assert.deepEqual({ limit, remaining, window_s }, { limit: 100, remaining: 100, window_s: 21600 });
  });

  it("and sends no credentials to a token server on another site, unless a rule says so", async () => {
    const auth = { REPO_USER: "ann", REPO_PASS: "secret", REPO_REGISTRY: "quay.io" };
    const { reference, digest: expected } = await pushApp("quay.io/acme/private/realm", "1");
    const challenge = 'Bearer realm="https://ghcr.io/token",service="quay.io"';
    await using _fault = await hubControl.faults([
      { match: "^HEAD quay.io/", times: 2, status: 401, headers: { "www-authenticate": challenge } },
    ]);
    await hubControl.clearLog();
    using asked = registries({ settings: auth });
    assert.match(
      becauseOf((await ask(asked, reference))[0]),
      /names the token server ghcr\.io on another site, .* set TOKEN_SERVERS=quay\.io=ghcr\.io$/,
    );
    assert.deepEqual(
      (await hubControl.log()).filter(({ host }) => host === "ghcr.io"),
      [],
    );
    using ruled = registries({ settings: { ...auth, TOKEN_SERVERS: ["quay.io=ghcr.io"] } });
    assert.deepEqual(await ask(ruled, reference), [digest(expected)]);
  });
});
