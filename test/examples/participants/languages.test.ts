import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { symlink } from "node:fs/promises";
import { join } from "node:path";
import type { CloudEvent, Verdict } from "../../../shared/contract/messages.ts";
import { subjects } from "../../../shared/contract/subjects.ts";
import { HOST, beforeUpdateEvent, image, gone, until } from "../../services/hook-executor/scene.ts";
import { type Stage, openStage } from "../../services/hook-executor/stage.ts";
import { withUnknownFields } from "../../support/schemas.ts";

const ROOT = join(import.meta.dirname, "../../../..");
const FOLDER = join(ROOT, "examples/participants");
const STAND_IN = join(ROOT, "test/examples/participants/nats-stand-in.mjs");
const NAME = "ci";

/** Each refuses release candidates, by what decides in its language; `may-update` is put beside the events. */
const languages: Readonly<Record<string, (mayUpdate: string) => readonly string[]>> = {
  "participant.py": () => [
    "/usr/bin/python3",
    join(FOLDER, "participant.py"),
    ...["--name", NAME, "--refuse-if", "data.new_image.labels.org.opencontainers.image.version=-rc"],
  ],
  "participant.mjs": () => [process.execPath, join(FOLDER, "participant.mjs"), NAME],
  "participant.sh": (mayUpdate) => ["/bin/sh", join(FOLDER, "participant.sh"), NAME, mayUpdate],
};
const MAY_UPDATE = `#!/bin/sh
version=$(jq -r '.data.new_image.labels["org.opencontainers.image.version"] // ""')
case $version in *-rc*) echo "$version is no {{release}}" >&2; exit 1 ;; esac
[ ! -e OUT/slow ] || { echo $$ > OUT/pid; while [ ! -e OUT/go ]; do sleep 0.1; done; }
[ ! -e OUT/later ] || exit "$(cat OUT/later)"
`;

function candidate(run: string): CloudEvent {
  const event = beforeUpdateEvent(run);
  const labels = { "org.opencontainers.image.version": "2.0.0-rc.1" };
  return { ...event, data: { ...event.data, new_image: { ...image("b"), labels } } };
}

