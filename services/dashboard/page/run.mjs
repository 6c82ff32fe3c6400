// The view of one run: its steps and hooks as a chart over time, with each wait and the downtime, and the same as a table.
import { clockTime, duration } from "./format.mjs";
import { End, html } from "./parts.mjs";
import { layOut } from "./run-chart.mjs";
import { now, records } from "./store.mjs";
import { language, t } from "./texts.mjs";

export function RunView({ host, run }) {
  if (records.value.length === 0)
    return html`<h2>${t("runTitle", { run, host })}</h2>
      <p>${t("noRun")}</p>`;
  const isOver = records.value.some(({ record }) => record.kind === "finished");
  const { from, to, lanes } = layOut(records.value, isOver ? 0 : now.value);
  return html`<section aria-labelledby="run">
    <h2 id="run">${t("runTitle", { run, host })}</h2>
    <${Chart} from=${from} to=${to} lanes=${lanes} />
    <ul class="legend" aria-hidden="true">
      ${["wait", "step", "down"].map((kind) => html`<li><span class=${`swatch ${kind}`}></span> ${kindText(kind)}</li>`)}
    </ul>
    ${lanes.map((lane) => html`<${Lane} key=${lane.container} lane=${lane} from=${from} />`)}
  </section>`;
}

const kindText = (kind) => t(kind === "down" ? "spanDown" : kind);
const LEFT = 160;
const WIDTH = 1000;
const ROW = 44;

function Chart({ from, to, lanes }) {
  const x = (time) => LEFT + ((time - from) / (to - from)) * (WIDTH - LEFT - 10);
  const ticks = [0, 0.25, 0.5, 0.75, 1].map((part) => from + part * (to - from));
  const height = lanes.length * ROW + 30;
  return html`<div class="scroll" tabindex="0" role="region" aria-label=${t("chart")}>
    <svg class="chart" viewBox=${`0 0 ${WIDTH} ${height}`} role="img" aria-label=${t("chart")}>
      ${ticks.map((time) => html`<g class="tick"><line x1=${x(time)} x2=${x(time)} y1="0" y2=${height - 22} /><text x=${x(time)} y=${height - 6} text-anchor="middle">+${duration(time - from)}</text></g>`)}
      ${lanes.map(
        ({ container, spans }, row) =>
          html`<g transform=${`translate(0 ${row * ROW})`}>
            <text x="4" y="24" class="lane">${short(container ?? t("wholeRun"))}</text>
            ${spans.map(
              ({ kind, label, detail, from: begin, to: end }) =>
                html`<rect
                  class=${kind}
                  x=${x(begin)}
                  y=${Y[kind]}
                  width=${Math.max(2, x(end) - x(begin))}
                  height=${H[kind]}
                  ><title>${label} ${detail} · ${duration(end - begin)}</title></rect
                >`,
            )}
          </g>`,
      )}
    </svg>
  </div>`;
}

const Y = { wait: 6, step: 18, down: 32 };
const H = { wait: 10, step: 12, down: 6 };
const short = (name) => (name.length > 22 ? `${name.slice(0, 21)}…` : name);

const Lane = ({ lane: { container, end, spans }, from }) =>
  html`<h3>${container ?? t("wholeRun")} ${end && html`<${End} end=${end} />`}</h3>
    ${
      spans.length > 0 &&
      html`<div class="scroll" tabindex="0" role="region" aria-label=${container ?? t("wholeRun")}>
        <table>
          <thead>
            <tr>
              <th scope="col">${t("what")}</th>
              <th scope="col">${t("began")}</th>
              <th scope="col">${t("took")}</th>
            </tr>
          </thead>
          <tbody>
            ${[...spans]
              .sort((a, b) => a.from - b.from)
              .map(
                (span) =>
                  html`<tr class=${span.kind}>
                    <th scope="row">
                      ${kindText(span.kind)}:
                      ${span.label}${span.detail && html` <small>${span.detail}</small>`}
                    </th>
                    <td title=${clockTime(span.from, language.value)}>+${duration(span.from - from)}</td>
                    <td>${duration(span.to - span.from)}${span.open ? `, ${t("stillOpen")}` : ""}</td>
                  </tr>`,
              )}
          </tbody>
        </table>
      </div>`
    }`;
