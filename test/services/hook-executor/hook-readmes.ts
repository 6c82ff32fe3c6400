// The README of each folder of scripts, from the tables of hooks and notices, and the examples that lie in it.
// `npm run docs` writes them, a test compares them.
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import {
  type EventName,
  type HookName,
  type NoticeName,
  hooks,
  isHookName,
  notices,
} from "../../../shared/contract/hooks.ts";

export const HOOKS = join(import.meta.dirname, "../../../../hooks");

export const examplesOf = (event: EventName): readonly string[] =>
  readdirSync(join(HOOKS, event))
    .filter((name) => name.endsWith(".example"))
    .sort();

export function readmeOf(event: EventName): string {
  const examples = examplesOf(event).map((name) => `- [${name}](${name}): ${purposeOf(event, name)}`);
  const page = isHookName(event) ? `hooks/${event}.md` : `hooks.md#${event}`;
  const paragraphs = [
    `# ${event}`,
    ...(isHookName(event) ? describeHook(event) : describeNotice(event)),
    ...(examples.length > 0 ? [`Examples:\n\n${examples.join("\n")}`] : []),
    `[${isHookName(event) ? "This hook" : "This notice"} in full](../../docs/${page}), [how to write a script](../README.md)`,
  ];
  return `${paragraphs.join("\n\n")}\n`;
}

const namesOf = (fields: object): string =>
  Object.keys(fields)
    .map((name) => `\`${name}\``)
    .join(", ");

function describeHook(hook: HookName): string[] {
  const { says, refusal, locals } = hooks[hook];
  return [
    says,
    `Scripts see ${namesOf(locals.shape)}.`,
    refusal === null
      ? "It cannot be refused: a `refuse` or `defer` is logged as a warning, and the work goes on."
      : `On \`refuse\` or \`defer\`: ${refusal}.`,
  ];
}

function describeNotice(notice: NoticeName): string[] {
  const { says, data } = notices[notice];
  const reserved =
    "from" in data.shape ? ' (`from` is a word of Python\'s own: `event["data"]["from"]`)' : "";
  return [
    says,
    `Scripts see ${namesOf(data.shape)}${reserved}.`,
    "Nobody waits for them: what they answer decides nothing, and a failure is a warning in the log.",
  ];
}

/** The first sentence of its head comment. */
function purposeOf(event: EventName, name: string): string {
  const text = readFileSync(join(HOOKS, event, name), "utf8").replace(/^#!.*\n/, "");
  const comment = (/^(?:(?:#|\/\/) .*\n)+/.exec(text)?.[0] ?? "").replaceAll(/^(?:#|\/\/) /gm, "");
  const [sentence = ""] = comment.replaceAll("\n", " ").split(/(?<=\.) /);
  return sentence.trim();
}
