// The demo for people: one line for each thing that happens, and a table at the end.
import { styleText } from "node:util";
import type { Happening, Outcome } from "./happenings.ts";

type TimeLineColour = "bold" | "dim" | "green" | "red" | "yellow" | "cyan";

const GOOD = { mark: "✔", colour: "green" } as const;
const BAD = { mark: "✘", colour: "red" } as const;
const LATER = { mark: "◷", colour: "yellow" } as const;
const MARKS = { proceed: GOOD, refuse: BAD, defer: LATER } as const;

/** The words for what happened `at` seconds after the beginning, with a line feed; nothing for what only JSON tells. */
export function timeLine(coloured: boolean): (at: number, happening: Happening) => string {
  const paint = (colour: TimeLineColour, text: string): string =>
    coloured ? styleText(colour, text, { validateStream: false }) : text;
  return (at, happening) => {
    const words = wordsFor(happening, paint);
    if (words === undefined) return "";
    if (typeof words === "string") return `${words}\n`;
    const { kind, container = "", text } = words;
    return `${paint("dim", at.toFixed(2).padStart(7))}  ${kind.padEnd(7)} ${paint("bold", container.padEnd(7))} ${text}\n`;
  };
}

type Paint = (colour: TimeLineColour, text: string) => string;
type Words =
  string | { readonly kind: string; readonly container?: string; readonly text: string } | undefined;

function wordsFor(it: Happening, paint: Paint): Words {
  switch (it.event) {
    case "preparing":
      return "A Docker host, a registry and a NATS server are started, all real, all only for this demo.\n";
    case "stage":
      return { kind: "host", text: `${it.host} with Docker Engine ${it.engine}` };
    case "process":
      return { kind: "process", text: `${it.name} (pid ${it.pid}) ${paint("dim", it.says)}` };
    case "deployed":
      return { kind: "deploy", container: it.container, text: `version ${it.version}; ${it.says}` };
    case "pushed":
      return `\n${paint("bold", `Version ${it.version} of ${listOf(it.containers)} is pushed`)}: ${it.says}.\n`;
    case "hook":
      return {
        kind: "hook",
        container: it.container ?? "",
        text: `${paint("cyan", it.hook)} asks ${listOf(it.asked)}`,
      };
    case "script":
      return { kind: "", text: paint("dim", `| ${it.script}: ${it.line}`) };
    case "verdict":
      return { kind: "", container: it.container ?? "", text: verdictWords(it, paint) };
    case "decided":
      return undefined;
    case "step":
      return { kind: "engine", container: it.container, text: stepWords(it, paint) };
    case "ended":
      return { kind: "end", container: it.container, text: paint(colourOf(it), endWords(it)) };
    case "summary":
      return `\n${tableOf(it.outcomes, paint)}\n\n  ${it.says}`;
    case "wrong":
      return `\n${paint("red", `Not what the story says: ${it.what}`)}`;
    case "over":
      return `\n${it.ok ? paint("green", "All went as it should") : paint("red", "Something went wrong")}, and everything is removed again: ${it.seconds.toFixed(0)} s.`;
  }
}

function verdictWords(it: Happening & { readonly event: "verdict" }, paint: Paint): string {
  const { mark, colour } = MARKS[it.verdict];
  const reason = it.reason === undefined ? "" : `: ${it.reason}`;
  return `${paint(colour, `${mark} ${it.participant} ${it.verdict}`)} after ${duration(it.ms)}${reason}`;
}

function stepWords({ step, ms, down_ms }: Happening & { readonly event: "step" }, paint: Paint): string {
  const down = down_ms === undefined ? "" : paint("yellow", `   down for ${duration(down_ms)}`);
  return `${step.padEnd(42)} ${(ms === undefined ? "" : duration(ms)).padStart(7)}${down}`.trimEnd();
}

function endWords({ from, to, end, downtime_ms: down, because }: Outcome): string {
  const now = end === "updated" ? `version ${to} instead of ${from}` : `version ${from}, not ${to}`;
  return `${end}: ${now}, ${down === undefined ? "never stopped" : `down for ${duration(down)}`}; ${because}`;
}

const colourOf = ({ end }: Outcome): TimeLineColour =>
  end === "updated" ? "green" : end === "refused" ? "yellow" : "red";

const HEADINGS = ["container", "from", "to", "end", "downtime", "because"];

function tableOf(outcomes: readonly Outcome[], paint: Paint): string {
  const rows = outcomes.map((it) => ({
    colour: colourOf(it),
    cells: [
      ...[it.container, it.from, it.to, it.end],
      it.downtime_ms === undefined ? "none" : duration(it.downtime_ms),
      it.because,
    ],
  }));
  const widths = HEADINGS.map((heading, column) =>
    Math.max(heading.length, ...rows.map(({ cells }) => cells[column]?.length ?? 0)),
  );
  const lineOf = (cells: readonly string[]): string =>
    `  ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("   ")}`.trimEnd();
  return [
    paint("bold", lineOf(HEADINGS)),
    ...rows.map(({ cells, colour }) => paint(colour, lineOf(cells))),
  ].join("\n");
}

const duration = (ms: number): string =>
  ms < 1000 ? `${Number(ms.toFixed(ms < 10 ? 1 : 0))} ms` : `${(ms / 1000).toFixed(1)} s`;

const listOf = (names: readonly string[]): string =>
  names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} and ${names.at(-1) ?? ""}`;
