/** docs/hooks/<hook>.md: one page for each hook. */
import { readFileSync } from "node:fs";
import { extname, join } from "node:path";
import { EventContext, type HookName, hooks } from "../../shared/contract/hooks.ts";
import { subjects } from "../../shared/contract/subjects.ts";
import { HOOKS, examplesOf } from "../services/hook-executor/hook-readmes.ts";
import { block, code, fieldsOf, json, page } from "./markdown.ts";
import { exampleEvent, subjectOf } from "./example-event.ts";

const OVERVIEW = "../hooks.md";
const LANGUAGES: Readonly<Record<string, string>> = { ".py": "python", ".mjs": "js", ".sh": "sh" };

export function hookPage(name: HookName): string {
  const { says, fired, locals } = hooks[name];
  return page(
    name,
    `${says}${fired ? "" : " **Fired: not yet.**"}`,
    `## What an answer does\n\n${answers(name)}`,
    `## Data\n\nA script sees these as its variables, a participant finds them in \`data\`.\n\n${fieldsOf(locals.shape, OVERVIEW)}\n\nBeside them, as in every event:\n\n${fieldsOf(EventContext.shape, OVERVIEW)}`,
    ...scripts(name),
    `## An event\n\nOn ${code(subjectOf(name))}; all of this hook are heard on ${code(subjects.hooksOf(null, name))}.\nIts schema: [${name}.json](../schemas/${name}.json).\n\n${block("json", json(exampleEvent(name)))}`,
    `[All hooks](${OVERVIEW}), [the contract](../contract.md)`,
  );
}

function answers(name: HookName): string {
  const { refusal, phase } = hooks[name];
  const silence =
    phase === "after"
      ? "A participant that is out of time counts as `proceed`, with a warning."
      : "A participant that is out of time counts as it was added: `--on-timeout`, by default `defer`.";
  return refusal === null
    ? "`proceed` goes on. It cannot be refused: a `refuse` or `defer` is recorded as a warning, and the work goes on."
    : `\`proceed\` goes on. On \`refuse\` or \`defer\`: ${refusal}. What was refused is held until its image changes, what was\ndeferred until \`retry_after_s\` is over. ${silence}`;
}

/** The first of the folder's examples, as it is; the others by their names. */
function scripts(name: HookName): string[] {
  const folder = `hooks/${name}/`;
  const [first, ...others] = examplesOf(name);
  if (first === undefined) return [];
  const text = readFileSync(join(HOOKS, name, first), "utf8");
  const more = others.map((other) => `[${other}](../../${folder}${other})`).join(", ");
  return [
    `## A script\n\n${code(`${folder}${first}`)}; without \`.example\` at the end of its name it runs.${more === "" ? "" : ` More: ${more}.`}\n\n${block(LANGUAGES[extname(first.replace(/\.example$/, ""))] ?? "", text)}`,
  ];
}
