import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { bed, engine, pushApp } from "../bed/bed.ts";
import { overview, pull, release } from "../support/containers.ts";
import { startFlakyDns } from "../support/flaky-dns.ts";
import { createInstance } from "../support/ouroboros-instance.ts";

const NAMES = ["auth.docker.io", "registry-1.docker.io"];

describe("a name that resolves at the second try only", () => {
  for (const [what, code] of [
    ["there is no such name", 3],
    ["the name server fails", 2],
  ] as const)
    it(`costs no cycle, neither the registry's nor its token server's: ${what} at first`, async () => {
      await using host = engine(1);
      const { reference } = await pushApp("docker.io/library/dns", "latest", { env: ["VERSION=1"] });
      await pull(host, reference);
      await (await host.docker.createContainer({ name: "web", Image: reference })).start();
      await release("docker.io/library/dns", "2");
      await using dns = await startFlakyDns(code, `${bed().net}.2`);
      await using once = await createInstance({}, dns.through);
      const ran = once.start();
      assert.equal(await ran.exited, 0, ran.log());
      assert.deepEqual(await overview(host), ["web running 2"], ran.log());
      assert.doesNotMatch(ran.log(), /no digest|could be asked/);
      assert.deepEqual(
        NAMES.map((name) => (dns.asked.get(name) ?? 0) >= 2),
        [true, true],
        "asked again by this program, not through the Engine",
      );
    });
});
