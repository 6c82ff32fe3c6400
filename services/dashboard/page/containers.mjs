// The view Containers: all of them, over all hosts, with what is newer, why it is not updated, and what can be done.
import { useEffect, useState } from "preact/hooks";
import { dateTime } from "./format.mjs";
import {
  Ago,
  Dialog,
  End,
  HostFilter,
  Outcome,
  SortedTable,
  Word,
  html,
  runLink,
  useWork,
} from "./parts.mjs";
import { ask, data, mayCommand } from "./store.mjs";
import { language, t } from "./texts.mjs";

const FAILED = ["failed", "rolled_back", "stuck"];
const FILTERS = {
  all: () => true,
  newer: ({ newer }) => newer !== null,
  held: ({ held }) => held !== null,
  failed: ({ last }) => FAILED.includes(last?.end),
};

export function Containers() {
  const [search, setSearch] = useState("");
  const [host, setHost] = useState("");
  const [show, setShow] = useState("all");
  const [chosen, setChosen] = useState(null);
  const hosts = [...data.containers.value.keys()].sort();
  const all = hosts.flatMap((name) => data.containers.value.get(name).map((one) => ({ ...one, host: name })));
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  const found = all.filter(
    (one) =>
      (host === "" || one.host === host) &&
      FILTERS[show](one) &&
      words.every((word) =>
        `${one.name} ${one.host} ${one.image} ${one.runs ?? ""}`.toLowerCase().includes(word),
      ),
  );
  const current = chosen && all.find((one) => one.host === chosen.host && one.name === chosen.name);
  return html`<section aria-labelledby="containers">
    <h2 id="containers">${t("containers")}</h2>
    <form class="filters" onSubmit=${(submit) => submit.preventDefault()}>
      <label
        >${t("search")}
        <input type="search" value=${search} onInput=${({ target }) => setSearch(target.value)}
      /></label>
      <${HostFilter} hosts=${hosts} host=${host} choose=${setHost} />
      <label>
        ${t("show")}
        <select value=${show} onChange=${({ target }) => setShow(target.value)}>
          ${Object.keys(FILTERS).map((name) => html`<option value=${name}>${t(`show_${name}`)}</option>`)}
        </select>
      </label>
    </form>
    <p role="status">${t("shown", { shown: found.length, all: all.length })}</p>
    <${SortedTable}
      caption=${t("containers")}
      rows=${found}
      by=${{ key: "name", down: false }}
      keyOf=${(one) => `${one.host}/${one.name}`}
      columns=${columns(setChosen)}
    />
    ${current && html`<${Details} container=${current} onClose=${() => setChosen(null)} />`}
  </section>`;
}

const columns = (choose) => [
  {
    key: "name",
    label: t("container"),
    cell: (one) =>
      html`<button type="button" class="plain link" onClick=${() => choose(one)}>${one.name}</button>`,
  },
  { key: "host", label: t("host"), cell: ({ host }) => host },
  { key: "image", label: t("image"), cell: ({ image }) => image },
  { key: "runs", label: t("runs"), cell: ({ runs }) => runs ?? "" },
  {
    key: "state",
    label: t("state"),
    value: stateOf,
    cell: (one) => html`<${Word} tone=${TONES[stateOf(one)]}>${t(stateOf(one))}<//>`,
  },
  {
    key: "last",
    label: t("last"),
    value: ({ last }) => last?.at ?? "",
    cell: ({ last }) => last && html`<${End} end=${last.end} /> <${Ago} at=${last.at} />`,
  },
];
const TONES = { held: "warn", isNewer: "warn", current: "good" };
const stateOf = ({ held, newer }) => (held !== null ? "held" : newer !== null ? "isNewer" : "current");

function Details({ container: { host, name, image, runs, newer, held, last }, onClose }) {
  const [why, setWhy] = useState(null);
  const [sure, setSure] = useState(null);
  const work = useWork();
  useEffect(() => {
    ask(`api/explain?${new URLSearchParams({ host, container: name })}`).then(
      ({ because }) => setWhy(because ?? "–"),
      (error) => setWhy(error.message),
    );
  }, [host, name]);
  const what = { host, container: name };
  const request = (command) => {
    setSure(null);
    void work.run(async () => resultText(await ask(`api/${command}`, what)));
  };
  const check = () =>
    work.run(async () =>
      (await ask("api/check", what)).containers
        .map(({ state, because }) => t("result", { kind: state, because }))
        .join("; "),
    );
  const silence = (for_s) =>
    work.run(async () => {
      const { until } = await ask("api/snooze", { what: name, for_s });
      return for_s === 0 ? t("unsnoozed") : t("snoozed", { time: dateTime(until, language.value) });
    });
  const button = (label, act) =>
    html`<button type="button" disabled=${!mayCommand.value || work.busy} onClick=${act}>${label}</button>`;
  return html`<${Dialog} title=${t("onHost", { container: name, host })} onClose=${onClose}>
    <dl>
      <dt>${t("image")}</dt>
      <dd>${image}</dd>
      <dt>${t("runs")}</dt>
      <dd>${runs ?? "–"}</dd>
      <dt>${t("newer")}</dt>
      <dd>${newer ?? "–"}</dd>
      <dt>${t("why")}</dt>
      <dd>${why ?? t("asking")}</dd>
      ${
        held &&
        html`<dt>${t("held")}</dt>
          <dd>${heldText(held)}</dd>`
      }
      ${
        last &&
        html`<dt>${t("last")}</dt>
          <dd>
            <${End} end=${last.end} /> ${last.because} ·
            <a href=${runLink(host, last.run)} onClick=${onClose}>${t("openRun", { run: last.run })}</a>
          </dd>`
      }
    </dl>
    ${
      sure === null
        ? html`<p class="buttons">
            ${button(t("check"), check)} ${button(t("update"), () => setSure("update"))}
            ${button(t("rollback"), () => setSure("rollback"))} ${button(t("snooze"), () => silence(86_400))}
            ${button(t("unsnooze"), () => silence(0))}
          </p>`
        : html`<p>${t(sure === "update" ? "sureUpdate" : "sureRollback", what)}</p>
            <p class="buttons">
              <button type="button" class="refuse" onClick=${() => request(sure)}>
                ${t("confirm")}: ${t(sure)}
              </button>
              <button type="button" onClick=${() => setSure(null)}>${t("cancel")}</button>
            </p>`
    }
    ${!mayCommand.value && html`<p class="note">${t("notAllowed")}</p>`}
    ${
      work.busy &&
      html`<progress aria-label=${t("asking")}></progress>
        <p class="note">${t("takesLong")}</p>`
    }
    <${Outcome} ...${work} />
    <p class="buttons"><button type="button" onClick=${onClose}>${t("close")}</button></p>
  <//>`;
}

const heldText = ({ because, by, until }) =>
  t("heldBecause", {
    because,
    by,
    until: until === null ? t("untilTag") : t("untilTime", { time: dateTime(until, language.value) }),
  });

function resultText({ kind, run, because }) {
  if (kind === "begun") return t("begun", { run });
  return kind === "current" ? t("nothingNewer") : t("result", { kind, because });
}
