import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { nodePlatformsOf } from "../../../../services/updater/swarm/node-platforms.ts";

const answer = (...platforms: readonly string[]): object => ({
  Platforms: platforms.map((platform) => {
    const [os, architecture, variant] = platform.split("/");
    return { os, architecture, variant };
  }),
});

const cases: readonly (readonly [string, unknown, readonly string[] | undefined])[] = [
  ["are those of the image", answer("linux/amd64", "linux/arm64/v8"), ["linux/amd64", "linux/arm64"]],
  [
    "leave 32-bit ARM open, which nodes call armv7l",
    answer("linux/arm/v7", "linux/amd64"),
    ["linux/", "linux/amd64"],
  ],
  ["leave attestations out", answer("linux/amd64", "unknown/unknown"), ["linux/amd64"]],
  ["leave open what the image does not say", { Platforms: [{}] }, ["/"]],
  ["are not known where the registry does not tell", undefined, undefined],
  ["are not known where the image names none", { Platforms: null }, undefined],
  ["are not known where the answer is another", { Platforms: "linux" }, undefined],
];

describe("the platforms that a service is given", () => {
  for (const [sentence, found, wanted] of cases)
    it(sentence, () =>
      assert.deepEqual(
        nodePlatformsOf(found)?.map(({ OS, Architecture }) => `${OS}/${Architecture}`),
        wanted,
      ),
    );
});
