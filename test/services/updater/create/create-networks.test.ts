import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { type Endpoints, endpointsFrom } from "../../../../services/updater/create/create-networks.ts";
import { type RecreationInput, ID, recreation, sent } from "./create-scene.ts";

type Row = readonly [sentence: string, given: RecreationInput, expected: Partial<Endpoints>];

const tell = (rows: readonly Row[]): void => {
  for (const [sentence, given, expected] of rows)
    it(sentence, () => {
      const made = endpointsFrom(recreation(given));
      for (const [field, value] of Object.entries(expected))
        assert.deepEqual(sent({ is: made[field as keyof Endpoints] }), sent({ is: value }), field);
    });
};

/** An endpoint as inspect shows it, with all that the Engine allocated. */
const allocated = (rest: object = {}) => ({
  IPAMConfig: null,
  Links: null,
  Aliases: null,
  DriverOpts: null,
  GwPriority: 0,
  NetworkID: "n".repeat(64),
  EndpointID: "e".repeat(64),
  Gateway: "10.0.0.1",
  IPAddress: "10.0.0.7",
  IPPrefixLen: 24,
  MacAddress: "02:42:0a:00:00:07",
  DNSNames: ["web", ID.slice(0, 12)],
  ...rest,
});
const MAC = "02:42:0a:d5:00:77";

describe("the endpoints of a successor", () => {
  describe("are", () => {
    tell([
      [
        "without anything that the Engine allocated",
        { networks: { bridge: allocated() } },
        { atCreate: { bridge: {} }, later: {}, wanted: ["bridge"] },
      ],
      [
        "all in the create call from API 1.44",
        {
          api: "1.44",
          host: { NetworkMode: "a" },
          networks: { a: allocated(), b: allocated({ MacAddress: "" }) },
        },
        { atCreate: { a: {}, b: {} }, later: {}, wanted: ["a", "b"] },
      ],
      [
        "before API 1.44 the first in the create call and the others later",
        {
          api: "1.41",
          host: { NetworkMode: "b" },
          networks: { a: allocated(), b: allocated(), c: allocated() },
        },
        { atCreate: { b: {} }, later: { a: {}, c: {} }, wanted: ["a", "b", "c"] },
      ],
      [
        "before API 1.44 any in the create call where the first network was left",
        { api: "1.41", host: { NetworkMode: "gone" }, networks: { a: allocated(), b: allocated() } },
        { atCreate: { a: {} }, later: { b: {} } },
      ],
      [
        "known by the network's id too",
        {
          api: "1.41",
          host: { NetworkMode: "n".repeat(64) },
          networks: { a: allocated({ NetworkID: "m".repeat(64) }), b: allocated() },
        },
        { atCreate: { b: {} }, later: { a: {} } },
      ],
      [
        "the default bridge's for `default`",
        { api: "1.41", host: { NetworkMode: "default" }, networks: { a: allocated(), bridge: allocated() } },
        { atCreate: { bridge: {} }, later: { a: {} } },
      ],
      [
        "none where all networks were left",
        { host: { NetworkMode: "a" }, networks: {} },
        { atCreate: {}, later: {}, wanted: [] },
      ],
      [
        "not its own in the host's network",
        { host: { NetworkMode: "host" }, networks: { host: allocated() } },
        { atCreate: {}, later: {}, wanted: undefined },
      ],
      [
        "not its own without a network",
        { host: { NetworkMode: "none" }, networks: { none: allocated() } },
        { atCreate: {}, later: {}, wanted: undefined },
      ],
      [
        "not its own in another container's network",
        { host: { NetworkMode: `container:${ID}` } },
        { atCreate: {}, later: {}, wanted: undefined },
      ],
      [
        "not its own where networking is disabled",
        { config: { NetworkDisabled: true }, networks: {} },
        { atCreate: {}, wanted: undefined },
      ],
    ]);
  });

  describe("keep", () => {
    const one = (endpoint: object): RecreationInput => ({
      host: { NetworkMode: "a" },
      networks: { a: allocated(endpoint) },
    });
    tell([
      [
        "names, without the old container's id",
        one({ Aliases: ["web", ID.slice(0, 12), "www"] }),
        { atCreate: { a: { Aliases: ["web", "www"] } } },
      ],
      [
        "an address that was asked for",
        one({ IPAMConfig: { IPv4Address: "10.0.0.9" } }),
        { atCreate: { a: { IPAMConfig: { IPv4Address: "10.0.0.9" } } } },
      ],
      [
        "only the family that was asked for",
        one({ IPAMConfig: { IPv4Address: "", IPv6Address: "fd00::9", LinkLocalIPs: null } }),
        { atCreate: { a: { IPAMConfig: { IPv6Address: "fd00::9" } } } },
      ],
      [
        "link-local addresses",
        one({ IPAMConfig: { LinkLocalIPs: ["169.254.1.1"] } }),
        { atCreate: { a: { IPAMConfig: { LinkLocalIPs: ["169.254.1.1"] } } } },
      ],
      ["nothing of an empty request", one({ IPAMConfig: {} }), { atCreate: { a: {} } }],
      [
        "links and driver options",
        one({ Links: ["db:database"], DriverOpts: { k: "v" } }),
        { atCreate: { a: { Links: ["db:database"], DriverOpts: { k: "v" } } } },
      ],
      ["the gateway's priority", one({ GwPriority: -5 }), { atCreate: { a: { GwPriority: -5 } } }],
    ]);
  });

  describe("bear a hardware address", () => {
    const two = (config: object, other: object, api = "1.44"): RecreationInput => ({
      api,
      config,
      host: { NetworkMode: "a" },
      networks: { a: allocated(), b: allocated(other) },
    });
    tell([
      [
        "at the first network where the user configured one",
        two({ MacAddress: MAC }, {}),
        { atCreate: { a: { MacAddress: MAC }, b: {} } },
      ],
      ["not at the first network where the Engine made it", two({}, {}), { atCreate: { a: {}, b: {} } }],
      [
        "at another network where it is not made of the IPv4 address",
        two({}, { MacAddress: MAC }),
        { atCreate: { a: {}, b: { MacAddress: MAC } } },
      ],
      [
        "at another network without IPv4",
        two({}, { MacAddress: "02:42:0a:00:00:07", IPAddress: "" }),
        { atCreate: { a: {}, b: { MacAddress: "02:42:0a:00:00:07" } } },
      ],
      [
        "nowhere before API 1.44, where create names it for the container",
        two({ MacAddress: MAC }, { MacAddress: MAC }, "1.43"),
        { atCreate: { a: {} }, later: { b: {} } },
      ],
    ]);
  });

  it("never edit their input", () => {
    const given = recreation({
      networks: { bridge: allocated({ Aliases: [ID.slice(0, 12)], IPAMConfig: { IPv4Address: "" } }) },
    });
    const before = structuredClone(given);
    endpointsFrom(given);
    assert.deepEqual(given, before);
  });
});
