// The child process of a JavaScript hook script: `node run-module.js <file>`, with the event on standard input. The
// script's default function gets the event and `{ signal, log }`; its return value goes to the parent as a message.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import type { CloudEvent, Verdict } from "../../shared/contract/messages.ts";

type HookFunction = (
  event: CloudEvent,
  tools: { readonly signal: AbortSignal; readonly log: Console },
) => Verdict | undefined | Promise<Verdict | undefined>;

const stop = new AbortController();
process.on("SIGTERM", () => stop.abort());
process.on("disconnect", () => process.exit(1)); // the parent is gone, so no one reads the answer
process.channel?.unref(); // the channel alone must not keep a finished script alive

const [file = ""] = process.argv.slice(2);
const event = JSON.parse(readFileSync(0, "utf8")) as CloudEvent;
const module = (await import(pathToFileURL(file).href)) as { readonly default?: unknown };
if (typeof module.default !== "function")
  throw new TypeError(`${file} has no default export that is a function`);
const returned = await (module.default as HookFunction)(event, { signal: stop.signal, log: console });
process.send?.({ returned }, undefined, undefined, () => process.exit(process.exitCode ?? 0));
