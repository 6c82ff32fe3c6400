// The view History: how updates ended, and how long containers were down, as charts and as a table.
import { useEffect, useState } from "preact/hooks";
import { dateTime, duration } from "./format.mjs";
import { ORDER, countByDay } from "./history-chart.mjs";
import { Ago, End, HostFilter, SortedTable, html, runLink } from "./parts.mjs";
import { ask, data, status } from "./store.mjs";
import { language, t } from "./texts.mjs";

export function History() {
  const [read, setRead] = useState({ ends: [], more: false });
  const [host, setHost] = useState("");
  const { done, since } = status.value.history;
  useEffect(() => {
    ask(`api/history?${new URLSearchParams({ host })}`).then(
      setRead,
      () => undefined, // the banner says that the page is cut off
    );
  }, [done, host]);
  const known = new Set(read.ends.map(({ seq }) => seq));
  const ends = [...[...data.results.value.values()].filter(({ seq }) => !known.has(seq)), ...read.ends]
    .filter((ended) => host === "" || ended.host === host)
    .sort((a, b) => b.seq - a.seq);
  const oldest = read.more ? read.ends.at(-1).at : since;
  return html`<section aria-labelledby="history">
    <h2 id="history">${t("history")}</h2>
    ${
      oldest &&
      html`<p>
        ${t(read.more ? "historyNewest" : "historySince", { n: ends.length, time: dateTime(oldest, language.value) })}
      </p>`
    }
    <form class="filters" onSubmit=${(submit) => submit.preventDefault()}>
      <${HostFilter} hosts=${[...data.hosts.value.keys()].sort()} host=${host} choose=${setHost} />
    </form>
    ${
      ends.length === 0
        ? html`<p>${t("noHistory")}</p>`
        : html`<${Days} ends=${ends} /><${Downtimes} ends=${ends} />
            <${SortedTable}
              caption=${t("history")}
              rows=${ends}
              by=${{ key: "at", down: true }}
              keyOf=${({ seq }) => seq}
              columns=${columns()}
            />`
    }
  </section>`;
}

const columns = () => [
  {
    key: "at",
    label: t("when"),
    cell: ({ at, host, run }) => html`<a href=${runLink(host, run)}><${Ago} at=${at} /></a>`,
  },
  { key: "host", label: t("host"), cell: ({ host }) => host },
  { key: "container", label: t("container"), cell: ({ container }) => container },
  { key: "end", label: t("end"), cell: ({ end }) => html`<${End} end=${end} />` },
  {
    key: "change",
    label: t("change"),
    value: ({ to }) => to,
    cell: ({ from, to }) => (from && to ? `${from} → ${to}` : ""),
  },
  {
    key: "downtime_ms",
    label: t("downtime"),
    value: (ended) => ended.downtime_ms ?? -1,
    cell: (ended) => duration(ended.downtime_ms),
  },
  { key: "because", label: t("because"), cell: ({ because }) => because },
];

const WIDTH = 1000;
const HEIGHT = 160;

/** A bar for each day: how many updates ended how. */
function Days({ ends }) {
  const shown = countByDay(ends);
  const most = Math.max(...shown.map(({ total }) => total));
  const width = Math.min(60, WIDTH / shown.length);
  return html`<h3>${t("perDay")}</h3>
    <svg class="chart" viewBox=${`0 0 ${WIDTH} ${HEIGHT + 18}`} role="img" aria-label=${t("perDay")}>
      ${shown.map(({ day, counts }, index) => {
        let y = HEIGHT;
        const text = ORDER.filter((end) => counts[end])
          .map((end) => `${counts[end]} ${t(`end_${end}`)}`)
          .join(", ");
        return html`<g transform=${`translate(${index * width} 0)`}>
          <title>${t("dayBar", { day, ends: text })}</title>
          ${ORDER.filter((end) => counts[end]).map((end) => {
            const height = (counts[end] / most) * (HEIGHT - 10);
            y -= height;
            return html`<rect class=${`end ${end}`} x="1" y=${y} width=${width - 2} height=${height} />`;
          })}
          ${index % Math.ceil(70 / width) === 0 && html`<text x="0" y=${HEIGHT + 14}>${day.slice(5)}</text>`}
        </g>`;
      })}
    </svg>`;
}

/** A dot for each update that stopped its container: the higher, the longer; each line is ten times the one below. */
function Downtimes({ ends }) {
  const dots = ends.filter((ended) => ended.downtime_ms > 0).slice(0, 1000);
  if (dots.length === 0) return null;
  const times = dots.map(({ at }) => Date.parse(at));
  const [from, to] = [Math.min(...times), Math.max(...times, Math.min(...times) + 1)];
  const x = (at) => 60 + ((Date.parse(at) - from) / (to - from)) * (WIDTH - 80);
  const y = (ms) => HEIGHT - (Math.log10(Math.min(Math.max(ms, 10), 1e6)) - 1) * (HEIGHT / 5.2);
  return html`<h3>${t("downtimes")}</h3>
    <svg class="chart" viewBox=${`0 0 ${WIDTH} ${HEIGHT + 8}`} role="img" aria-label=${t("downtimes")}>
      ${[100, 1000, 10_000, 100_000].map((ms) => html`<g class="tick"><line x1="60" x2=${WIDTH} y1=${y(ms)} y2=${y(ms)} /><text x="0" y=${y(ms) + 4}>${duration(ms)}</text></g>`)}
      ${dots.map((ended) => html`<circle class=${`end ${ended.end}`} r="4" cx=${x(ended.at)} cy=${y(ended.downtime_ms)}><title>${ended.container} · ${ended.host} · ${duration(ended.downtime_ms)} · ${dateTime(ended.at, language.value)}</title></circle>`)}
    </svg>`;
}
