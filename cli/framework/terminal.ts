// Prints for people: aligned tables, fields and wrapped text, with colour where the terminal shows it. What others
// wrote is made harmless first.
import type { Clock } from "../../shared/clock.ts";

export interface Output {
  readonly write: (text: string) => unknown;
  readonly isTTY?: boolean;
  /** Width of the terminal. */
  readonly columns?: number;
}
/** The environment of a command. */
export interface Terminal {
  readonly env: NodeJS.ProcessEnv;
  readonly stdout: Output;
  readonly stderr: Output;
  readonly clock: Clock;
  /** Aborts when the user stops the command. */
  readonly signal: AbortSignal;
}

export type Colour = "red" | "green" | "yellow" | "dim" | "bold";
export type Cell = string | { readonly text: string; readonly colour: Colour };

/** ECMA-48, select graphic rendition. */
const CODES: Readonly<Record<Colour, string>> = { bold: "1", dim: "2", red: "31", green: "32", yellow: "33" };

/** https://no-color.org: NO_COLOR, set and not empty, turns colour off. */
export const showsColour = ({ stdout, env }: Terminal): boolean =>
  stdout.isTTY === true && (env["NO_COLOR"] ?? "") === "" && env["TERM"] !== "dumb";

export const paint = (terminal: Terminal, text: string, colour: Colour): string =>
  showsColour(terminal) && text !== "" ? `\u001b[${CODES[colour]}m${text}\u001b[0m` : text;

/**
 * Puts text from others on one line and removes anything that a terminal would interpret. Reasons come from
 * participants, names from anyone who may create a container.
 */
export const sanitize = (text: string): string =>
  text.replace(/\s*[\r\n]+\s*/g, " ").replace(/[\p{Cc}\p{Bidi_Control}]/gu, "\ufffd");

export function printTable(
  terminal: Terminal,
  headings: readonly string[],
  rows: readonly (readonly Cell[])[],
): void {
  const headingCells = headings.map((text): Cell => ({ text, colour: "bold" }));
  const lines = [headingCells, ...rows].map((cells) =>
    cells.map((cell) => {
      const { text, colour } = typeof cell === "string" ? { text: cell, colour: undefined } : cell;
      return { text: sanitize(text), colour };
    }),
  );
  const widths = headings.map((_, column) =>
    Math.max(...lines.map((line) => line[column]?.text.length ?? 0)),
  );
  const lastWidth = lastColumnWidth(terminal, widths);
  for (const line of lines) {
    const cells = line.map(({ text: whole, colour }, column) => {
      const text = column === line.length - 1 ? truncate(whole, lastWidth) : whole;
      const blanks = " ".repeat(column === line.length - 1 ? 0 : (widths[column] ?? 0) - text.length);
      return `${colour ? paint(terminal, text, colour) : text}${blanks}`;
    });
    terminal.stdout.write(`${cells.join("  ").trimEnd()}\n`);
  }
}

/** Cuts the last column to the width of a terminal; a file or a pipe gets it in full. */
function lastColumnWidth({ stdout: { isTTY, columns } }: Terminal, widths: readonly number[]): number {
  if (isTTY !== true || columns === undefined) return Number.POSITIVE_INFINITY;
  const widthBefore = widths.slice(0, -1).reduce((sum, width) => sum + width + 2, 0);
  return Math.max(columns - widthBefore, MIN_LAST_COLUMN);
}

const MIN_LAST_COLUMN = 20;

function truncate(text: string, width: number): string {
  const letters = Array.from(text);
  return letters.length <= width ? text : `${letters.slice(0, width - 1).join("")}…`;
}

/** Prints one line per field, more where a terminal is too narrow; leaves out fields without a value. */
export function printFields(
  terminal: Terminal,
  fields: readonly (readonly [string, Cell | undefined])[],
): void {
  const present = fields.filter((field): field is [string, Cell] => field[1] !== undefined);
  const width = Math.max(...present.map(([name]) => name.length)) + 1;
  const { isTTY, columns = WIDTH } = terminal.stdout;
  for (const [name, cell] of present) {
    const { text, colour } = typeof cell === "string" ? { text: cell, colour: undefined } : cell;
    const value = sanitize(text);
    const indent = width + 4;
    const lines = isTTY === true ? wrapText(value, indent, columns) : [value];
    const painted = lines.map((line) => (colour ? paint(terminal, line, colour) : line));
    terminal.stdout.write(`  ${`${name}:`.padEnd(width)}  ${painted.join(`\n${" ".repeat(indent)}`)}\n`);
  }
}

/** Columns that every terminal can be expected to have. */
const WIDTH = 80;

/** Lines that fit beside `indent` columns. Never splits a word. Empty text gives no line. */
export function wrapText(text: string, indent: number, width = WIDTH): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ").filter((part) => part !== "")) {
    const last = lines.at(-1);
    if (last === undefined || indent + last.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines;
}

export const printJson = ({ stdout }: Terminal, value: unknown): unknown =>
  stdout.write(`${JSON.stringify(value, undefined, 2)}\n`);
