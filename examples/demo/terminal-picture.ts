// Coloured text of a terminal as an SVG with a background of its own, so that it can be read on light and dark pages.
// Pure.

const COLUMNS = 118;
/** Where a line that is too long goes on: below the words of the time line. */
const INDENT = 26;
const CHARACTER = 7.8;
const LINE = 18;
const MARGIN = 18;

/** SGR codes of node:util's styleText, and the class of each. */
const CLASSES: Readonly<Record<string, string>> = {
  1: "bold",
  2: "dim",
  31: "red",
  32: "green",
  33: "yellow",
  36: "cyan",
};

interface PictureCell {
  readonly character: string;
  readonly style: string;
}

export function drawTerminal(output: string): string {
  const rows = output
    .trimEnd()
    .split("\n")
    .flatMap((line) => wrap(cellsOf(line)));
  const width = Math.ceil(COLUMNS * CHARACTER + 2 * MARGIN);
  const height = rows.length * LINE + 2 * MARGIN;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="The time line of npm run demo">
<style>
text { font: 13px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; fill: #e6edf3; white-space: pre }
.bold { font-weight: bold } .dim { fill: #9198a1 } .red { fill: #ff7b72 } .green { fill: #56d364 } .yellow { fill: #e3b341 } .cyan { fill: #76e3ea }
</style>
<rect width="100%" height="100%" rx="8" fill="#0d1117"/>
${rows.map(drawRow).join("\n")}
</svg>
`;
}

function drawRow(cells: readonly PictureCell[], row: number): string {
  const y = MARGIN + (row + 0.75) * LINE;
  return `<text x="${MARGIN}" y="${y}" xml:space="preserve">${spansOf(cells).join("")}</text>`;
}

/** Neighbours of one style in one element. */
function spansOf(cells: readonly PictureCell[]): string[] {
  const spans: { style: string; text: string }[] = [];
  for (const { character, style } of cells) {
    const last = spans.at(-1);
    if (last?.style === style) last.text += character;
    else spans.push({ style, text: character });
  }
  return spans.map(({ style, text }) =>
    style === "" ? escape(text) : `<tspan class="${style}">${escape(text)}</tspan>`,
  );
}

const escape = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

function cellsOf(line: string): PictureCell[] {
  let style = "";
  // eslint-disable-next-line no-control-regex
  return line.split(/\x1b\[(\d+)m/).flatMap((part, index) => {
    if (index % 2 === 0) return Array.from(part, (character) => ({ character, style }));
    style = CLASSES[part] ?? "";
    return [];
  });
}

/** At a blank where there is one. */
function wrap(cells: readonly PictureCell[]): PictureCell[][] {
  if (cells.length <= COLUMNS) return [[...cells]];
  const blank = cells.findLastIndex(({ character }, at) => character === " " && at <= COLUMNS);
  const end = blank > INDENT ? blank : COLUMNS;
  const rest = cells.slice(blank > INDENT ? end + 1 : end);
  const indent = Array.from({ length: INDENT }, () => ({ character: " ", style: "" }));
  return [cells.slice(0, end), ...wrap([...indent, ...rest])];
}
