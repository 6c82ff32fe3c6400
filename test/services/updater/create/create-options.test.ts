import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { createOptionsFrom, platformOf } from "../../../../services/updater/create/create-options.ts";
import { recreation, sent } from "./create-scene.ts";

describe("the create request for a successor", () => {
  it("is Config, HostConfig and the endpoints", () => {
    const { body } = createOptionsFrom(
      recreation({
        config: { Env: ["A=1"], Labels: {}, Hostname: "web1" },
        host: { NetworkMode: "a", Privileged: true },
        networks: { a: { Aliases: ["web"] } },
      }),
    );
    assert.deepEqual(sent(body), {
      Image: "app:1",
      Hostname: "web1",
      Env: ["A=1"],
      Labels: {},
      Volumes: {},
      ExposedPorts: {},
      HostConfig: { NetworkMode: "a", Privileged: true },
      NetworkingConfig: { EndpointsConfig: { a: { Aliases: ["web"] } } },
    });
  });

  it("says nothing of networking where there are no endpoints of its own", () => {
    const { body } = createOptionsFrom(recreation({ host: { NetworkMode: "host" }, networks: { host: {} } }));
    assert.equal("NetworkingConfig" in body, false);
  });

  it("shares nothing with its input, so that editing the one leaves the other alone", () => {
    const given = recreation({
      host: { Binds: ["/a:/a"], Tmpfs: { "/t": "" } },
      config: { Shell: ["/bin/sh"] },
    });
    const before = structuredClone(given);
    const { body } = createOptionsFrom(given);
    (body["HostConfig"] as { Binds: string[] }).Binds.push("/b:/b");
    (body["Shell"] as string[]).push("-c");
    assert.deepEqual(given, before);
  });
});

describe("the platform of a create request", () => {
  const engine = { os: "linux", arch: "amd64" };
  const rows: readonly [
    sentence: string,
    image: Parameters<typeof platformOf>[0],
    expected: string | undefined,
  ][] = [
    ["is not said where it is the Engine's own", { Id: "i", Os: "linux", Architecture: "amd64" }, undefined],
    ["is the image's where it is another", { Id: "i", Os: "linux", Architecture: "arm64" }, "linux/arm64"],
    ["names the variant", { Id: "i", Os: "linux", Architecture: "arm", Variant: "v7" }, "linux/arm/v7"],
    ["is not said where the image does not tell", { Id: "i" }, undefined],
  ];
  for (const [sentence, image, expected] of rows)
    it(sentence, () => assert.equal(platformOf(image, engine), expected));
});
