import assert from "node:assert/strict";
import { hubControl, pushApp } from "../../../bed/bed.ts";
import {
  DIGEST,
  ask,
  becauseOf,
  digest,
  login,
  manifestHeaders,
  registries,
  reply,
} from "../registry-client.ts";
import { startRegistry } from "../odd-registry.ts";

describe("asking private repositories", () => {
  it("works with REPO_USER and REPO_PASS", async () => {
    using asked = registries({
      settings: { REPO_USER: "ann", REPO_PASS: "secret", REPO_REGISTRY: "ghcr.io" },
    });
    const { reference, digest: expected } = await pushApp("ghcr.io/acme/private/app", "1");
    await hubControl.clearLog();
    assert.deepEqual(await ask(asked, reference), [digest(expected)]);
    assert.equal((await hubControl.log()).at(-1)?.user, "ann");
  });

  it("says that a login is needed", async () => {
    using asked = registries();
    const { reference } = await pushApp("ghcr.io/acme/private/app", "1");
    const [answer] = await ask(asked, reference);
    assert.equal(
      becauseOf(answer),
      "ghcr.io denies access without credentials: `docker login ghcr.io` and mount its config.json, or set REPO_USER, REPO_PASS and REPO_REGISTRY",
    );
  });

  it("says whose login is refused, without the password, and others are not disturbed", async () => {
    await using config = await login();
    const auth = Buffer.from("ann:wr0ng-pa55word").toString("base64");
    await config.write({ auths: { "ghcr.io": { auth } } });
    using asked = registries();
    const bad = await pushApp("ghcr.io/acme/private/app", "1");
    const good = await pushApp("docker.io/library/asked-hub", "1");
    const [refused, found] = await ask(asked, bad.reference, "asked-hub:1");
    assert.match(becauseOf(refused), /^ghcr\.io refuses the credentials of ann: `docker login ghcr\.io`/);
    assert.doesNotMatch(becauseOf(refused), /wr0ng|Basic|Bearer/);
    assert.deepEqual(found, digest(good.digest));
    await config.write("{ broken");
    const [broken] = await ask(asked, bad.reference);
    assert.match(becauseOf(broken), /config\.json is no Docker client configuration: /);
  });

  it("works with Basic", async () => {
    const expected = `Basic ${Buffer.from("ann:se:cret").toString("base64")}`;
    await using odd = await startRegistry(({ headers }, response) => {
      if (headers.authorization === expected) reply(response, 200, manifestHeaders());
      else reply(response, 401, { "www-authenticate": 'Basic realm="lab"' });
    });
    using asked = registries({
      settings: { REPO_USER: "ann", REPO_PASS: "se:cret", REPO_REGISTRY: odd.host },
    });
    assert.deepEqual(await ask(asked, `${odd.host}/app:1`), [digest(DIGEST)]);
    using wrong = registries({ settings: { REPO_USER: "ann", REPO_PASS: "no", REPO_REGISTRY: odd.host } });
    assert.match(becauseOf((await ask(wrong, `${odd.host}/app:1`))[0]), /refuses the credentials of ann/);
    using none = registries();
    assert.match(becauseOf((await ask(none, `${odd.host}/app:1`))[0]), /denies access without credentials/);
  });

  it("works with a token in place of a password", async () => {
    await using config = await login();
    await using odd = await startRegistry((request, response) => {
      const realm = `http://${request.headers.host ?? ""}/token`;
      if (request.url === "/token") reply(response, 200, {}, '{"access_token":"fresh"}');
      else if (request.headers.authorization === "Bearer fresh") reply(response, 200, manifestHeaders());
      else reply(response, 401, { "www-authenticate": `Bearer realm="${realm}",service="lab"` });
    });
    const auths = {
      [odd.host]: { auth: Buffer.from("ann:").toString("base64"), identitytoken: "long-lived" },
    };
    await config.write({ auths });
    using asked = registries();
    assert.deepEqual(await ask(asked, `${odd.host}/app:1`), [digest(DIGEST)]);
    const [post] = odd.asked.filter(({ method }) => method === "POST");
    assert.deepEqual(Object.fromEntries(new URLSearchParams(post?.body)), {
      service: "lab",
      scope: "repository:app:pull",
      grant_type: "refresh_token",
      client_id: "ouroboros",
      refresh_token: "long-lived",
    });
  });
});
