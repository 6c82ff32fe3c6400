// `npm run demo`: a bed of its own, the story in it, and nothing left afterwards, also after Ctrl-C. `--json` prints
// JSON lines instead of words, and nothing else on standard output.
import { constants } from "node:os";
import { join } from "node:path";
import { Interrupted, withBed } from "../../test/bed/with-bed.ts";
import { teller } from "./teller.ts";

const args = process.argv.slice(2);
const began = Date.now();
const tell = teller(args.includes("--json"), began);
const story = ["node", "--enable-source-maps", join(import.meta.dirname, "story.js"), ...args];
try {
  if (process.getuid?.() === 0) tell({ event: "preparing" }); // withBed tells the others what it needs
  const code = await withBed({ hosts: ["28.5"] }, (bed) => bed.run(story, { DEMO_BEGAN: String(began) }));
  tell({ event: "over", ok: code === 0, seconds: (Date.now() - began) / 1000 });
  process.exitCode = code;
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exitCode = error instanceof Interrupted ? 128 + constants.signals[error.signal] : 1;
}
