// The dashboard in a real browser behind a real nginx: below a path, as docs/dashboard.md has it, and with people whom the
// proxy signs in.
import assert from "node:assert/strict";
import { after, before, describe, it } from "mocha";
import { jetstreamManager } from "@nats-io/jetstream";
import type { Browser as Chromium } from "playwright-core";
import { parseJson } from "../../../shared/contract/messages.ts";
import { STREAMS, subjects } from "../../../shared/contract/subjects.ts";
import { getLastMessage } from "../../../shared/nats/jetstream.ts";
import { freePort } from "../../support/monitoring.ts";
import { documentedLocation, startNginx } from "../../support/nginx.ts";
import { openBare, openPage, startChromium } from "./chromium.ts";
import { type DashboardScene, EVENT, HOST, RUN, hostEntry, openScene, waiting } from "./scene.ts";

const PREFIX = "/ouroboros/";

describe("the dashboard behind nginx", () => {
  let scene: DashboardScene;
  let browser: Chromium;
  const verdict = async (): Promise<unknown> => {
    const manager = await jetstreamManager(scene.nats);
    const stored = await getLastMessage(manager, STREAMS.verdicts, subjects.verdict(HOST, "operator", EVENT));
    return parseJson(stored?.string() ?? "");
  };

  before(async () => {
    scene = await openScene();
    browser = await startChromium();
    await scene.putHost(HOST, hostEntry(["web"]));
    await scene.record({ kind: "begun", plan: "p", mode: "update", containers: ["web"] });
    await scene.js.publish(
      subjects.open(HOST),
      JSON.stringify({ writer: "w", n: 1, engine_id: "E", run: RUN, plan: "p" }),
    );
    await scene.record(waiting());
  });
  after(async () => {
    await browser.close();
    await scene[Symbol.asyncDispose]();
  });

  it("is served below a path, sends each change at once, lets people decide, and goes on when the proxy is back", async () => {
    const port = await freePort();
    const url = `http://127.0.0.1:${port}${PREFIX}`;
    await using _service = await scene.start({ DASHBOARD_URL: url });
    const location = await documentedLocation(Number(new URL(scene.url).port));
    await using nginx = await startNginx(`server { listen 127.0.0.1:${port}; ${location} }`, { port });
    const requested: string[] = [];
    const { page, context, complaints } = await openPage(browser, url, { role: "approver" });
    page.on("request", (request) => requested.push(new URL(request.url()).pathname));
    await page.reload();
    await page.locator("article.card").waitFor();
    assert.deepEqual(
      (await context.cookies()).map(({ name, path, sameSite }) => [name, path, sameSite]),
      [["ouroboros_session", PREFIX, "Strict"]],
    );
    const begun = performance.now();
    await scene.record({ kind: "did", container: "web", step: "a step behind the proxy", ms: 5 });
    await page.getByText("a step behind the proxy").waitFor();
    const took = performance.now() - begun;
    assert.ok(took < 1000, `on the screen after ${Math.round(took)} ms: the proxy holds events back`);
    await page.getByRole("button", { name: /^Defer/ }).click();
    const dialog = page.getByRole("dialog");
    await dialog.locator("textarea").fill("not before noon");
    await dialog.getByRole("button", { name: "Send: Defer" }).click();
    await page.getByText("Sent. The updater decides now.").waitFor();
    assert.deepEqual(await verdict(), { verdict: "defer", reason: "not before noon (by anna)" });
    await nginx.kill();
    await page.getByText(/Not connected since/).waitFor();
    await scene.record({ kind: "did", container: "web", step: "a step without the proxy", ms: 5 });
    await nginx.restart();
    await page.getByText("a step without the proxy").waitFor();
    assert.equal(await page.getByText("a step without the proxy").count(), 1);
    assert.ok(requested.length > 10);
    assert.deepEqual(
      requested.filter((path) => !path.startsWith(PREFIX)),
      [],
    );
    assert.deepEqual(complaints, []);
  });

  it("is served where the proxy takes the path away, too", async () => {
    const port = await freePort();
    await using _service = await scene.start({ DASHBOARD_URL: `http://127.0.0.1:${port}${PREFIX}` });
    const location = `location ${PREFIX} { proxy_pass ${scene.url}/; proxy_set_header Host $http_host; }`;
    await using _nginx = await startNginx(`server { listen 127.0.0.1:${port}; ${location} }`, { port });
    const { page, complaints } = await openPage(browser, `http://127.0.0.1:${port}${PREFIX}`, {
      role: "viewer",
    });
    await page.locator("article.card").waitFor();
    assert.deepEqual(complaints, []);
  });

  it("believes who somebody is from the proxy's address alone, and not what a browser says of itself", async () => {
    const port = await freePort();
    const url = `http://127.0.0.1:${port}${PREFIX}`;
    await using _service = await scene.start({
      ...{ DASHBOARD_AUTH: "forward-auth", DASHBOARD_URL: url, DASHBOARD_PROXIES: "127.0.0.2" },
      DASHBOARD_ROLES: "viewer=* approver=user:ann operator=user:olaf",
    });
    const location = await documentedLocation(Number(new URL(scene.url).port));
    const signsIn = [
      "proxy_bind 127.0.0.2;",
      'auth_basic "people"; auth_basic_user_file people;',
      "proxy_set_header Remote-User $remote_user;",
      'proxy_set_header Remote-Groups "";',
    ].join("\n");
    await using _nginx = await startNginx(
      `server { listen 127.0.0.1:${port}; ${location.replace("{", `{\n${signsIn}`)} }`,
      { port, files: { people: "ann:{PLAIN}ann-secret\n" } },
    );
    const direct = await fetch(`${scene.url}/api/me`, { headers: { "remote-user": "olaf" } });
    assert.equal(direct.status, 403);
    assert.match(await direct.text(), /only the proxies/);
    assert.equal((await fetch(`${url}api/me`)).status, 401, "nginx lets nobody in who has no password");
    const { page, complaints } = await openBare(browser, {
      httpCredentials: { username: "ann", password: "ann-secret" },
      extraHTTPHeaders: { "Remote-User": "olaf", "Remote-Groups": "admins" },
    });
    await page.goto(url);
    await page.getByText("ann, approver").waitFor();
    const card = page.locator("article.card");
    await card.getByRole("button", { name: /^Proceed/ }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Send: Proceed" }).click();
    await page.getByText("Sent. The updater decides now.").waitFor();
    assert.deepEqual(await verdict(), { verdict: "proceed", reason: "by ann" });
    assert.deepEqual(complaints, []);
    await page.getByRole("link", { name: "Containers" }).click();
    await page.getByRole("button", { name: "web", exact: true }).click();
    const update = page.getByRole("dialog").getByRole("button", { name: "Update", exact: true });
    assert.equal(await update.isDisabled(), true, "an approver is no operator");
  });
});
