import assert from "node:assert/strict";
import {
  type Challenge,
  selectChallenge,
  parseChallenges,
} from "../../../../services/poller/registry/challenge.ts";

describe("a registry's challenge", () => {
  const cases: readonly [string, string, readonly Challenge[]][] = [
    [
      "is read with quoted parameters",
      'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push"',
      [
        {
          scheme: "bearer",
          params: {
            realm: "https://auth.docker.io/token",
            service: "registry.docker.io",
            scope: "repository:a/b:pull,push",
          },
        },
      ],
    ],
    [
      "is read with bare parameters, blanks and any case",
      "BEARER  Realm = https://a/t , SERVICE=x",
      [{ scheme: "bearer", params: { realm: "https://a/t", service: "x" } }],
    ],
    [
      "may hold escaped quotes",
      'Basic realm="the \\"lab\\" \\\\"',
      [{ scheme: "basic", params: { realm: 'the "lab" \\' } }],
    ],
    ["may have no parameters", "Negotiate", [{ scheme: "negotiate", params: {} }]],
    [
      "may be one of several",
      'Negotiate, Basic realm="a, b", Bearer realm="https://a/t"',
      [
        { scheme: "negotiate", params: {} },
        { scheme: "basic", params: { realm: "a, b" } },
        { scheme: "bearer", params: { realm: "https://a/t" } },
      ],
    ],
    ["is nothing in an empty header", "", []],
    ["is nothing where parameters have no scheme", 'realm="x"', []],
    ["ends where nobody can read on", 'Basic realm="x", "', [{ scheme: "basic", params: { realm: "x" } }]],
  ];
  for (const [sentence, header, expected] of cases)
    it(sentence, () => assert.deepEqual(parseChallenges(header), expected));

  it("is answered by Bearer before Basic, and not where the scheme is unknown", () => {
    assert.equal(selectChallenge(parseChallenges('Basic realm="x", Bearer realm="y"'))?.scheme, "bearer");
    assert.equal(selectChallenge(parseChallenges('Negotiate, Basic realm="x"'))?.scheme, "basic");
    assert.equal(selectChallenge(parseChallenges("Negotiate")), undefined);
  });

  it("is read at once, however long and wrong it is", () => {
    const begun = performance.now();
    for (const part of [",", " ", "a=", '"', "a ", '\\"', 'a="'])
      parseChallenges(`Bearer realm=${part.repeat(10_000)}`);
    assert.ok(performance.now() - begun < 10_000);
  });
});
