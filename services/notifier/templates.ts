// The texts of messages, as Liquid templates: the first line is the title, the rest the body. A file of the same name in
// NOTIFY_TEMPLATES replaces one; an empty result sends nothing.
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { Liquid } from "liquidjs";
import { CannotStart, explain } from "../../shared/errors.ts";
import { messageOf } from "../../shared/catalogue/entry.ts";
import { observerErrors } from "../../shared/catalogue/start-errors.ts";
import type { Settings } from "../../shared/settings/settings.ts";

const BUILT_IN = join(import.meta.dirname, "../notifier/templates"); // also right from a bundle
const EXTENSION = ".liquid";
const FOLDERS = { en: "en", es_ES: "es" } as const;

export const templateNames = ["startup", "run", "alert", "digest", "test"] as const;
export type TemplateName = (typeof templateNames)[number];
const ALL_NAMES: readonly string[] = [...templateNames, "sentence"];

export interface Text {
  readonly title: string;
  readonly body: string;
}

export class Templates {
  readonly #engine: Liquid;
  readonly #builtIn: Liquid;

  private constructor(own: string, builtIn: string) {
    this.#builtIn = makeEngine([builtIn]);
    this.#engine = own === "" ? this.#builtIn : makeEngine([own, builtIn]);
  }

  /** @throws CannotStart where a file of NOTIFY_TEMPLATES cannot be used, or is called as none of ours. */
  static open({
    LANGUAGE,
    NOTIFY_TEMPLATES: own,
  }: Pick<Settings, "LANGUAGE" | "NOTIFY_TEMPLATES">): Templates {
    const templates = new Templates(own, join(BUILT_IN, FOLDERS[LANGUAGE === "es_ES" ? "es_ES" : "en"]));
    if (own !== "") checkNames(own);
    for (const name of ALL_NAMES) {
      try {
        templates.#engine.parseFileSync(name);
      } catch (error) {
        throw new CannotStart(
          messageOf(observerErrors.templateUnusable, {
            file: `${name}${EXTENSION}`,
            because: explain(error),
          }),
        );
      }
    }
    return templates;
  }

  /** Undefined where nothing comes of it. Where a template of NOTIFY_TEMPLATES fails, the built-in one is used. */
  async render(
    name: TemplateName,
    values: object,
    onFailure: (error: unknown) => void,
  ): Promise<Text | undefined> {
    const rendered: unknown = await this.#engine.renderFile(name, values).catch((error: unknown) => {
      onFailure(error);
      return this.#builtIn.renderFile(name, values);
    });
    const text = String(rendered).trim();
    if (text === "") return undefined;
    const [title = "", ...rest] = text.split(/\r?\n/);
    return { title: title.trim(), body: rest.join("\n").trim() };
  }
}

const makeEngine = (roots: string[]): Liquid =>
  new Liquid({
    ...{ root: roots, partials: roots, extname: EXTENSION, cache: true },
    ...{ strictFilters: true, ownPropertyOnly: true },
    ...{ parseLimit: 100_000, renderLimit: 2000, memoryLimit: 10_000_000 },
  });

function checkNames(folder: string): void {
  let found: string[];
  try {
    found = readdirSync(folder);
  } catch (error) {
    throw new CannotStart(messageOf(observerErrors.templateFolder, { because: explain(error) }));
  }
  const unknown = found.filter(
    (file) => file.endsWith(EXTENSION) && !ALL_NAMES.includes(file.slice(0, -EXTENSION.length)),
  );
  if (unknown.length > 0)
    throw new CannotStart(
      messageOf(observerErrors.templateUnknown, {
        files: unknown.join(", "),
        names: ALL_NAMES.map((name) => name + EXTENSION).join(", "),
      }),
    );
}
