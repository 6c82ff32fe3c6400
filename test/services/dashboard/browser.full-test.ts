// The dashboard in a real browser, with a real NATS server and recorded streams.
import assert from "node:assert/strict";
import { mkdir, readFile } from "node:fs/promises";
import { cpus, loadavg } from "node:os";
import { join } from "node:path";
import { jetstreamManager } from "@nats-io/jetstream";
import { after, before, describe, it } from "mocha";
import type { Browser as Chromium, Page } from "playwright-core";
import { parseJson } from "../../../shared/contract/messages.ts";
import type { RecordBody } from "../../../shared/contract/run-records.ts";
import { STREAMS, eventId, subjects } from "../../../shared/contract/subjects.ts";
import { getLastMessage } from "../../../shared/nats/jetstream.ts";
import { writeSection } from "../../support/docs-sections.ts";
import { until } from "../../support/until.ts";
import { findBarriers, openBare, openPage, startChromium } from "./chromium.ts";
import {
  type DashboardScene,
  EVENT,
  HOST,
  RUN,
  hostEntry,
  ledgerEntry,
  openScene,
  waiting,
} from "./scene.ts";

const MARKUP = '<img src=x onerror="document.title=1">';
/** The views in which it stands, in a name, a reference or a label. */
const WITH_MARKUP = ["Now", "Containers", "Images", "Hosts"];
/** Pictures of the page are written there, where it is set. */
const PICTURES = process.env["OUROBOROS_PICTURES"];

