// What scripts write: logged line by line, with the end of stderr kept for the verdict's reason. Both are bounded,
// even for a script that never stops writing.
import { StringDecoder } from "node:string_decoder";
import { stripVTControlCharacters } from "node:util";

/** How much of a script's stderr goes into the reason, in bytes. */
const TAIL_BYTES = 10 * 1024;
const MAX_LINE = 1000;
const MAX_LINES = 500;

export interface Tail {
  readonly add: (chunk: Buffer) => void;
  /** The last 10 KiB as text, without terminal control characters; bytes that are no UTF-8 are replaced. */
  readonly text: () => string;
  readonly clear: () => void;
}

export function keepTail(): Tail {
  let kept: Buffer = Buffer.alloc(0);
  return {
    add: (chunk) => {
      kept = Buffer.concat([kept.subarray(chunk.length - TAIL_BYTES), chunk]).subarray(-TAIL_BYTES);
    },
    text: () => readable(kept.toString("utf8")).trim(),
    clear: () => {
      kept = Buffer.alloc(0);
    },
  };
}

// eslint-disable-next-line no-control-regex -- control characters are what it removes
const CONTROL = /[\u0000-\u0008\u000B-\u001F\u007F]/g;
const readable = (text: string): string => stripVTControlCharacters(text).replace(CONTROL, "");

export interface Lines {
  readonly add: (chunk: Buffer) => void;
  /** Reports the unfinished last line, and how many lines were left out. */
  readonly end: () => void;
}

/** Calls `onLine` for each of the first 500 lines, cut to 1,000 characters. */
export function splitLines(onLine: (line: string) => void): Lines {
  const decoder = new StringDecoder("utf8");
  let partial = "";
  let count = 0;
  const addLine = (line: string): void => {
    count += 1;
    if (count <= MAX_LINES) onLine(readable(line).trimEnd());
  };
  return {
    add: (chunk) => {
      const [first = "", ...others] = decoder.write(chunk).split("\n");
      partial = (partial + first).slice(0, MAX_LINE);
      for (const next of others) {
        addLine(partial);
        partial = next.slice(0, MAX_LINE);
      }
    },
    end: () => {
      if (partial !== "") addLine(partial);
      if (count > MAX_LINES) onLine(`… and ${count - MAX_LINES} lines more`);
      partial = "";
      count = 0;
    },
  };
}
