// The README of each hook's folder, from the table of hooks and the examples that lie in it. A test compares them;
// `node dist/test/services/hook-executor/hook-readmes.js` writes them.
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type HookName, hookNames, hooks } from "../../../shared/contract/hooks.ts";

export const HOOKS = join(import.meta.dirname, "../../../../hooks");

export const examplesOf = (hook: HookName): readonly string[] =>
  readdirSync(join(HOOKS, hook))
    .filter((name) => name.endsWith(".example"))
    .sort();

export function readmeOf(hook: HookName): string {
  const { says, refusal, locals } = hooks[hook];
  const names = Object.keys(locals.shape).map((name) => `\`${name}\``);
  const examples = examplesOf(hook).map((name) => `- [${name}](${name}): ${purposeOf(hook, name)}`);
  const paragraphs = [
    `# ${hook}`,
    says,
    `Scripts see ${names.join(", ")}.`,
    refusal === null
      ? "It cannot be refused: a `refuse` or `defer` is logged as a warning, and the work goes on."
      : `On \`refuse\` or \`defer\`: ${refusal}.`,
    ...(examples.length > 0 ? [`Examples:\n\n${examples.join("\n")}`] : []),
    `[This hook in full](../../docs/hooks/${hook}.md), [how to write a script](../README.md)`,
  ];
  return `${paragraphs.join("\n\n")}\n`;
}

/** The first sentence of its head comment. */
function purposeOf(hook: HookName, name: string): string {
  const text = readFileSync(join(HOOKS, hook, name), "utf8").replace(/^#!.*\n/, "");
  const comment = (/^(?:(?:#|\/\/) .*\n)+/.exec(text)?.[0] ?? "").replaceAll(/^(?:#|\/\/) /gm, "");
  const [sentence = ""] = comment.replaceAll("\n", " ").split(/(?<=\.) /);
  return sentence.trim();
}

if (process.argv[1] === import.meta.filename)
  for (const hook of hookNames) writeFileSync(join(HOOKS, hook, "README.md"), readmeOf(hook));
