// What scripts write: into our log line by line, and the end of it kept for the verdict's reason. Neither grows with
// a script that never stops writing.
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

// eslint-disable-next-line no-control-regex -- they are what is taken out
const CONTROL = /[\u0000-\u0008\u000B-\u001F\u007F]/g;
const readable = (text: string): string => stripVTControlCharacters(text).replace(CONTROL, "");

export interface Lines {
  readonly add: (chunk: Buffer) => void;
  /** Tells the line that was not ended, and how many were left out. */
  readonly end: () => void;
}

/** Calls `tell` for each line: the first 500, and of each the first 1,000 characters. */
export function splitLines(tell: (line: string) => void): Lines {
  const decoder = new StringDecoder("utf8");
  let begun = "";
  let told = 0;
  const tellLine = (line: string): void => {
    told += 1;
    if (told <= MAX_LINES) tell(readable(line).trimEnd());
  };
  return {
    add: (chunk) => {
      const [first = "", ...others] = decoder.write(chunk).split("\n");
      begun = (begun + first).slice(0, MAX_LINE);
      for (const next of others) {
        tellLine(begun);
        begun = next.slice(0, MAX_LINE);
      }
    },
    end: () => {
      if (begun !== "") tellLine(begun);
      if (told > MAX_LINES) tell(`… and ${told - MAX_LINES} lines more`);
      begun = "";
      told = 0;
    },
  };
}
