import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { jetstream } from "@nats-io/jetstream";
import { nkeys } from "nats";
import { afterEach, describe, it } from "mocha";
import type { Locals } from "../../../shared/contract/hooks.ts";
import type { CloudEvent } from "../../../shared/contract/messages.ts";
import { subjects } from "../../../shared/contract/subjects.ts";
import {
  HOST,
  beforeUpdateEvent,
  cloudEvent,
  container,
  image,
  remoteImage,
  service,
  until,
} from "../../services/hook-executor/scene.ts";
import { type Stage, openStage } from "../../services/hook-executor/stage.ts";
import { withUnknownFields } from "../../support/schemas.ts";
import { startExample } from "./run-example.ts";

const NAME = "windows";
const HOUR_MS = 3_600_000;

/** A window of an hour, in UTC, that opens so many hours from now. */
const inHours = (hours: number): string => {
  const at = new Date(Date.now() + hours * HOUR_MS);
  return `${at.getUTCMinutes()} ${at.getUTCHours()} * * * 1h`;
};

const before = (run: string, labels: Record<string, string> = {}, imageLabels = {}): CloudEvent =>
  cloudEvent(
    "before_update",
    {
      old_container: { ...container("app"), labels },
      old_image: { ...image("a"), labels: imageLabels },
      new_image: image("b"),
    },
    { run },
  );

