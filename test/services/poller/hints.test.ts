import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { pino } from "pino";
import { Hints } from "../../../services/poller/hints.ts";
import type { Polling } from "../../../services/poller/polling.ts";
import { SeenContainers } from "../../../services/poller/seen-containers.ts";
import { type Clock, systemClock } from "../../../shared/clock.ts";
import type { PushedImage } from "../../../shared/contract/pushed-image.ts";
import { readSettings } from "../../../shared/settings/read-settings.ts";
import { SAME_TAG } from "../../../shared/settings/tag-policy.ts";
import type { ContainerFacts } from "../../../shared/containers/container-facts.ts";
import { PLAIN_FACTS } from "../../support/plain-facts.ts";

const pushed = (repository: string, tag: string | null = "1"): PushedImage => ({
  ...{ registry: "ghcr.io", repository, tag },
});
const running = (name: string, reference: string): ContainerFacts => ({
  ...PLAIN_FACTS,
  ...{ name, id: `id-${name}`, reference, imageId: "sha256:1" },
});

/** Hints of a poller whose clock stands until the test moves it. */
function hintsOf(env: NodeJS.ProcessEnv = {}) {
  const settings = readSettings({ CHECK_NEW: "off", ...env }, new Map());
  const stop = new AbortController();
  const time = { now: 1000 };
  const clock: Clock = {
    ...systemClock,
    monotonic: () => time.now,
    sleep: (_ms, signal) =>
      new Promise((resolve) => signal?.addEventListener("abort", () => resolve(), { once: true })),
  };
  const seen = new SeenContainers(settings);
  const parts = { settings, clock, seen, signal: stop.signal, log: pino({ enabled: false }) };
  const hints = new Hints(parts as unknown as Polling);
  const take = (ms: number) => {
    time.now += ms;
    return hints.take();
  };
  return { hints, seen, take, [Symbol.dispose]: () => stop.abort() };
}

describe("a poller's hints", () => {
  it("lead to a cycle for the containers that follow what was pushed", () => {
    using own = hintsOf();
    const [web, api, db] = [
      running("web", "ghcr.io/acme/shop:1"),
      running("api", "ghcr.io/acme/shop:2"),
      running("db", "postgres:17"),
    ];
    own.seen.note([web, api, db]);
    assert.equal(own.hints.addImages([pushed("acme/shop")]), 1);
    assert.equal(own.take(1999), undefined);
    const taken = own.take(1);
    assert.deepEqual(taken?.images, ["ghcr.io/acme/shop:1"]);
    assert.equal(taken.recentMs, 0);
    assert.deepEqual([web, api, db].map(taken.covers), [true, false, false]);
    assert.deepEqual(taken.covers({ ...db, id: "new" }), true, "no cycle has seen it");
  });

  it("about what no container of the host follows lead to nothing", () => {
    using own = hintsOf();
    own.seen.note([running("web", "ghcr.io/acme/shop:1")]);
    const others = [
      pushed("acme/shop", "2"),
      pushed("acme/other"),
      { ...pushed("acme/shop"), registry: "quay.io" },
    ];
    assert.equal(own.hints.addImages(others), 0);
    assert.equal(own.take(60_000), undefined);
  });

  it("concern the tag latest with LATEST_ONLY", () => {
    using own = hintsOf({ LATEST_ONLY: "true" });
    const web = running("web", "ghcr.io/acme/shop:1");
    own.seen.note([web]);
    assert.equal(own.hints.addImages([pushed("acme/shop", "latest"), pushed("acme/shop", "3")]), 1);
    assert.equal(own.take(2000)?.covers(web), true);
  });

  for (const [sentence, tag, policy, isFollowed] of [
    ["a later tag that the policy takes", "1.5", "semver:^1", true],
    ["the container's own tag", "1.4", "semver:^1", true],
    ["any tag", null, "semver:^1", true],
    ["an earlier tag", "1.3", "semver:^1", false],
    ["a tag beyond the policy", "2.0", "semver:^1", false],
    ["a tag of another variant", "1.5-alpine", "semver:^1", false],
    ["a later tag of a container whose label keeps its tag", "1.5", "same", false],
    ["a later tag, where the label says nothing and the setting does", "2.0", "", true],
  ] as const)
    it(`${isFollowed ? "concern" : "do not concern"} ${sentence}`, () => {
      using own = hintsOf({ TAG_POLICY: "newest" });
      const labels = { "com.ouroboros.tag_policy": policy };
      const web = { ...running("web", "ghcr.io/acme/shop:1.4"), labels };
      const db = { ...running("db", "postgres:17"), labels };
      own.seen.note([web, db]);
      assert.equal(own.hints.addImages([pushed("acme/shop", tag)]), isFollowed ? 1 : 0);
      assert.equal(own.hints.addImages([pushed("acme/other", tag)]), 0);
      const taken = own.take(2000);
      assert.equal(taken?.covers(web), isFollowed ? true : undefined);
      assert.equal(taken?.covers(db), isFollowed ? false : undefined);
    });

  it("about the same image lead to a look every 30 s at most, however many come", () => {
    using own = hintsOf();
    own.seen.note([running("web", "ghcr.io/acme/shop:1")]);
    let looks = 0;
    for (let s = 0; s < 150; s++) {
      for (let n = 0; n < 3; n++) own.hints.addImages([pushed("acme/shop")]);
      if (own.take(1000) !== undefined) looks++;
    }
    assert.ok(looks >= 3 && looks <= 5, String(looks));
  });

  it("wait in a bounded number", () => {
    using own = hintsOf();
    const names = Array.from({ length: 2000 }, (_, n) => `acme/shop${n}`);
    own.seen.note(names.map((name) => running(name, `ghcr.io/${name}:1`)));
    let taken = 0;
    for (let n = 0; n < names.length; n += 50)
      taken += own.hints.addImages(names.slice(n, n + 50).map((name) => pushed(name)));
    assert.equal(taken, 500);
    assert.equal(own.take(2000)?.images.length, 500);
  });

  it("are not heard with CRON, which says when this host is checked", () => {
    using own = hintsOf({ CRON: "0 4 * * *" });
    own.seen.note([running("web", "ghcr.io/acme/shop:1")]);
    assert.equal(own.hints.addImages([pushed("acme/shop")]), 0);
    assert.equal(own.take(60_000), undefined);
  });
});

describe("the containers that a poller has seen", () => {
  it("are those that ran: one that only existed is new when it starts", () => {
    const seen = new SeenContainers({ LATEST_ONLY: false, TAG_POLICY: SAME_TAG });
    assert.equal(seen.hasLooked, false);
    assert.equal(seen.mayFollow(pushed("acme/shop")), true, "nothing is known yet");
    seen.note([running("web", "ghcr.io/acme/shop:1"), { ...running("db", "postgres"), status: "created" }]);
    assert.deepEqual([seen.hasLooked, seen.has("id-web"), seen.has("id-db")], [true, true, false]);
    seen.note([{ ...running("web", "ghcr.io/acme/shop:1"), status: "exited" }]);
    assert.equal(seen.has("id-web"), false);
    assert.equal(seen.mayFollow(pushed("acme/shop")), true, "it may be started again");
    assert.equal(seen.mayFollow({ ...pushed("library/postgres", null), registry: "docker.io" }), false);
  });
});
