import assert from "node:assert/strict";
import { isInsecure } from "../../../../services/poller/registry/insecure-registries.ts";

describe("a registry is insecure", () => {
  const cases: readonly [string, string, readonly string[], boolean][] = [
    ["never by default", "ghcr.io", [], false],
    ["on localhost", "localhost:5000", [], true],
    ["on 127.0.0.1", "127.0.0.1:5000", [], true],
    ["anywhere in 127.0.0.0/8", "127.1.2.3", [], true],
    ["on ::1", "[::1]:5000", [], true],
    ["not on another address", "10.1.2.3:5000", [], false],
    ["by its name and port", "registry.lab:5000", ["registry.lab:5000"], true],
    ["not on another port", "registry.lab:5001", ["registry.lab:5000"], false],
    ["on any port by its bare name", "registry.lab:5000", ["registry.lab"], true],
    ["by its network", "10.1.2.3:5000", ["10.1.0.0/16"], true],
    ["not in another network", "10.2.2.3:5000", ["10.1.0.0/16"], false],
    ["by a network of IPv6", "[fd00::5]:5000", ["fd00::/8"], true],
    ["not by the network that its name leads to", "registry.lab:5000", ["10.0.0.0/8"], false],
    ["not by a name that leads to loopback", "localhost.lab", ["127.0.0.0/8"], false],
    ["not by a name that begins like an address", "127.0.0.1.evil.lab", [], false],
    [
      "never as Docker Hub",
      "registry-1.docker.io",
      ["docker.io", "registry-1.docker.io", "0.0.0.0/0"],
      false,
    ],
    ["not by what is no network", "10.1.2.3", ["10.1.0.0/99", "x/8", "/"], false],
    ["not when its name leads nowhere", "nowhere.lab", ["10.0.0.0/8"], false],
  ];
  for (const [sentence, host, insecure, expected] of cases)
    it(sentence, () => assert.equal(isInsecure(host, insecure), expected));
});
