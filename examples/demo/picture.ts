// Draws what `npm run demo` tells as a picture for README, from its JSON lines:
//
//   npm run --silent demo -- --json | node dist/examples/demo/picture.js > docs/demo.svg
import { text } from "node:stream/consumers";
import type { Happening } from "./happenings.ts";
import { drawTerminal } from "./terminal-picture.ts";
import { timeLine } from "./time-line.ts";

type Recorded = Happening & { readonly at: number };

/** The picture begins here: with the refusal. The plain update before it is long. */
const FIRST_VERSION = "3";

const recorded = (await text(process.stdin))
  .split("\n")
  .filter((line) => line !== "")
  .map((line) => JSON.parse(line) as Recorded);
const over = recorded.at(-1);
if (over?.event !== "over" || !over.ok) throw new Error("this is no demo that went as it should");
const inWords = timeLine(true);
const from = recorded.findIndex((it) => it.event === "pushed" && it.version === FIRST_VERSION);
const words = recorded.slice(from).map(({ at, ...happening }) => inWords(at, happening));
process.stdout.write(drawTerminal(`$ npm run demo\n…\n${words.join("")}`));