describe("the dashboard in a browser", () => {
  let scene: DashboardScene;
  let browser: Chromium;

  before(async () => {
    scene = await openScene();
    browser = await startChromium();
    await scene.putHost(HOST, { ...hostEntry(["web", "db", MARKUP]), labels: [`rack=${MARKUP}`] });
    for (const image of ["apps/web:latest", MARKUP]) await scene.putLedger(HOST, ledgerEntry(image));
    await scene.record({ kind: "begun", plan: "p", mode: "update", containers: ["web", "db"] });
    await scene.js.publish(
      subjects.open(HOST),
      JSON.stringify({ writer: "w", n: 1, engine_id: "E", run: RUN, plan: "p" }),
    );
    await scene.record({ kind: "did", container: "web", step: "pull apps/web", ms: 812 });
    await scene.record(waiting());
    await scene.say("exec_h1", EVENT, { verdict: "proceed", reason: MARKUP });
  });
  after(async () => {
    await browser.close();
    await scene[Symbol.asyncDispose]();
  });

  it("lets a person refuse what waits; nothing in a name or a reason is markup; axe finds nothing serious", async () => {
    await using _service = await scene.start();
    const { page, complaints } = await openPage(browser, scene.url, { role: "approver" });
    const card = page.locator("article.card");
    await card.waitFor();
    assert.match(await card.innerText(), /before_update · web on h1/);
    assert.ok((await card.innerText()).includes(MARKUP));
    await card.getByRole("button", { name: "Refuse" }).press("Enter");
    const dialog = page.getByRole("dialog");
    await dialog.locator("textarea").fill("the release notes are unread");
    await dialog.getByRole("button", { name: "Send: Refuse" }).press("Enter");
    await page.getByText("Sent. The updater decides now.").waitFor();
    const manager = await jetstreamManager(scene.nats);
    const stored = await getLastMessage(manager, STREAMS.verdicts, subjects.verdict(HOST, "operator", EVENT));
    assert.deepEqual(parseJson(stored?.string() ?? ""), {
      verdict: "refuse",
      reason: "the release notes are unread (by anna)",
    });
    const reason = `no ${MARKUP}`;
    const begun = performance.now();
    await scene.record({
      ...{ kind: "decided", event: EVENT, hook: "before_update", container: "web", verdict: "refuse" },
      ...{ by: "operator", reason, verdicts: [{ participant: "operator", verdict: "refuse", ms: 1 }] },
    });
    await page.locator(".lines li", { hasText: reason }).waitFor();
    const took = performance.now() - begun;
    assert.ok(took < 1000, `on the screen after ${Math.round(took)} ms`);
    await page.getByText("Nothing waits for an answer.").waitFor();
    for (const view of ["Now", "Containers", "Images", "Hosts", "History", "Participants"]) {
      await page.getByRole("link", { name: view, exact: true }).click();
      await page.getByRole("heading", { name: view === "Now" ? "Running" : view }).waitFor();
      if (WITH_MARKUP.includes(view)) await page.getByText(MARKUP).first().waitFor();
      assert.deepEqual(await findBarriers(page), [], view);
    }
    assert.equal(await page.locator("img").count(), 0);
    await page.getByRole("link", { name: "Images" }).click();
    await page.getByRole("button", { name: "apps/web:latest" }).click();
    await page.getByRole("dialog").getByText("2 rolled back h1").waitFor();
    assert.deepEqual(await findBarriers(page), [], "an image");
    await page.keyboard.press("Escape");
    await page.goto(`${scene.url}/#/run/${HOST}/${RUN}`);
    await page.locator("svg rect.wait").waitFor();
    assert.deepEqual(await findBarriers(page), [], "run");
    assert.deepEqual(complaints, []);
    assert.match(await page.title(), /Ouroboros$/);
  });

  it("shows a viewer everything and lets them do nothing; in Spanish, in the dark, on a narrow screen", async () => {
    await using _service = await scene.start();
    await scene.record(waiting("db"));
    const { page, complaints } = await openPage(browser, scene.url, {
      ...{ role: "viewer", locale: "es-ES", colorScheme: "dark" },
    });
    await page.setViewportSize({ width: 360, height: 700 });
    await page.getByRole("heading", { name: /A la espera de respuesta/ }).waitFor();
    const card = page.locator("article.card");
    await card.waitFor();
    assert.equal(await card.getByRole("button", { name: "Rechazar" }).isDisabled(), true);
    const width = await page.evaluate("document.documentElement.scrollWidth");
    assert.ok(Number(width) <= 360, `${String(width)} pixels wide`);
    assert.deepEqual(await findBarriers(page), []);
    for (const view of ["Contenedores", "Imágenes", "Hosts", "Historial", "Participantes"]) {
      await page.getByRole("link", { name: view, exact: true }).click();
      await page.getByRole("heading", { name: view }).waitFor();
      assert.deepEqual(await findBarriers(page), [], view);
      const wide = await page.evaluate("document.documentElement.scrollWidth");
      assert.ok(Number(wide) <= 360, `${view} is ${String(wide)} pixels wide`);
    }
    assert.deepEqual(complaints, []);
  });

  it("says that it is behind while the service is away, goes on by itself, and shows each line once", async () => {
    const service = await scene.start();
    const { page } = await openPage(browser, scene.url, { role: "operator" });
    await page.getByText("pull apps/web").waitFor();
    service.kill("SIGKILL");
    await service.exited;
    await page.getByText(/Not connected since/).waitFor();
    await scene.record({ kind: "did", container: "web", step: "a step while it was away", ms: 5 });
    await using _again = await scene.start();
    await page.getByText("a step while it was away").waitFor();
    await scene.server.kill("SIGKILL");
    await page.getByText(/NATS does not answer since/).waitFor();
    await scene.server.restart();
    await until("a record is stored", async () => {
      await scene.record({ kind: "did", container: "web", step: "after NATS was back", ms: 5 });
      return true;
    });
    await page.getByText("after NATS was back").waitFor();
    assert.equal(await page.getByText("a step while it was away").count(), 1);
    assert.equal(await page.getByText("pull apps/web").count(), 1);
    assert.equal(await page.locator(".banner").count(), 0);
  });
});