describe("examples/participants/", () => {
  let stage: Stage;
  let mayUpdate = "";
  beforeEach(async () => {
    stage = await openStage();
    await stage.makeConsumer({ participant: NAME });
    mayUpdate = await stage.folder.put("may-update", MAY_UPDATE);
    await symlink(STAND_IN, join(stage.folder.path, "nats"));
  });
  afterEach(() => stage[Symbol.asyncDispose]());

  const start = (language: string) => {
    const [program = "", ...args] = languages[language]?.(mayUpdate) ?? [];
    const child = spawn(program, args, {
      env: {
        PATH: [stage.folder.path, join(process.execPath, ".."), "/usr/bin:/bin"].join(":"),
        NATS_URL: stage.server.url,
      },
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    let said = "";
    for (const out of [child.stdout, child.stderr])
      out.on("data", (chunk: Buffer) => (said += chunk.toString()));
    const ended = once(child, "exit").then(([code, signal]) => (code ?? signal) as number | string);
    return {
      said: () => said,
      ended,
      kill: (signal: NodeJS.Signals) => void process.kill(-(child.pid ?? 0), signal),
      [Symbol.asyncDispose]: async () => {
        if (child.exitCode === null && child.signalCode === null) process.kill(-(child.pid ?? 0), "SIGKILL");
        await ended;
      },
    };
  };
  const answer = async (event: CloudEvent): Promise<Verdict> => {
    await stage.publish(event);
    return stage.verdictOn(event, NAME);
  };

  for (const language of Object.keys(languages)) {
    it(`${language} answers, also events with fields it does not know, and settles them`, async () => {
      await using participant = start(language);
      assert.equal((await answer(beforeUpdateEvent("run-1"))).verdict, "proceed");
      const refused = await answer(candidate("run-2"));
      assert.equal(refused.verdict, "refuse");
      assert.match(refused.reason ?? "", /2\.0\.0-rc\.1/);
      assert.equal(
        (await answer(withUnknownFields(beforeUpdateEvent("run-3")) as CloudEvent)).verdict,
        "proceed",
      );
      assert.equal((await answer(withUnknownFields(candidate("run-4")) as CloudEvent)).verdict, "refuse");
      await stage.settled(NAME);
      assert.equal(await stage.stored(), 4, participant.said());
    });
  }

  for (const language of Object.keys(languages))
    it(`${language} does nothing about an update that was over before it was switched on`, async () => {
      const late = { ...candidate("run-1"), time: new Date(Date.now() - 3_700_000).toISOString() };
      await stage.publish(late);
      await using participant = start(language);
      const next = candidate("run-2");
      assert.equal((await answer(next)).verdict, "refuse");
      await until("it says so", () => participant.said().includes(late.id));
      assert.match(participant.said(), /came too late/);
      await stage.settled(NAME);
      assert.equal(await stage.stored(), 1, participant.said());
    });

  it("participant.mjs ends at SIGTERM, and leaves the next event to its successor", async () => {
    await using participant = start("participant.mjs");
    await until("it waits", async () => (await stage.consumer(NAME)).num_waiting > 0);
    participant.kill("SIGTERM");
    assert.equal(await participant.ended, 0);
    await using _next = start("participant.mjs");
    assert.equal((await answer(beforeUpdateEvent())).verdict, "proceed");
  });

  it("participant.mjs waits until it is added", async () => {
    const manager = await stage.nats.request(`$JS.API.CONSUMER.DELETE.OUROBOROS_HOOKS.gate_${NAME}`);
    assert.match(manager.string(), /"success":true/);
    await using participant = start("participant.mjs");
    await until("it says so", () => /Was the participant ci added\?/.test(participant.said()));
    await stage.makeConsumer({ participant: NAME });
    assert.equal((await answer(beforeUpdateEvent())).verdict, "proceed");
  });

  it("participant.sh tells that it is at it, defers by 75, and leaves nothing running", async () => {
    const progress: string[] = [];
    stage.nats.subscribe(subjects.progressOf(HOST), {
      callback: (_, { subject }) => void progress.push(subject),
    });
    await stage.folder.put("out/slow", "");
    await stage.folder.put("out/later", "75");
    await using participant = start("participant.sh");
    const event = beforeUpdateEvent();
    await stage.publish(event);
    await until("it tells", () => progress.length > 0);
    assert.deepEqual(progress, [subjects.progress(HOST, NAME, event.id)]);
    await stage.folder.put("out/go", "");
    assert.deepEqual(await stage.verdictOn(event, NAME), { verdict: "defer" });
    await gone(await stage.folder.wrote("pid"));
    participant.kill("SIGTERM");
    assert.equal(await participant.ended, 0);
  });

  it("participant.sh defers by 21 too", async () => {
    await stage.folder.put("out/later", "21");
    await using _participant = start("participant.sh");
    assert.deepEqual(await answer(beforeUpdateEvent()), { verdict: "defer" });
  });

  for (const [sentence, program, args, env, code, says] of [
    [
      "participant.sh has --help",
      "participant.sh",
      ["--help"],
      {},
      0,
      /^Usage: participant\.sh NAME COMMAND/,
    ],
    [
      "participant.sh says what it lacks",
      "participant.sh",
      ["ci", "true"],
      {},
      2,
      /there is no nats in PATH/,
    ],
    ["participant.sh says how it is called", "participant.sh", ["ci"], {}, 2, /^Usage/],
    [
      "participant.py says that it cannot use a key",
      "participant.py",
      ["--name", "ci"],
      { NATS_NKEY_FILE: "/key.nk" },
      2,
      /cannot use an nkey: .*--with-password/s,
    ],
  ] as const)
    it(sentence, async () => {
      const child = spawn(join(FOLDER, program), args, { env: { PATH: "/usr/bin:/bin", ...env } });
      let said = "";
      for (const out of [child.stdout, child.stderr])
        out.on("data", (chunk: Buffer) => (said += chunk.toString()));
      const [ended] = (await once(child, "close")) as [number];
      assert.equal(ended, code, said);
      assert.match(said, says);
    });
});
