// Debian's Chromium, driven by playwright-core. The full run has it (bed.sh install chromium).
import { createRequire } from "node:module";
import { readFile } from "node:fs/promises";
import {
  type Browser as Chromium,
  type BrowserContext,
  type BrowserContextOptions,
  type Page,
  chromium,
} from "playwright-core";
import { type SceneRole, TOKENS } from "./scene.ts";

export const startChromium = (): Promise<Chromium> =>
  chromium.launch({
    executablePath: "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-dev-shm-usage"],
  });

export interface OpenPage {
  readonly page: Page;
  readonly context: BrowserContext;
  /** What the browser complained about: scripts, styles or connections that were forbidden, and errors. */
  readonly complaints: readonly string[];
}

interface PersonOptions {
  readonly role?: SceneRole;
  /** Of somebody else than the scene's people. */
  readonly token?: string;
  readonly locale?: string;
  readonly colorScheme?: "dark" | "light";
}

/** Signs in by the form. */
export async function openPage(
  browser: Chromium,
  url: string,
  { role = "viewer", token = TOKENS[role], ...options }: PersonOptions,
): Promise<OpenPage> {
  const opened = await openBare(browser, options);
  const { page } = opened;
  await page.goto(url);
  await page.locator("input[type=password]").fill(token);
  await page.keyboard.press("Enter");
  await page.locator("nav").waitFor();
  return opened;
}

/** A page of a browser that nobody has used; `complaints` are of everything it opens. */
export async function openBare(browser: Chromium, options: BrowserContextOptions = {}): Promise<OpenPage> {
  const context = await browser.newContext({ locale: "en-GB", ...options });
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("console", (message) => {
    if (message.type() === "error" && !/401|ERR_CONNECTION|ERR_INCOMPLETE|ERR_EMPTY/.test(message.text()))
      complaints.push(message.text());
  });
  return { page, context, complaints };
}

interface AxeViolation {
  readonly id: string;
  readonly impact: string | null;
  readonly nodes: readonly { readonly html: string }[];
}

/** What axe finds serious or critical, once colors that change have changed. */
export async function findBarriers(page: Page): Promise<string[]> {
  await page.evaluate("Promise.all(document.getAnimations().map(({ finished }) => finished))");
  const source = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
  const session = await page.context().newCDPSession(page);
  // As a debugger does it: the page's own policy allows no such script.
  await session.send("Runtime.evaluate", { expression: source });
  const { result } = await session.send("Runtime.evaluate", {
    expression: "axe.run().then(({ violations }) => JSON.stringify(violations))",
    awaitPromise: true,
  });
  const violations = JSON.parse(String(result.value)) as AxeViolation[];
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(" | ")}`);
}
