/** Networks: which, with what names and addresses; connected at first or live. */
import assert from "node:assert/strict";
import { type Edited, type Scene, host, singleContainer } from "../case.ts";

const address =
  (network: string, ip: string) =>
  async ({ inspect }: Scene) =>
    assert.equal((await inspect()).NetworkSettings.Networks[network]?.IPAddress, ip);
const mac =
  (network: string, wanted: string) =>
  async ({ inspect }: Scene) =>
    assert.equal((await inspect()).NetworkSettings.Networks[network]?.MacAddress, wanted);
const join =
  (network: string, EndpointConfig: object = {}) =>
  ({ docker, container }: Edited) =>
    docker.getNetwork(network).connect({ Container: container.id, EndpointConfig });
const leave =
  (network: string) =>
  ({ docker, container }: Edited) =>
    docker.getNetwork(network).disconnect({ Container: container.id, Force: true });

export const networkCases = {
  aliases: singleContainer(
    "a network with other names for it",
    {},
    {
      endpoints: { lan: { Aliases: ["web", "www"] } },
      check: async ({ exec }) =>
        assert.match(await exec("it", "/bin/busybox", "nslookup", "www"), /10\.213\.1\./),
    },
  ),
  "static-address": singleContainer(
    "an address of its own",
    {},
    {
      endpoints: { lan: { IPAMConfig: { IPv4Address: "10.213.1.109" } } },
      check: address("lan", "10.213.1.109"),
    },
  ),
  "two-networks": singleContainer(
    "two networks, with other names in each",
    {},
    {
      endpoints: { lan: { Aliases: ["a1"] }, dmz: { Aliases: ["a2", "b2"] } },
    },
  ),
  "three-networks": singleContainer(
    "three networks, an address in the second, driver options in the third",
    {},
    {
      endpoints: {
        lan: {},
        dmz: { IPAMConfig: { IPv4Address: "10.213.2.77" } },
        ops: { DriverOpts: { "com.example.k": "v" } },
      },
      check: address("dmz", "10.213.2.77"),
    },
  ),
  "same-alias": singleContainer(
    "the same name in three networks, several in one",
    {},
    {
      endpoints: { ops: { Aliases: ["x", "y", "z"] }, lan: { Aliases: ["x"] }, dmz: { Aliases: ["x"] } },
    },
  ),
  "network-host": singleContainer("the host's network", host({ NetworkMode: "host" })),
  "network-host-named": singleContainer("the host's network and a host name", {
    Hostname: "mine",
    ...host({ NetworkMode: "host" }),
  }),
  "network-none": singleContainer("no network", host({ NetworkMode: "none" })),
  "network-bridge": singleContainer("the default network by its name", host({ NetworkMode: "bridge" })),
  "network-disabled": singleContainer("networking disabled", { NetworkDisabled: true }),
  "mac-address": singleContainer(
    "a hardware address",
    { MacAddress: "02:42:0a:d5:00:77", ...host({ NetworkMode: "lan" }) },
    {
      check: mac("lan", "02:42:0a:d5:00:77"),
    },
  ),
  "mac-address-bridge": singleContainer(
    "a hardware address on the default network",
    { MacAddress: "02:42:0a:d5:00:78" },
    {
      check: mac("bridge", "02:42:0a:d5:00:78"),
    },
  ),
  "mac-address-endpoint": singleContainer(
    "a hardware address of one endpoint",
    {},
    {
      since: "1.44",
      endpoints: { lan: { MacAddress: "02:42:0a:d5:00:79" } },
      check: mac("lan", "02:42:0a:d5:00:79"),
    },
  ),
  "mac-address-secondary": singleContainer(
    "a hardware address in its second network",
    {},
    {
      since: "1.44",
      endpoints: { lan: {}, dmz: { MacAddress: "02:42:0a:d5:00:80" } },
      check: mac("dmz", "02:42:0a:d5:00:80"),
    },
  ),
  "mac-address-both": singleContainer(
    "hardware addresses in both its networks",
    {},
    {
      since: "1.44",
      endpoints: { lan: { MacAddress: "02:42:0a:d5:00:81" }, dmz: { MacAddress: "02:42:0a:d5:00:82" } },
      check: async (scene) => {
        await mac("lan", "02:42:0a:d5:00:81")(scene);
        await mac("dmz", "02:42:0a:d5:00:82")(scene);
      },
    },
  ),
  "gateway-priority": singleContainer(
    "which network is the way out",
    {},
    {
      since: "1.48",
      endpoints: { lan: { GwPriority: 1 }, dmz: { GwPriority: 10 } },
    },
  ),
  "ipv6-static": singleContainer(
    "an IPv6 address of its own, and any IPv4 address",
    {},
    {
      endpoints: { six: { IPAMConfig: { IPv6Address: "fd00:213:4::99" } } },
      check: async ({ inspect }) =>
        assert.equal((await inspect()).NetworkSettings.Networks["six"]?.GlobalIPv6Address, "fd00:213:4::99"),
    },
  ),
  "addresses-several": singleContainer(
    "addresses of both families in several networks",
    {},
    {
      endpoints: {
        six: { IPAMConfig: { IPv4Address: "10.213.4.88", IPv6Address: "fd00:213:4::88" }, Aliases: ["s"] },
        six2: { IPAMConfig: { IPv6Address: "fd00:213:5::88" } },
        lan: { IPAMConfig: { IPv4Address: "10.213.1.188" } },
      },
      check: address("lan", "10.213.1.188"),
    },
  ),
  "link-local": singleContainer(
    "a link-local address",
    {},
    {
      endpoints: { lan: { IPAMConfig: { LinkLocalIPs: ["169.254.34.68"] } } },
    },
  ),
  "live-connect": singleContainer(
    "a network joined while it runs",
    {},
    { edit: join("dmz", { Aliases: ["live"] }) },
  ),
  "live-connect-address": singleContainer(
    "a network joined while it runs, with an address",
    {},
    {
      endpoints: { lan: {} },
      edit: join("ops", { IPAMConfig: { IPv4Address: "10.213.3.55" } }),
      check: address("ops", "10.213.3.55"),
    },
  ),
  "live-disconnect": singleContainer(
    "a network left while it runs",
    {},
    { endpoints: { lan: {}, dmz: { Aliases: ["d"] } }, edit: leave("dmz") },
  ),
  "live-exchange": singleContainer(
    "the first network left and another joined while it runs",
    {},
    {
      endpoints: { lan: { Aliases: ["e"] } },
      edit: async (it) => {
        await leave("lan")(it);
        await join("ops", { Aliases: ["f"] })(it);
      },
    },
  ),
  "live-alone": singleContainer(
    "all networks left while it runs",
    {},
    { endpoints: { lan: {} }, edit: leave("lan") },
  ),
  "mac-address-exchange": singleContainer(
    "a hardware address where the first network was left while it runs",
    { MacAddress: "02:42:0a:d5:00:83" },
    {
      endpoints: { lan: {}, dmz: {} },
      edit: leave("lan"),
    },
  ),
};
