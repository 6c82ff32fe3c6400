// Where the demo's words go: standard output, for people or as JSON lines.
import type { Tell } from "./happenings.ts";
import { timeLine } from "./time-line.ts";

/** `began`: milliseconds since 1970. */
export function teller(json: boolean, began: number): Tell {
  const inWords = timeLine(process.stdout.isTTY && process.env["NO_COLOR"] === undefined);
  return (happening, time = Date.now()) => {
    const at = Math.round(time - began) / 1000;
    process.stdout.write(json ? `${JSON.stringify({ ...happening, at })}\n` : inWords(at, happening));
  };
}
