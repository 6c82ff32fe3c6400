// What several views use.
import { h } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import htm from "htm";
import { dateTime, relative } from "./format.mjs";
import { now } from "./store.mjs";
import { language, t } from "./texts.mjs";

export const html = htm.bind(h);

/** A time as people say it, with the exact one for those who want it. */
export const Ago = ({ at }) =>
  at === null || at === undefined
    ? t("never")
    : Number.isNaN(new Date(at).getTime())
      ? "–"
      : html`<time datetime=${new Date(at).toISOString()} title=${dateTime(at, language.value)}>
          ${relative(at, now.value, language.value)}
        </time>`;

const TONES = {
  ...{ updated: "good", current: "good", proceed: "good", noted: "quiet", expired: "quiet" },
  ...{
    rolled_back_by_operator: "warn",
    refused: "warn",
    deferred: "warn",
    defer: "warn",
    refuse: "bad",
    rolled_back: "bad",
    failed: "bad",
    stuck: "bad",
  },
};

/** A short word with a colour that repeats what it says. */
export const Word = ({ children, tone }) => html`<span class="word ${tone ?? "quiet"}">${children}</span>`;
/** How an update ended. */
export const End = ({ end }) => html`<${Word} tone=${TONES[end]}>${t(`end_${end}`)}<//>`;
export const Verdict = ({ verdict }) => html`<${Word} tone=${TONES[verdict]}>${t(`verdict_${verdict}`)}<//>`;

export const hookTitle = ({ hook, container, host }) =>
  `${hook} · ${t("onHost", { container: container ?? t("wholeRun"), host })}`;

/** A dialog that Escape closes; the focus goes back to where it was. */
export function Dialog({ title, onClose, children }) {
  const dialog = useRef(null);
  useEffect(() => {
    const before = document.activeElement;
    dialog.current.showModal();
    return () => (before?.isConnected ? before : document.getElementById("content"))?.focus();
  }, []);
  return html`<dialog ref=${dialog} aria-labelledby="dialog-title" onClose=${onClose}>
    <h2 id="dialog-title">${title}</h2>
    ${children}
  </dialog>`;
}

/** A button that runs `work` once at a time, and says how it went. */
export function useWork() {
  const [state, setState] = useState({ busy: false, message: "", failed: false });
  const run = async (work) => {
    setState({ busy: true, message: "", failed: false });
    try {
      setState({ busy: false, message: (await work()) ?? "", failed: false });
      return true;
    } catch (error) {
      setState({ busy: false, message: error.message, failed: true });
      return false;
    }
  };
  return { ...state, run };
}

export const Outcome = ({ busy, message, failed }) =>
  html`<p class=${failed ? "outcome bad" : "outcome"} role=${failed ? "alert" : "status"}>
    ${busy ? "…" : message}
  </p>`;

/** Chooses one of the hosts, or all: "". */
export const HostFilter = ({ hosts, host, choose }) =>
  html`<label>
    ${t("host")}
    <select value=${host} onChange=${({ target }) => choose(target.value)}>
      <option value="">${t("allHosts")}</option>
      ${hosts.map((name) => html`<option value=${name}>${name}</option>`)}
    </select>
  </label>`;

/** A table that people may sort by its columns; `columns`: { key, label, value?, cell }. */
export function SortedTable({ caption, columns, rows, keyOf, by, limit = 100 }) {
  const [sort, setSort] = useState(by);
  const [shown, setShown] = useState(limit);
  const column = columns.find(({ key }) => key === sort.key) ?? columns[0];
  const valueOf = column.value ?? ((row) => row[column.key]);
  const sorted = [...rows].sort((a, b) => compare(valueOf(a), valueOf(b), sort.down));
  const press = (key) => setSort({ key, down: sort.key === key ? !sort.down : false });
  return html`<div class="scroll" tabindex="0" role="region" aria-label=${caption}>
      <table>
        <caption class="hidden">
          ${caption}
        </caption>
        <thead>
          <tr>
            ${columns.map(
              ({ key, label }) =>
                html`<th
                  scope="col"
                  aria-sort=${sort.key === key ? (sort.down ? "descending" : "ascending") : "none"}
                >
                  <button type="button" class="plain" onClick=${() => press(key)}>
                    ${label}<span aria-hidden="true"
                      >${sort.key === key ? (sort.down ? " ▾" : " ▴") : ""}</span
                    >
                  </button>
                </th>`,
            )}
          </tr>
        </thead>
        <tbody>
          ${sorted.slice(0, shown).map(
            (row) =>
              html`<tr key=${keyOf(row)}>
                ${columns.map(({ key, cell }) => html`<td key=${key}>${cell(row)}</td>`)}
              </tr>`,
          )}
        </tbody>
      </table>
    </div>
    ${sorted.length > shown && html`<button type="button" onClick=${() => setShown(shown + limit)}>${t("more")}</button>`}`;
}

const collator = new Intl.Collator(undefined, { numeric: true });

function compare(a, b, down) {
  const order =
    typeof a === "number" && typeof b === "number"
      ? a - b
      : collator.compare(String(a ?? ""), String(b ?? ""));
  return down ? -order : order;
}

export const runLink = (host, run) => `#/run/${encodeURIComponent(host)}/${encodeURIComponent(run)}`;