describe("a ready-made participant, here examples/participants/update-window.mjs", () => {
  let stage: Stage;
  const open = async (config?: string) => {
    stage = await openStage(config);
    await stage.makeConsumer({ participant: NAME });
  };
  afterEach(() => stage[Symbol.asyncDispose]());

  const put = (windows: unknown) =>
    writeFile(
      join(stage.folder.path, "windows.json"),
      typeof windows === "string" ? windows : JSON.stringify(windows),
    );
  const start = (env: Readonly<Record<string, string>> = {}) =>
    startExample("update-window.mjs", NAME, {
      NATS_URL: stage.server.url,
      WINDOWS_FILE: join(stage.folder.path, "windows.json"),
      ...env,
    });
  const answer = async (event: CloudEvent) => {
    await stage.publish(event);
    return stage.verdictOn(event, NAME);
  };

  it("lets a container pass while its host's window is open, and puts it off until it opens", async () => {
    await open();
    await put({ time_zone: "UTC", hosts: { [HOST]: inHours(0), "*": "tonight" } });
    await using _participant = start();
    assert.deepEqual(await answer(before("run-1")), { verdict: "proceed" });
    await put({ hosts: { "*": inHours(5), other: "always" } });
    const { verdict, reason = "", retry_after_s = 0 } = await answer(before("run-2"));
    assert.equal(verdict, "defer");
    assert.match(reason, /^app: its update window opens at 20\d\d-\d\d-\d\dT\d\d:\d\dZ$/);
    assert.ok(retry_after_s <= 5 * 3600 && retry_after_s > 5 * 3600 - 120, String(retry_after_s));
    await stage.settled(NAME);
  });

  it("follows the container's label, unless that comes from the image", async () => {
    await open();
    await put({ hosts: { "*": inHours(5) } });
    await using _participant = start();
    const label = { "com.example.window": "always" };
    assert.equal((await answer(before("run-1", label))).verdict, "proceed");
    assert.equal((await answer(before("run-2", label, label))).verdict, "defer");
    const wrong = await answer(before("run-3", { "com.example.window": "at night" }));
    assert.deepEqual(wrong, {
      verdict: "defer",
      reason: '"at night" is no window like "0 2 * * SAT 3h Europe/Berlin"',
    });
  });

  it("puts everything off while its file cannot be read or does not name the host", async () => {
    await open();
    await using _participant = start();
    assert.match((await answer(before("run-1"))).reason ?? "", /windows\.json cannot be read: ENOENT/);
    await put("{");
    assert.match((await answer(before("run-2"))).reason ?? "", /windows\.json cannot be read: .*JSON/);
    await put({ hosts: { elsewhere: "always" } });
    assert.match(
      (await answer(before("run-3"))).reason ?? "",
      /windows\.json has no window for the host web-01/,
    );
  });

  it("answers updates_enumerated container by container, and service by service", async () => {
    await open();
    await put({ hosts: { "*": inHours(5) } });
    await using _participant = start();
    const update = (name: string, window?: string): Locals<"updates_enumerated">["updateable"][number] => ({
      container: { ...container(name), labels: window === undefined ? {} : { "com.example.window": window } },
      current_image: image("a"),
      latest_image: remoteImage("b"),
    });
    const inSwarm = { current_image: remoteImage("a"), latest_image: remoteImage("b") };
    const event = cloudEvent("updates_enumerated", {
      updateable: [update("one", "always"), update("two"), update("three", "?")],
      updateable_services: [
        { ...inSwarm, service: service("four") },
        { ...inSwarm, service: { ...service("five"), labels: { "com.example.window": "always" } } },
      ],
      depends_on_containers: [],
      hard_depends_on_containers: [],
    });
    const verdict = await answer(withUnknownFields(event) as CloudEvent);
    const said = Object.entries(verdict.containers ?? {});
    assert.equal(verdict.verdict, "proceed");
    assert.deepEqual(
      said.map(([name, it]) => [name, typeof it === "string" ? it : it.verdict]),
      [
        ["two", "defer"],
        ["three", "defer"],
        ["four", "defer"],
      ],
    );
    const alone = { service: service("four"), old_image: remoteImage("a"), new_image: remoteImage("b") };
    const asked = await answer(cloudEvent("before_service_update", alone));
    assert.equal(asked.verdict, "defer");
    assert.match(asked.reason ?? "", /^four: its update window opens/);
  });

  it("says nothing where its answer does not count", async () => {
    await open();
    await using participant = start();
    const base = beforeUpdateEvent("run-1");
    const dry = { ...base, data: { ...base.data, mode: "dry_run" } };
    const others = beforeUpdateEvent("run-2");
    const notAsked = { ...others, data: { ...others.data, asked: ["ci"] } };
    const late = { ...beforeUpdateEvent("run-3"), time: new Date(Date.now() - HOUR_MS).toISOString() };
    for (const event of [dry, notAsked, late]) await stage.publish(event);
    const counts = beforeUpdateEvent("run-4");
    assert.equal(
      (await answer({ ...counts, data: { ...counts.data, asked: ["ci", NAME] } })).verdict,
      "defer",
    );
    await stage.settled(NAME);
    assert.equal(await stage.stored(), 1);
    assert.match(participant.log(), /run-3-before_update-app came too late/);
  });

  it("answers an event that comes again as before, and gives up what is none", async () => {
    await open();
    await put({ hosts: { "*": "always" } });
    await using participant = start();
    assert.equal((await answer(before("run-1"))).verdict, "proceed");
    await put({ hosts: { "*": inHours(5) } });
    const subject = subjects.hook({ host: HOST, hook: "before_update", container: "app", event: "x" });
    await jetstream(stage.nats).publish(subject, "no JSON");
    await stage.publish(before("run-1"));
    await until("it came again", async () => (await stage.stored()) === 2);
    await stage.settled(NAME);
    assert.equal(participant.log().match(/"event":"run-1-.*"verdict":"proceed"/g)?.length, 2);
    assert.match(participant.log(), /app\.x: .*JSON/);
  });

  it("says that it was not added, ends at SIGTERM, and comes back when NATS does", async () => {
    await open();
    await put({ hosts: { "*": "always" } });
    await stage.nats.request(`$JS.API.CONSUMER.DELETE.OUROBOROS_HOOKS.gate_${NAME}`);
    await using participant = start();
    await until("it says so", () => /Was the participant windows added with .*\?/.test(participant.log()));
    await stage.makeConsumer({ participant: NAME });
    assert.equal((await answer(before("run-1"))).verdict, "proceed");
    await stage.server.restart();
    await until("the test is back", () => stage.publish(before("run-2")).catch(() => undefined));
    assert.equal((await stage.verdictOn(before("run-2"), NAME)).verdict, "proceed");
    participant.kill("SIGTERM");
    assert.equal(await participant.exited, 0);
  });

  it("says how it is called, and that there is no NATS", async () => {
    await open();
    await using nameless = startExample("update-window.mjs", "", {});
    assert.equal(await nameless.exited, 2);
    await using lost = start({ NATS_URL: "nats://127.0.0.1:9" });
    assert.equal(await lost.exited, 1);
    await until("both have spoken", () => lost.log() !== "" && nameless.log() !== "");
    assert.match(nameless.log(), /^Usage: node .*update-window\.mjs NAME/);
    assert.match(lost.log(), /^No connection to NATS: .*refused/i);
  });

  it("needs no more rights than a participant has, with a key", async () => {
    const user = nkeys.createUser();
    await open(`authorization { users: [
      { user: all, password: all },
      { nkey: ${user.getPublicKey()}, permissions: {
        publish: ["$JS.API.CONSUMER.INFO.OUROBOROS_HOOKS.gate_${NAME}", "$JS.API.CONSUMER.MSG.NEXT.OUROBOROS_HOOKS.gate_${NAME}", "$JS.ACK.OUROBOROS_HOOKS.gate_${NAME}.>",
                  "ouroboros.verdict.*.${NAME}.*", "ouroboros.progress.*.${NAME}.*"]
        subscribe: ["_INBOX_${user.getPublicKey()}.>"]
      } }
    ] }`);
    await put({ hosts: { "*": "always" } });
    const key = join(stage.folder.path, "participant.nk");
    await writeFile(key, `${new TextDecoder().decode(user.getSeed())}\n`);
    await using participant = start({ NATS_NKEY_FILE: key });
    assert.equal((await answer(before("run-1"))).verdict, "proceed");
    await stage.settled(NAME);
    assert.doesNotMatch(participant.log(), /Violation/i);
  });
});
