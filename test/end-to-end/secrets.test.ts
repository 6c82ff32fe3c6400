import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { jetstreamManager } from "@nats-io/jetstream";
import { describe, it } from "mocha";
import type { NatsConnection } from "nats";
import { engine } from "../bed/bed.ts";
import { deploy, release } from "../support/containers.ts";
import { ouroboros } from "../support/participants.ts";
import { update } from "../support/runs.ts";
import { secured } from "../support/secured.ts";
import { type ServiceName, startStack } from "../support/stack.ts";

const h1 = engine(1);
const ROLES: readonly (readonly [ServiceName, string])[] = [
  ["updater", "updater_h1"],
  ["hook-executor", "exec_h1"],
  ["poller", "poller_h1"],
];

describe("a secret", () => {
  afterEach(() => h1.clean());

  it("of a setting, a key file or a container's environment is in no log, event, verdict, record or bucket", async () => {
    const planted = { REPO_PASS: "planted-repo-pass", ENVIRONMENT: "planted-environment" };
    const passwords = ["--with-password", "exec_h1"];
    await using keys = await secured("--hosts", "h1", ...passwords);
    await using stack = await startStack({
      engine: h1,
      services: [],
      env: { LOG_LEVEL: "debug", REPO_USER: "planter", REPO_PASS: planted.REPO_PASS },
      nats: { config: keys.config },
      operator: { access: keys.access("operator"), connection: await keys.connection("operator") },
    });
    const password = (await readFile(join(keys.folder, "users/exec_h1.password"), "utf8")).trim();
    const Env = [`TOKEN=${planted.ENVIRONMENT}`];
    await deploy(h1, "web", { create: { Env } });
    await deploy(h1, "db", { create: { Env } });
    assert.equal((await ouroboros(stack, "nats-config", "prepare", "--hosts", "h1")).code, 0);
    await stack.script(
      "before_update/no",
      '#!/bin/sh\n[ "$OUROBOROS_CONTAINER_NAME" != db ] || { env >&2; exit 1; }\n',
    );
    for (const [service, user] of ROLES) {
      const byPassword = { NATS_CA: join(keys.folder, "ca.pem"), NATS_USER: user, NATS_PASSWORD: password };
      stack.start(service, { env: user === "exec_h1" ? byPassword : keys.access(user) });
    }
    await stack.check();
    for (const name of ["web", "db"]) await release(`apps/${name}`, "2");
    assert.deepEqual(await update(stack), { web: "updated", db: "refused" });
    const seeds = await Promise.all(
      ["poller_h1", "updater_h1", "operator"].map((user) =>
        readFile(join(keys.folder, `users/${user}.nk`), "utf8"),
      ),
    );
    const logs = Object.values(stack.services).map((one) => one.log());
    const stored = await everythingIn(stack.nats);
    assert.ok(stored.includes("before_update-web") && logs.join().includes("run finished"));
    for (const secret of [
      planted.REPO_PASS,
      planted.ENVIRONMENT,
      password,
      ...seeds.map((seed) => seed.trim()),
    ]) {
      for (const [where, text] of Object.entries({
        stored,
        logs: logs.join("\n"),
        nats: await readFile(stack.server.log, "utf8"),
      }))
        for (const form of [secret, Buffer.from(secret).toString("base64").replace(/=+$/, "")])
          assert.ok(!text.includes(form), `${secret.slice(0, 12)}… is in ${where}`);
    }
  });
});

/** Every message of every stream and bucket, headers and all. */
async function everythingIn(nats: NatsConnection): Promise<string> {
  const manager = await jetstreamManager(nats);
  const found: string[] = [];
  for await (const { config, state } of manager.streams.list()) {
    for (let seq = state.first_seq; seq <= state.last_seq; seq++) {
      const message = await manager.streams.getMessage(config.name, { seq }).catch(() => null);
      if (message !== null) found.push(message.subject, [...message.header].join(), message.string());
    }
  }
  return found.join("\n");
}
