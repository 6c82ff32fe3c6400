// The child process of a JavaScript hook script: `node run-module.js <file>`, the event on standard input. The
// script's default function gets the event and `{ signal, log }`; what it returns goes to the parent as a message.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import type { CloudEvent, Verdict } from "../../shared/contract/messages.ts";

type HookFunction = (
  event: CloudEvent,
  tools: { readonly signal: AbortSignal; readonly log: Console },
) => Verdict | undefined | Promise<Verdict | undefined>;

const stop = new AbortController();
process.on("SIGTERM", () => stop.abort());
process.on("disconnect", () => process.exit(1)); // nobody is there any more to be told
process.channel?.unref(); // a script that waits for nothing is over

const [file = ""] = process.argv.slice(2);
const event = JSON.parse(readFileSync(0, "utf8")) as CloudEvent;
const module = (await import(pathToFileURL(file).href)) as { readonly default?: unknown };
if (typeof module.default !== "function")
  throw new TypeError(`${file} has no default export that is a function`);
const returned = await (module.default as HookFunction)(event, { signal: stop.signal, log: console });
process.send?.({ returned }, undefined, undefined, () => process.exit(process.exitCode ?? 0));
