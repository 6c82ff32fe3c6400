// The lease of a real Engine, asked for by many at a time and given back meanwhile.
import assert from "node:assert/strict";
import { afterEach, describe, it } from "mocha";
import { pino } from "pino";
import { EngineLease, createEngineLease } from "../../../../services/updater/lease/engine-lease.ts";
import { systemClock } from "../../../../shared/clock.ts";
import { Health } from "../../../../shared/runtime/health.ts";
import { readSettings } from "../../../../shared/settings/read-settings.ts";
import { type ServiceContext, openHost } from "../../../../shared/runtime/run-service.ts";
import { engine } from "../../../bed/bed.ts";
import { startEngineProxy } from "../../../support/engine-proxy.ts";

const h1 = engine(1);
const { signal } = new AbortController();

describe("the lease of an Engine", () => {
  afterEach(() => h1.clean());

  it("is taken once where many ask at a time, and nothing of it is left after it is given back", async () => {
    const { lease, said } = await leaseAt(`unix://${h1.socket}`);
    for (let round = 1; round <= 5; round++) {
      await Promise.all(Array.from({ length: 8 }, () => lease.hold({ signal })));
      assert.equal((await volumes()).filter((name) => name.startsWith("ouroboros-acting-")).length, 1);
      await lease.release();
      assert.deepEqual(await volumes(), []);
    }
    assert.deepEqual(said, []);
  });

  it("is taken anew only after it was given back to the end", async () => {
    const { lease, said } = await leaseAt(`unix://${h1.socket}`);
    await lease.hold({ signal });
    for (let round = 1; round <= 10; round++)
      await Promise.all([lease.release(), ...Array.from({ length: 2 }, () => lease.hold({ signal }))]);
    await lease.release();
    assert.deepEqual(await volumes(), []);
    assert.deepEqual(said, []);
  });

  it("is given back though the Engine refuses it at first", async () => {
    let refusals = 2;
    await using proxy = await startEngineProxy(h1.socket, ({ method }) =>
      method === "DELETE" && refusals-- > 0 ? [500, "not now"] : undefined,
    );
    const { lease } = await leaseAt(proxy.url);
    await lease.hold({ signal });
    refusals = 2;
    await lease.release();
    assert.deepEqual(await volumes(), []);
  });

  it("is given back with what an Engine made late for a holder that had ended", async () => {
    const { lease } = await leaseAt(`unix://${h1.socket}`);
    await lease.hold({ signal });
    const id = "0b32b3cd810386e5";
    for (const kind of ["alive", "done", "waits"])
      await h1.docker.createVolume({
        Name: `ouroboros-${kind}-${id}-10`,
        Labels: { "com.ouroboros.acting": id },
      });
    await lease.release();
    assert.deepEqual(await volumes(), [`ouroboros-waits-${id}-10`]);
  });

  it("is taken over from what an Engine that ended while it made it has left without labels", async () => {
    for (const name of ["ouroboros-acting-3", "ouroboros-alive-0b32b3cd810386e5-8", "ouroboros-backup"])
      await h1.docker.createVolume({ Name: name });
    await h1.docker.createVolume({
      Name: "ouroboros-alive-0b32b3cd810386e5-9",
      Labels: { whose: "its owner's" },
    });
    const { lease, said } = await leaseAt(`unix://${h1.socket}`);
    await lease.hold({ signal });
    assert.ok((await volumes()).includes("ouroboros-acting-4"));
    await lease.release();
    assert.deepEqual((await volumes()).toSorted(), [
      "ouroboros-alive-0b32b3cd810386e5-9",
      "ouroboros-backup",
    ]);
    assert.equal(said.length, 2, said.join("\n")); // it stands by, and takes over
  });
});

/** `said` fills with the sentences of its warnings. */
async function leaseAt(address: string): Promise<{ readonly lease: EngineLease; readonly said: string[] }> {
  const said: string[] = [];
  const log = pino(
    { level: "warn" },
    { write: (line: string) => void said.push((JSON.parse(line) as { readonly msg: string }).msg) },
  );
  const settings = readSettings({ DOCKER_SOCKETS: address }, new Map());
  const context: ServiceContext = { settings, log, clock: systemClock, health: new Health(), signal };
  const host = await openHost(context, 0);
  assert.ok(host !== undefined, "the Engine did not answer");
  return { lease: await createEngineLease(context, host), said };
}

async function volumes(): Promise<string[]> {
  const { Volumes } = await h1.docker.listVolumes();
  return Volumes.map(({ Name }) => Name).filter((name) => name.startsWith("ouroboros-"));
}
