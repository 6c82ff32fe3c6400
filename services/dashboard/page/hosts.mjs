// The view Hosts: who is alive, versions, polls, registries.
import { useEffect, useState } from "preact/hooks";
import { Ago, SortedTable, Word, html } from "./parts.mjs";
import { ask, data } from "./store.mjs";
import { t } from "./texts.mjs";

const ASK_AGAIN_MS = 30_000;

export function Hosts() {
  const [life, setLife] = useState(new Map());
  useEffect(() => {
    const look = () =>
      ask("api/life").then(
        (found) => setLife(new Map(found.map((one) => [one.host, one]))),
        () => undefined, // the banner says that the page is cut off
      );
    void look();
    const timer = setInterval(look, ASK_AGAIN_MS);
    return () => clearInterval(timer);
  }, []);
  const rows = [...data.hosts.value.values()].map((host) => ({ ...host, life: life.get(host.host) }));
  return html`<section aria-labelledby="hosts">
    <h2 id="hosts">${t("hosts")} <span class="count">${rows.length}</span></h2>
    <${SortedTable}
      caption=${t("hosts")}
      rows=${rows}
      by=${{ key: "host", down: false }}
      keyOf=${({ host }) => host}
      columns=${columns()}
    />
  </section>`;
}

const columns = () => [
  { key: "host", label: t("host"), cell: ({ host }) => html`<b>${host}</b>` },
  {
    key: "life",
    label: t("alive"),
    value: ({ life }) => (life === undefined ? 1 : life.poller ? 2 : 0),
    cell: lifeCell,
  },
  { key: "ouroboros", label: t("versions"), cell: ({ ouroboros, api }) => `${ouroboros}, ${api}` },
  { key: "mode", label: t("mode"), cell: ({ mode }) => mode ?? "" },
  {
    key: "last_poll",
    label: t("polled"),
    cell: ({ last_poll: last, next_poll: next }) =>
      html`<${Ago} at=${last} />${next && html` <small>(${t("nextPoll")} <${Ago} at=${next} />)</small>`}`,
  },
  {
    key: "monitored",
    label: t("monitored"),
    cell: ({ monitored, newer, held, unanswered }) =>
      html`${monitored} · ${t("newer")}: ${newer} · ${t("held")}:
      ${held}${unanswered > 0 && html` · <${Word} tone="bad">${t("unanswered", { n: unanswered })}<//>`}`,
  },
  {
    key: "failures",
    label: t("registries"),
    value: ({ failures }) => failures.length,
    cell: ({ failures }) =>
      failures.length === 0
        ? t("none")
        : html`<ul>
            ${failures.map(({ because, containers }) => html`<li>${because} <small>${containers.join(", ")}</small></li>`)}
          </ul>`,
  },
  {
    key: "budgets",
    label: t("budget"),
    value: ({ budgets }) => Math.min(...Object.values(budgets ?? {}).map(({ remaining }) => remaining), 1e9),
    cell: ({ budgets }) =>
      Object.entries(budgets ?? {}).map(
        ([registry, { remaining, limit }]) =>
          html`<div>${registry}: ${remaining}${limit === null ? "" : ` / ${limit}`}</div>`,
      ),
  },
  {
    key: "labels",
    label: t("labels"),
    value: ({ labels }) => labels.join(" "),
    cell: ({ labels }) => labels.map((label) => html`<div>${label}</div>`),
  },
];

function lifeCell({ life }) {
  if (life === undefined) return t("unasked");
  return html`<${Word} tone=${life.poller ? "good" : "bad"}
      >${t(life.poller ? "pollerAnswers" : "pollerAway")}<//
    >
    <${Word} tone=${life.updater === "away" ? "bad" : "good"}>${t(`updater_${life.updater}`)}<//>
    ${life.trouble.map((because) => html`<div class="late">${because}</div>`)}`;
}