(PICTURES === undefined ? describe.skip : describe)("the picture of the dashboard", () => {
  it("is made from a run with two events that wait", async () => {
    await using scene = await openScene();
    await using _service = await scene.start();
    await scene.putHost(HOST, hostEntry(["shop", "db", "mail"]));
    await scene.record({ kind: "begun", plan: "p", mode: "update", containers: ["shop", "db", "mail"] });
    await scene.record({ kind: "did", container: "mail", step: "pull ghcr.io/shop/mail:latest", ms: 2312 });
    await scene.record({ kind: "swapping", container: "mail", old_id: "a", new_id: "b", to: "c" });
    await scene.record({ kind: "swapped", container: "mail", steps: [], downtime_ms: 840 });
    await scene.record({
      ...{ kind: "ended", container: "mail", end: "updated", because: "the new container has proved itself" },
      ...{ from_version: "3.1.0", to_version: "3.1.2", downtime_ms: 840 },
    });
    const waits = { shop: ["1.4.2", "2.0.0"], db: ["16.4", "16.5"] } as const;
    for (const [container, versions] of Object.entries(waits)) {
      await scene.askAbout(container, versions);
      await scene.record(waiting(container));
    }
    const event = EVENT.replace(/web$/, "shop");
    await scene.say("exec_h1", event, { verdict: "proceed", reason: "dumped 2.1 GB in 14 s" });
    const browser = await startChromium();
    try {
      const { page } = await openPage(browser, scene.url, { role: "approver" });
      await page.getByText("dumped 2.1 GB in 14 s").waitFor();
      await page.getByText("1.4.2 → 2.0.0").waitFor();
      await page.setViewportSize({ width: 1100, height: 720 });
      await mkdir(PICTURES ?? "", { recursive: true });
      await page.screenshot({ path: join(PICTURES ?? "", "dashboard.png") });
    } finally {
      await browser.close();
    }
  });
});

const HOSTS = 200;
const CONTAINERS = 50;

