import assert from "node:assert/strict";
import { proxiesFrom, proxyFor } from "../../../services/poller/registry/proxy.ts";
import { readRateLimit } from "../../../services/poller/registry/rate-limit-headers.ts";
import { mayGetCredentials } from "../../../services/poller/registry/realm.ts";
import { parseRetryAfter } from "../../../shared/registry/retry-after.ts";

describe("a registry is asked through a proxy", () => {
  const both = { http: "http://plain:1", https: "http://tls:2", no: "" };
  const cases: readonly [string, string, string, string | undefined][] = [
    ["that is for TLS", "https://ghcr.io/", "", "tls:2"],
    ["that is for none", "http://ghcr.io/", "", "plain:1"],
    ["never on localhost", "http://localhost:5000/", "", undefined],
    ["never on loopback", "https://127.1.2.3/", "", undefined],
    ["never on ::1", "https://[::1]:5000/", "", undefined],
    ["not with a star", "https://ghcr.io/", "*", undefined],
    ["not by its name", "https://ghcr.io/", "a.lab, ghcr.io", undefined],
    ["not in any spelling", "https://GHCR.io/", "Ghcr.IO", undefined],
    ["not below a name", "https://x.corp.lab/", "corp.lab", undefined],
    ["not below a name with a dot", "https://x.corp.lab/", ".corp.lab", undefined],
    ["at the name itself where the dot is there", "https://corp.lab/", ".corp.lab", "tls:2"],
    ["at a name that ends alike", "https://xcorp.lab/", "corp.lab", "tls:2"],
    ["not in a network", "https://10.1.2.3/", "10.0.0.0/8", undefined],
    ["outside of it", "https://11.1.2.3/", "10.0.0.0/8", "tls:2"],
    ["not on that port", "https://r.lab:5000/", "r.lab:5000", undefined],
    ["on another port", "https://r.lab/", "r.lab:5000", "tls:2"],
    ["not on its own port", "https://r.lab/", "r.lab:443", undefined],
  ];
  for (const [sentence, url, no, expected] of cases)
    it(sentence, () => assert.equal(proxyFor(new URL(url), { ...both, no })?.host, expected));

  it("without a scheme, and never one that it cannot speak to", () => {
    const through = (https: string) =>
      proxyFor(new URL("https://ghcr.io/"), { http: "", https, no: "" })?.href;
    assert.equal(through("proxy:3128"), "http://proxy:3128/");
    assert.equal(through("socks5://proxy:1080"), undefined);
  });

  it("of its own before the Engine's, which tells no password", () => {
    const engine = { http: "", https: "http://xxxxx:xxxxx@engine:1", no: "a" };
    assert.deepEqual(proxiesFrom(both, engine), both);
    assert.deepEqual(proxiesFrom({ http: "", https: "", no: "b" }, engine), {
      http: "",
      https: "http://engine:1",
      no: "a,b",
    });
  });
});

describe("a token server gets credentials", () => {
  const cases: readonly [string, string, string, readonly string[], boolean][] = [
    ["of Docker Hub at auth.docker.io", "https://auth.docker.io/token", "registry-1.docker.io", [], true],
    ["of ghcr.io at itself", "https://ghcr.io/token", "ghcr.io", [], true],
    ["of GitLab's registry at gitlab.com", "https://gitlab.com/jwt/auth", "registry.gitlab.com", [], true],
    ["of one's own registry at its site", "https://git.acme.co.uk/jwt", "registry.acme.co.uk:5050", [], true],
    ["on another port", "https://r.lab:5001/token", "r.lab:5000", [], true],
    ["not on another site", "https://evil.example/token", "ghcr.io", [], false],
    ["not on a site that ends alike", "https://evilghcr.io/token", "ghcr.io", [], false],
    ["not below a name that begins alike", "https://ghcr.io.evil.example/", "ghcr.io", [], false],
    ["not of another customer below a public suffix", "https://b.github.io/", "a.github.io", [], false],
    ["not below a country's second level", "https://evil.co.uk/", "acme.co.uk", [], false],
    ["at the same address", "https://10.0.0.1/token", "10.0.0.1:5000", [], true],
    ["not at another address", "https://10.0.0.2/token", "10.0.0.1:5000", [], false],
    ["of Scaleway at its API", "https://api.scaleway.com/x", "rg.fr-par.scw.cloud", [], true],
    ["by a rule", "https://git.b.example/jwt", "r.a.example", ["r.a.example=git.b.example"], true],
    [
      "not by another's rule",
      "https://git.b.example/jwt",
      "r.a.example",
      ["x.a.example=git.b.example"],
      false,
    ],
  ];
  for (const [sentence, realm, host, rules, expected] of cases)
    it(sentence, () => assert.equal(mayGetCredentials(new URL(realm), host, rules), expected));
});

describe("Retry-After", () => {
  const cases: readonly [string, string | undefined, number | undefined][] = [
    ["counts seconds", "120", 120_000],
    ["may be a fraction", "0.000457", 0.457],
    ["may be nothing", "0", 0],
    ["may be a duration of Go", "457.123us", 0.457123],
    ["may be one with the micro sign", "457.123µs", 0.457123],
    ["may be one whose sign was read as Latin-1", "457.123Âµs", 0.457123],
    ["may have several units", "1m2.5s", 62_500],
    ["may be hours", "1h0m0s", 3_600_000],
    ["may be a date", "Thu, 01 Jan 1970 00:02:00 GMT", 119_000],
    ["is over where the date is", "Thu, 01 Jan 1970 00:00:00 GMT", 0],
    ["may say nothing", undefined, undefined],
    ["may be no time", "soon", undefined],
    ["may not be negative", "-5", undefined],
    ["knows no other unit", "5 parsecs", undefined],
  ];
  for (const [sentence, header, expected] of cases)
    it(sentence, () => {
      const ms = parseRetryAfter(header, 1000);
      if (expected === undefined) assert.equal(ms, undefined);
      else assert.ok(Math.abs((ms ?? -1) - expected) < 1e-9, String(ms));
    });
});

describe("a registry's rate limit", () => {
  const cases: readonly [string, Record<string, string>, readonly unknown[] | undefined][] = [
    [
      "is read with its window",
      { "ratelimit-limit": "100;w=21600", "ratelimit-remaining": "76;w=21600" },
      [100, 76, 21600],
    ],
    ["may have no window", { "ratelimit-limit": "5", "ratelimit-remaining": "0" }, [5, 0, null]],
    ["may be what is left alone", { "ratelimit-remaining": "3;w=60" }, [null, 3, 60]],
    ["is none without what is left", { "ratelimit-limit": "100" }, undefined],
    ["is none in nonsense", { "ratelimit-remaining": "many" }, undefined],
  ];
  for (const [sentence, headers, expected] of cases)
    it(sentence, () => {
      const found = readRateLimit(headers, "now");
      assert.deepEqual(found && [found.limit, found.remaining, found.window_s], expected);
    });
});
