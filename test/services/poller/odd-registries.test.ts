import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import type { ServerResponse } from "node:http";
import type { RegistryAnswer } from "../../../services/poller/plan/plan.ts";
import { DIGEST, ask, becauseOf, digest, manifestHeaders, registries, reply } from "./registry-client.ts";
import { startRegistry } from "./odd-registry.ts";

describe("asking odd registries", () => {
  const manifest = '{"schemaVersion":2}';
  const hash = `sha256:${createHash("sha256").update(manifest).digest("hex")}`;
  const cases: readonly [
    string,
    (method: string, response: ServerResponse) => void,
    RegistryAnswer | RegExp,
  ][] = [
    ["takes HEAD for an answer", (_, response) => reply(response, 200, manifestHeaders()), digest(DIGEST)],
    [
      "asks with GET where HEAD is not allowed",
      (method, response) =>
        method === "HEAD" ? reply(response, 405) : reply(response, 200, manifestHeaders()),
      digest(DIGEST),
    ],
    [
      "asks with GET where HEAD finds nothing",
      (method, response) =>
        method === "HEAD" ? reply(response, 404) : reply(response, 200, manifestHeaders()),
      digest(DIGEST),
    ],
    [
      "computes the digest where no header tells it",
      (_, response) => reply(response, 200, {}, manifest),
      digest(hash),
    ],
    [
      "computes the digest where the header is none",
      (_, response) => reply(response, 200, manifestHeaders("sha256:short"), manifest),
      digest(hash),
    ],
    [
      "says what is not there",
      (_, response) => reply(response, 404),
      /has no 127\.0\.0\.1:\d+\/app:1, or it is private: check the name, or run `docker login/,
    ],
    [
      "says what is denied",
      (_, response) => reply(response, 403),
      /denies access to 127\.0\.0\.1:\d+\/app:1: run `docker login/,
    ],
    ["says what else it answers", (_, response) => reply(response, 500), /answered 500 for/],
    [
      "does not read for ever",
      (_, response) => reply(response, 200, {}, "x".repeat(5 << 20)),
      /longer than 4194304 bytes/,
    ],
    [
      "knows no scheme but Basic and Bearer",
      (_, response) => reply(response, 401, { "www-authenticate": "Negotiate" }),
      /denies access/,
    ],
    [
      "does not take a login to a token server without TLS elsewhere",
      (_, response) => reply(response, 401, { "www-authenticate": 'Bearer realm="ftp://a/token"' }),
      /names a token server that cannot be trusted: "ftp:\/\/a\/token"/,
    ],
    [
      "says that the token server is away",
      (_, response) =>
        reply(response, 401, { "www-authenticate": 'Bearer realm="http://127.0.0.1:1/token"' }),
      /^registry unreachable: 127\.0\.0\.1:1, which gives .* tokens: connect ECONNREFUSED/,
    ],
    [
      "gives up on a circle",
      (_, response) => reply(response, 307, { location: "/again" }),
      /redirected more than 5 times/,
    ],
    [
      "follows no other protocol",
      (_, response) => reply(response, 307, { location: "file:///x" }),
      /no web address/,
    ],
  ];
  for (const [sentence, behave, expected] of cases)
    it(sentence, async () => {
      await using odd = await startRegistry(({ method = "" }, response) => behave(method, response));
      using asked = registries();
      const [answer] = await ask(asked, `${odd.host}/app:1`);
      if (expected instanceof RegExp) assert.match(becauseOf(answer), expected);
      else assert.deepEqual(answer, expected);
    });

  for (const [sentence, status, body, expected] of [
    ["a token that cannot be used", 200, "<html>", /gave no token that can be used/],
    ["an empty token", 200, '{"token":""}', /gave no token that can be used/],
    ["an error", 502, "", /token server answered 502/],
    [
      "too often",
      429,
      "",
      /registry asks to wait: .*token server is asked too often; it is not asked before/,
    ],
  ] as const)
    it(`hears ${sentence} from the token server`, async () => {
      await using odd = await startRegistry(({ url, headers }, response) => {
        const realm = `http://${headers.host ?? ""}/token`;
        if (url?.startsWith("/token")) reply(response, status, {}, body);
        else reply(response, 401, { "www-authenticate": `Bearer realm="${realm}"` });
      });
      using asked = registries();
      assert.match(becauseOf((await ask(asked, `${odd.host}/app:1`))[0]), expected);
    });

  it("leaves a certificate unchecked where the Engine does", async () => {
    await using odd = await startRegistry(
      (_, response) => reply(response, 200, manifestHeaders()),
      "loopback",
    );
    using asked = registries();
    assert.deepEqual(await ask(asked, `${odd.host}/app:1`), [digest(DIGEST)]);
  });

  it("follows a redirect, and tells its login to no other host", async () => {
    await using elsewhere = await startRegistry((_, response) => reply(response, 200, manifestHeaders()));
    await using odd = await startRegistry(({ url, headers }, response) => {
      if (headers.authorization === undefined) reply(response, 401, { "www-authenticate": "Basic" });
      else if (url === "/moved") reply(response, 302, { location: `http://${elsewhere.host}/there` });
      else reply(response, 307, { location: "/moved" });
    });
    using asked = registries({
      settings: { REPO_USER: "ann", REPO_PASS: "secret", REPO_REGISTRY: odd.host },
    });
    assert.deepEqual(await ask(asked, `${odd.host}/app:1`), [digest(DIGEST)]);
    assert.deepEqual(
      odd.asked.map(({ path, authorization }) => [path, authorization !== undefined]),
      [
        ["/v2/app/manifests/1", false],
        ["/v2/app/manifests/1", true],
        ["/moved", true],
      ],
    );
    assert.deepEqual(elsewhere.asked, [
      { method: "HEAD", path: "/there", authorization: undefined, body: "" },
    ]);
  });
});