describe("the dashboard of 200 hosts with 50 containers each", () => {
  it("shows its first view within 1.5 s, a change within 300 ms, and keeps its memory", async () => {
    await using scene = await openScene();
    const names = Array.from({ length: CONTAINERS }, (_, index) => `container-${index}`);
    const recordRun = async (host: string, run: string): Promise<void> => {
      const bodies: readonly RecordBody[] = [
        { kind: "begun", plan: "p", mode: "update", containers: names },
        ...names.map(endOf),
      ];
      for (const [n, body] of bodies.entries()) {
        const record = { ...body, writer: "w", n, at: new Date().toISOString(), host, run };
        scene.nats.publish(subjects.run(host, run), JSON.stringify(record));
      }
      await scene.record({ kind: "finished", ends: {}, ms: 5 }, { host, run }); // it is stored after these
    };
    const ledgers = names.map((name) => ledgerEntry(`apps/${name}`));
    for (let host = 0; host < HOSTS; host += 1) {
      await Promise.all(ledgers.map((entry) => scene.putLedger(`host-${host}`, entry)));
      await scene.putHost(`host-${host}`, hostEntry(names));
      await recordRun(`host-${host}`, `run${host}`);
    }
    await using service = await scene.start();
    const browser = await startChromium();
    try {
      const { page, context } = await openPage(browser, scene.url, { role: "viewer" });
      await page.locator(".lines li").first().waitFor();
      const { page: again } = await openBare(browser, { storageState: await context.storageState() });
      const transferred = await countBytes(again);
      const begun = performance.now();
      await again.goto(scene.url); // with nothing in its cache
      await again.locator(".lines li").first().waitFor();
      const first = performance.now() - begun;
      const kb = transferred() / 1000;
      await page.getByRole("link", { name: "Containers" }).click();
      await page.getByText(`${HOSTS * CONTAINERS} of ${HOSTS * CONTAINERS} containers`).waitFor();
      await page.getByRole("searchbox").fill("host-77 container-42");
      await page.getByText(`1 of ${HOSTS * CONTAINERS} containers`).waitFor();
      const seen = async (publish: () => Promise<unknown>, text: string): Promise<number> => {
        const at = performance.now();
        await publish();
        await again.getByText(text).first().waitFor();
        return performance.now() - at;
      };
      const times: number[] = [];
      const verdicts: number[] = [];
      for (let one = 0; one < 20; one += 1) {
        const [step, reason] = [`step number ${one}!`, `reason number ${one}!`];
        const did: RecordBody = { kind: "did", container: "x", step, ms: 1 };
        times.push(await seen(() => scene.record(did, { host: "host-1" }), step));
        const event = eventId(RUN, "before_update", `asked-${one}`);
        await scene.record(waiting(`asked-${one}`));
        await again.getByText(`asked-${one} on`).first().waitFor();
        verdicts.push(await seen(() => scene.say("board", event, { verdict: "defer", reason }), reason));
      }
      const mostOf = (list: readonly number[]): number => list.toSorted((one, other) => one - other)[18] ?? 0;
      const [record, verdict] = [mostOf(times), mostOf(verdicts)];
      const asked = performance.now();
      await page.getByRole("link", { name: "Images" }).click();
      await page.getByText(`${CONTAINERS} of ${CONTAINERS} images`).waitFor({ timeout: 60_000 });
      const listed = performance.now() - asked;
      const before = await residentMb(service.pid);
      for (let host = 0; host < 100; host += 1) await recordRun(`host-${host}`, `later${host}`);
      await scene.record({ kind: "did", container: "x", step: "the last step", ms: 1 });
      await again.getByText("the last step").waitFor({ timeout: 120_000 });
      const grown = (await residentMb(service.pid)) - before;
      const load = loadavg()[0]?.toFixed(1) ?? "";
      const rows: readonly (readonly [what: string, found: number, most: number, unit: string])[] = [
        ["the first view, with nothing in the browser's cache", first, 1500, "ms"],
        ["what is loaded for it, compressed", kb, 100, "KB"],
        ["a record of the journal is on the screen, 19 of 20 within", record, 300, "ms"],
        ["a verdict is on the screen, 19 of 20 within", verdict, 300, "ms"],
        [
          `the list of images, from ${HOSTS * CONTAINERS} ledgers that nobody has read yet`,
          listed,
          20_000,
          "ms",
        ],
        ["resident memory that 5,200 more records cost", grown, 60, "MB"],
      ];
      const table = [
        "| | found | at most |",
        "| --- | --: | --: |",
        ...rows.map(
          ([what, found, most, unit]) => `| ${what} | ${Math.round(found)} ${unit} | ${most} ${unit} |`,
        ),
      ].join("\n");
      console.log(table);
      await writeSection(
        "dashboard-speed",
        `${HOSTS} hosts with ${CONTAINERS} containers each, Chromium ${browser.version()} on the same machine, ${cpus().length} processors, load ${load}; the dashboard had ${before} MB:\n\n${table}`,
      );
      const tooMuch = rows.filter(([, found, most]) => found > most);
      assert.deepEqual(tooMuch, []);
    } finally {
      await browser.close();
    }
  });
});

const endOf = (container: string): RecordBody => ({
  ...{
    kind: "ended",
    container,
    end: "updated",
    because: "it has proved itself",
    image: `apps/${container}`,
  },
  ...{ from_version: "1.0", to_version: "1.1", downtime_ms: 700, ms: 9000 },
});

/** What the page has got over the network, as it came. */
async function countBytes(page: Page): Promise<() => number> {
  const session = await page.context().newCDPSession(page);
  let bytes = 0;
  session.on("Network.loadingFinished", ({ encodedDataLength }) => (bytes += encodedDataLength));
  await session.send("Network.enable");
  return () => bytes;
}

async function residentMb(pid: number): Promise<number> {
  const [, kb = "0"] = /^VmRSS:\s+(\d+)/m.exec(await readFile(`/proc/${pid}/status`, "utf8")) ?? [];
  return Math.round(Number(kb) / 1024);
}
