// Updates on a real Engine as people see and decide them in a real browser: an update that waits is refused, another is
// asked for by one person and approved by two more, while NATS is restarted.
import assert from "node:assert/strict";
import { after, before, describe, it } from "mocha";
import type { Browser as Chromium, Page } from "playwright-core";
import type { DecisionRecord, RunRecord } from "../../../shared/contract/run-records.ts";
import { engine } from "../../bed/bed.ts";
import { deploy, idOf, overview, release } from "../../support/containers.ts";
import { freePort } from "../../support/monitoring.ts";
import { type RegisteredParticipant, addParticipant } from "../../support/participants.ts";
import { type Process, type Stack, startStack } from "../../support/stack.ts";
import { until } from "../../support/until.ts";
import { type OpenPage, findBarriers, openPage, startChromium } from "./chromium.ts";
import { TOKENS, TOKEN_SETTING, startDashboard } from "./scene.ts";

const h1 = engine(1);
const MARKUP = '<img src=x onerror="document.title=1">';
const OTTO = "otto-0123456789-0123456789";

describe("an update in the browser", () => {
  let stack: Stack;
  let board: RegisteredParticipant;
  let service: Process;
  let browser: Chromium;
  let url: string;
  const people: OpenPage[] = [];
  const enter = async (token: string): Promise<Page> => {
    const opened = await openPage(browser, url, { token });
    people.push(opened);
    return opened.page;
  };
  const decisions = (): (DecisionRecord & RunRecord)[] =>
    stack.records.filter(
      (record): record is DecisionRecord & RunRecord =>
        record.kind === "decided" && record.container === "web" && record.by === "operator",
    );

  before(async () => {
    await deploy(h1, "web", { create: { Labels: { "com.example.note": MARKUP } } });
    await deploy(h1, "noisy");
    stack = await startStack({ engine: h1 });
    await stack.script(
      "before_update/10-not-noisy",
      `#!/bin/sh\n[ "$OUROBOROS_CONTAINER_NAME" != noisy ] || { echo '${MARKUP}' >&2; exit 1; }\n`,
    );
    await stack.check();
    const spec = { hooks: ["before_update", "after_update"], flags: ["--timeout", "10m"] } as const;
    board = await addParticipant(stack, "board", spec, () => undefined);
    const port = await freePort();
    url = `http://127.0.0.1:${port}`;
    service = await startDashboard({
      ...{ NATS_URL: stack.server.url, DASHBOARD_PORT: String(port) },
      DASHBOARD_TOKENS: `${TOKEN_SETTING} otto:approver:${OTTO}`,
    });
    browser = await startChromium();
  });
  after(async () => {
    await browser.close();
    await service[Symbol.asyncDispose]();
    await board[Symbol.asyncDispose]();
    await stack[Symbol.asyncDispose]();
    await h1.clean();
  });

  it("that waits is refused there: the container stays as it is, and the journal names who refused", async () => {
    const before = await idOf(h1, "web");
    const anna = await enter(TOKENS.approver);
    await release("apps/web", "2");
    await release("apps/noisy", "2");
    await stack.check();
    await decide(anna, "before_update · web on h1", "Refuse", "the release notes are unread");
    await stack.expectResult("web", "refused");
    assert.equal(await idOf(h1, "web"), before);
    assert.ok((await overview(h1)).includes("web running 1"));
    assert.deepEqual(
      decisions().map(({ hook, verdict, reason }) => [hook, verdict, reason]),
      [["before_update", "refuse", "the release notes are unread (by anna)"]],
    );
    await line(anna, "before_update: refuse by operator: the release notes are unread (by anna)");
    await line(anna, MARKUP); // what the script has written is text
    assert.equal(await anna.locator("img").count(), 0);
  });

  it("is asked for by one person and approved by two others, is seen step by step, and NATS may be restarted meanwhile", async () => {
    const [anna, olaf, otto] = [people[0]?.page, await enter(TOKENS.operator), await enter(OTTO)];
    assert.ok(anna);
    await olaf.getByRole("link", { name: "Containers" }).click();
    await olaf.getByRole("button", { name: "web", exact: true }).click();
    const details = olaf.getByRole("dialog");
    await details.getByText(/Held .*the release notes are unread/).waitFor();
    await details.getByRole("button", { name: "Update", exact: true }).click();
    await details.getByRole("button", { name: "Yes: Update" }).click();
    await details.getByText(/Run \S+ has begun/).waitFor({ timeout: 60_000 });

    await anna.locator("ul.runs li", { hasText: "web asks" }).first().waitFor();
    await line(anna, /before_update asks .*board/);
    assert.ok((await overview(h1)).includes("web running 1"));
    await decide(anna, "before_update · web on h1", "Proceed", "");
    for (const seen of ["is replaced", "the new container runs, down for"]) await line(anna, seen);
    await otto.getByRole("article", { name: "after_update · web on h1" }).waitFor();
    assert.ok((await overview(h1)).includes("web running 2"));

    await stack.server.kill("SIGKILL");
    await otto.getByText(/NATS does not answer since/).waitFor();
    await stack.server.restart();
    await otto.getByText(/NATS does not answer since/).waitFor({ state: "hidden" });
    await decide(otto, "after_update · web on h1", "Proceed", "it serves");
    const ended = await stack.awaitResult("web", { nth: 2 });
    assert.equal(ended.end, "updated", ended.because);
    await line(anna, "updated");
    assert.ok((await overview(h1)).includes("web running 2"));
    await until("both approvals are in the journal", () => decisions().length === 3);
    assert.deepEqual(
      decisions()
        .slice(1)
        .map(({ hook, verdict, reason }) => [hook, verdict, reason]),
      [
        ["before_update", "proceed", "by anna"],
        ["after_update", "proceed", "it serves (by otto)"],
      ],
    );
    const plan = stack.events.findLast(({ hook }) => hook === "updates_enumerated");
    assert.match(JSON.stringify(plan?.event.data), /olaf/);
  });

  it("is shown as a chart afterwards: its waits, its steps and its downtime; and its image with what became of it", async () => {
    const [anna] = people.map(({ page }) => page);
    assert.ok(anna);
    await anna.locator(".lines li", { hasText: "updated" }).first().getByRole("link").click();
    await anna.locator("svg rect.wait").first().waitFor();
    const count = (kind: string) => anna.locator(`svg rect.${kind}`).count();
    assert.ok((await count("wait")) >= 2, "two waits");
    assert.ok((await count("step")) >= 4, "its steps");
    assert.ok((await count("down")) >= 1, "the downtime");
    assert.deepEqual(await findBarriers(anna), [], "run");
    await anna.getByRole("link", { name: "Images" }).click();
    const row = anna.locator("tr", { hasText: "apps/web" });
    await row.getByText("updated").waitFor({ timeout: 60_000 }); // the page asks again after a while
    await row.getByRole("button").click();
    await anna.getByRole("dialog").getByText("1 updated h1").waitFor();
    assert.deepEqual(await findBarriers(anna), [], "an image");
  });

  it("leaves nothing for a browser to complain about", () => {
    assert.deepEqual(
      people.flatMap(({ complaints }) => complaints),
      [],
    );
  });
});

/** The line of what happened, once it is there. */
const line = (page: Page, text: string | RegExp): Promise<void> =>
  page.locator(".lines li", { hasText: text }).first().waitFor({ timeout: 60_000 });

async function decide(page: Page, event: string, verdict: string, reason: string): Promise<void> {
  const card = page.getByRole("article", { name: event });
  await card.getByRole("button", { name: new RegExp(`^${verdict}`) }).click({ timeout: 60_000 });
  const dialog = page.getByRole("dialog");
  await dialog.locator("textarea").fill(reason);
  await dialog.getByRole("button", { name: `Send: ${verdict}` }).click();
  await card.waitFor({ state: "detached" });
}
