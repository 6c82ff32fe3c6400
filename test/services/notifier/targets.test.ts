// Real targets: a mail server; and one that comes and goes while notifiers are killed.
import assert from "node:assert/strict";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { afterEach, describe, it } from "mocha";
import { SMTPServer } from "smtp-server";
import { until } from "../../support/until.ts";
import { type NotifierScene, openScene } from "./scene.ts";
import { itInFullRun } from "../../support/full-run.ts";

const SEED = 20_261_130;
const UPDATES = 40;

describe("a notifier's targets", () => {
  let scene: NotifierScene;
  afterEach(() => scene[Symbol.asyncDispose]());

  it("are mail servers", async () => {
    scene = await openScene();
    const mails: string[] = [];
    const server = new SMTPServer({
      authOptional: true,
      disabledCommands: ["STARTTLS"],
      allowInsecureAuth: true,
      onAuth: ({ username = "" }, _session, done) => done(null, { user: username }),
      onData: (stream, _session, done) =>
        void text(stream).then((mail) => {
          mails.push(mail);
          done();
        }),
    });
    server.listen(0, "127.0.0.1");
    await once(server.server, "listening");
    const { port } = server.server.address() as AddressInfo;
    const query = "smtp=127.0.0.1&from=ouroboros@example.com&to=me@example.com";
    await scene.start({ NOTIFIERS: `mailto://someone:planted-token@127.0.0.1:${port}/?${query}` });
    await scene.updateEnds({ name: "web", end: "rolled_back", because: "the new container is unhealthy" });
    await scene.runEnds();
    await until("the mail arrives", () => mails.length > 0);
    const [mail = ""] = mails;
    assert.match(mail, /^To: me@example\.com$/m);
    assert.match(mail, /^Subject: .*Ouroboros/m);
    assert.match(mail.replace(/=\r?\n/g, ""), /web was rolled back: the new container is unhealthy/);
    await new Promise<void>((resolve) => server.close(() => resolve()));
  });

  itInFullRun(
    "miss nothing, and get little twice, where they come and go and notifiers are killed",
    async () => {
      scene = await openScene();
      const answer = scene.endpoint.answer;
      let isUp = true;
      scene.endpoint.answer = (request, response) => (isUp ? answer(request, response) : [503]);
      const env = { NOTIFY: "updated=now" };
      let notifier = await scene.start(env);
      const pauses = fc.sample(fc.integer({ min: 50, max: 700 }), { seed: SEED, numRuns: UPDATES });
      let kills = 0;
      for (const [n, pause] of pauses.entries()) {
        await scene.updateEnds({ name: `web${n}`, because: `told ${n}.` }, `01run${n}`);
        await sleep(pause);
        isUp = n % 7 !== 3;
        if (n % 4 !== 1) continue;
        kills += 1;
        notifier.kill("SIGKILL");
        await notifier.exited;
        notifier = await scene.start(env);
      }
      isUp = true;
      const told = (n: number): number =>
        scene.received().filter(({ message }) => new RegExp(`\\bweb${n} updated`).test(message)).length;
      const all = pauses.map((_, n) => n);
      await until("all are told", () => all.every((n) => told(n) > 0), {
        explain: () => JSON.stringify(all.filter((n) => told(n) === 0)) + notifier.log(),
      });
      const twice = all.reduce((sum, n) => sum + Math.max(told(n) - 1, 0), 0);
      assert.ok(twice <= kills, `${twice} came twice, for ${kills} kills`);
    },
  );
});
