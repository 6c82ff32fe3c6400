// How commands print for people: aligned tables, colour where it can be seen, times relative to now.
import type { Clock } from "../../shared/clock.ts";

export interface Output {
  readonly write: (text: string) => unknown;
  readonly isTTY?: boolean;
  /** How wide the terminal is. */
  readonly columns?: number;
}
/** Where a command runs. */
export interface Terminal {
  readonly env: NodeJS.ProcessEnv;
  readonly stdout: Output;
  readonly stderr: Output;
  readonly clock: Clock;
  /** Ends what a command does until it is told to stop. */
  readonly signal: AbortSignal;
}

export type Colour = "red" | "green" | "yellow" | "dim" | "bold";
export type Cell = string | { readonly text: string; readonly colour: Colour };

/** ECMA-48, select graphic rendition. */
const CODES: Readonly<Record<Colour, string>> = { bold: "1", dim: "2", red: "31", green: "32", yellow: "33" };

/** https://no-color.org: set and not empty means no colour. */
export const showsColour = ({ stdout, env }: Terminal): boolean =>
  stdout.isTTY === true && (env["NO_COLOR"] ?? "") === "" && env["TERM"] !== "dumb";

export const paint = (terminal: Terminal, text: string, colour: Colour): string =>
  showsColour(terminal) && text !== "" ? `\u001b[${CODES[colour]}m${text}\u001b[0m` : text;

/**
 * What others wrote, on one line and without anything that a terminal would obey: reasons come from participants,
 * names from anyone who may create a container.
 */
export const sanitize = (text: string): string =>
  text.replace(/\s*[\r\n]+\s*/g, " ").replace(/[\p{Cc}\p{Bidi_Control}]/gu, "\ufffd");

export function printTable(
  terminal: Terminal,
  headings: readonly string[],
  rows: readonly (readonly Cell[])[],
): void {
  const painted = headings.map((text): Cell => ({ text, colour: "bold" }));
  const lines = [painted, ...rows].map((cells) =>
    cells.map((cell) => {
      const { text, colour } = typeof cell === "string" ? { text: cell, colour: undefined } : cell;
      return { text: sanitize(text), colour };
    }),
  );
  const widths = headings.map((_, column) =>
    Math.max(...lines.map((line) => line[column]?.text.length ?? 0)),
  );
  const last = lastColumnWidth(terminal, widths);
  for (const line of lines) {
    const cells = line.map(({ text: whole, colour }, column) => {
      const text = column === line.length - 1 ? truncate(whole, last) : whole;
      const blanks = " ".repeat(column === line.length - 1 ? 0 : (widths[column] ?? 0) - text.length);
      return `${colour ? paint(terminal, text, colour) : text}${blanks}`;
    });
    terminal.stdout.write(`${cells.join("  ").trimEnd()}\n`);
  }
}

/** Reasons are cut to the width of a terminal; a file or a pipe gets them whole. */
function lastColumnWidth({ stdout: { isTTY, columns } }: Terminal, widths: readonly number[]): number {
  if (isTTY !== true || columns === undefined) return Number.POSITIVE_INFINITY;
  const before = widths.slice(0, -1).reduce((sum, width) => sum + width + 2, 0);
  return Math.max(columns - before, MIN_LAST_COLUMN);
}

const MIN_LAST_COLUMN = 20;

function truncate(text: string, room: number): string {
  const letters = Array.from(text);
  return letters.length <= room ? text : `${letters.slice(0, room - 1).join("")}…`;
}

/** What belongs to one thing, a line for each name; names without a value are left out. */
export function printFields(
  terminal: Terminal,
  fields: readonly (readonly [string, Cell | undefined])[],
): void {
  const there = fields.filter((field): field is [string, Cell] => field[1] !== undefined);
  const width = Math.max(...there.map(([name]) => name.length)) + 1;
  for (const [name, cell] of there) {
    const { text, colour } = typeof cell === "string" ? { text: cell, colour: undefined } : cell;
    const value = sanitize(text);
    terminal.stdout.write(
      `  ${`${name}:`.padEnd(width)}  ${colour ? paint(terminal, value, colour) : value}\n`,
    );
  }
}

/** Columns of a terminal as people have it at least. */
const WIDTH = 80;

/** Lines that fit beside `indent` columns; a word that is longer stays whole. No line for no text. */
export function wrapText(text: string, indent: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ").filter((one) => one !== "")) {
    const last = lines.at(-1);
    if (last === undefined || indent + last.length + 1 + word.length > WIDTH) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines;
}

export const printJson = ({ stdout }: Terminal, value: unknown): unknown =>
  stdout.write(`${JSON.stringify(value, undefined, 2)}\n`);
