import assert from "node:assert/strict";
import { systemClock } from "../../../shared/clock.ts";
import { hubControl, pushApp } from "../../bed/bed.ts";
import {
  DIGEST,
  ask,
  becauseOf,
  digest,
  manifestHeaders,
  ref,
  registries,
  reply,
} from "./registry-client.ts";
import { startRegistry } from "./odd-registry.ts";

describe("a registry that is in trouble", () => {
  it("is not asked again before Retry-After is over, and others are", async () => {
    let wall = systemClock.now();
    let forward = 0;
    const clock = { ...systemClock, now: () => wall, monotonic: () => systemClock.monotonic() + forward };
    using asked = registries({ clock });
    const tags = ["1", "2", "3", "4", "5", "6", "7", "8"];
    for (const tag of tags) await pushApp("ghcr.io/acme/busy", tag);
    const other = await pushApp("quay.io/acme/asked", "1");
    const images = tags.map((tag) => `ghcr.io/acme/busy:${tag}`);
    await using _fault = await hubControl.faults([
      { match: "^HEAD ghcr.io/", status: 429, headers: { "retry-after": "120" }, times: 8 },
    ]);
    await hubControl.clearLog();
    const first = await ask(asked, ...images, other.reference);
    const until = new Date(wall + 120_000).toISOString();
    const because = `registry asks to wait: ghcr.io answered 429; it is not asked before ${until}`;
    assert.deepEqual(
      first.slice(0, 8).map(becauseOf),
      Array.from({ length: 8 }, () => because),
    );
    assert.deepEqual(first[8], digest(other.digest));
    const heard = (await hubControl.log()).filter(({ host }) => host === "ghcr.io").length;
    assert.ok(heard <= 9, `a token, and only what was under way: ${heard}`);
    await hubControl.clearLog();
    forward = 100_000; // the last ten seconds would be waited for
    wall += forward;
    assert.equal(becauseOf((await ask(asked, ...images))[0]), because);
    assert.deepEqual(await hubControl.log(), []);
    await using _well = await hubControl.faults([]);
    forward = 121_000;
    assert.equal((await ask(asked, ...images))[0]?.kind, "digest");
  });

  it("understands a date in Retry-After", async () => {
    const wall = Date.parse("2026-07-01T12:00:00Z");
    await using odd = await startRegistry((_, response) =>
      reply(response, 503, { "retry-after": "Wed, 01 Jul 2026 12:05:00 GMT" }),
    );
    using asked = registries({ clock: { ...systemClock, now: () => wall } });
    assert.match(
      becauseOf((await ask(asked, `${odd.host}/app:1`))[0]),
      /answered 503; it is not asked before 2026-07-01T12:05:00\.000Z/,
    );
  });

  it("does not disturb the others when it is away", async () => {
    using asked = registries();
    const good = await pushApp("docker.io/library/asked-hub", "1");
    const [refused, unknown, found] = await ask(
      asked,
      "127.0.0.1:1/app:1",
      "nowhere.lab/app:1",
      "asked-hub:1",
    );
    assert.match(becauseOf(refused), /^registry unreachable: 127\.0\.0\.1:1: connect ECONNREFUSED/);
    assert.match(becauseOf(unknown), /^registry unreachable: nowhere\.lab: getaddrinfo /);
    assert.deepEqual(found, digest(good.digest));
  });

  it("may be one whose CA nobody knows: it is said how to make it known", async () => {
    await using odd = await startRegistry(
      (_, response) => reply(response, 200, manifestHeaders()),
      "unknown",
    );
    using asked = registries();
    const [answer] = await ask(asked, `${odd.host}/app:1`);
    assert.match(
      becauseOf(answer),
      /self-signed certificate; NODE_EXTRA_CA_CERTS may name the file of its CA$/,
    );
  });

  it("is waited for only so long, and not for each of its images", async () => {
    await using odd = await startRegistry(() => undefined);
    const fast = 10; // the same clock, but for its deadlines
    using asked = registries({
      clock: { ...systemClock, deadline: (ms, ...also) => systemClock.deadline(ms / fast, ...also) },
    });
    const begun = performance.now();
    const answers = await ask(asked, ...Array.from({ length: 40 }, (_, n) => `${odd.host}/app${n}:1`));
    for (const answer of answers)
      assert.equal(becauseOf(answer), `registry unreachable: ${odd.host}: no answer within 10 s`);
    assert.ok(performance.now() - begun < 20_000);
    assert.ok(odd.asked.length <= 12, `ten at a time, and none after the third failure: ${odd.asked.length}`);
  });

  it("is asked once more when it closed a kept connection just then", async () => {
    const sockets = new Set<unknown>();
    await using odd = await startRegistry((request, response) => {
      if (sockets.has(request.socket)) request.socket.destroy();
      else reply(response, 200, manifestHeaders());
      sockets.add(request.socket);
    });
    using asked = registries();
    for (let n = 0; n < 3; n++) assert.deepEqual(await ask(asked, `${odd.host}/app:1`), [digest(DIGEST)]);
  });

  it("is left at once when the service stops", async () => {
    await using odd = await startRegistry(() => stop.abort());
    const stop = new AbortController();
    using asked = registries();
    const answers = await asked.digestsOf([ref(`${odd.host}/app:1`)], stop.signal);
    assert.match(becauseOf([...answers.values()][0]), /stopped while asking/);
  });
});
