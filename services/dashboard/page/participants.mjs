// The view Participants: who is asked what, how fast they answer, who is silent.
import { useEffect, useState } from "preact/hooks";
import { duration } from "./format.mjs";
import { Ago, SortedTable, Word, html } from "./parts.mjs";
import { ask, data, status } from "./store.mjs";
import { t } from "./texts.mjs";

const NO_ANSWERS = {
  proceed: 0,
  refuse: 0,
  defer: 0,
  timed_out: 0,
  late: 0,
  median_ms: null,
  slowest_ms: null,
  last: null,
  last_silent: null,
};

export function Participants() {
  const [answers, setAnswers] = useState({});
  const decided = [...data.lines.value.values()].findLast(({ kind }) => kind === "decided")?.seq;
  useEffect(() => {
    ask("api/answers").then(setAnswers, () => undefined);
  }, [decided, status.value.history.done]);
  const waiting = countWaiting([...data.pending.value.values()]);
  const names = new Set([...data.participants.value.keys(), ...Object.keys(answers)]);
  const rows = [...names].map((name) => ({
    ...NO_ANSWERS,
    ...answers[name],
    ...data.participants.value.get(name),
    name,
    waits: waiting.get(name) ?? 0,
  }));
  return html`<section aria-labelledby="participants">
    <h2 id="participants">${t("participants")}</h2>
    ${data.participants.value.size === 0 && html`<p>${t("noParticipants")}</p>`}
    <${SortedTable}
      caption=${t("participants")}
      rows=${rows}
      by=${{ key: "name", down: false }}
      keyOf=${({ name }) => name}
      columns=${columns()}
    />
  </section>`;
}

/** How many events wait for the answer of whom. */
function countWaiting(pending) {
  const waiting = new Map();
  for (const { asked } of pending)
    for (const { name, said } of asked) if (!said) waiting.set(name, (waiting.get(name) ?? 0) + 1);
  return waiting;
}

/** It gave no answer in time when it was asked last, and none since. */
const isSilent = ({ last, last_silent: silent }) => silent !== null && (last === null || last < silent);

const columns = () => [
  {
    key: "name",
    label: t("who"),
    cell: ({ name, advisory, group }) =>
      html`<b>${name}</b
        >${advisory && html` <small>${t("advisory")}</small>`}${group && html` <small>${t("ofGroup", { group })}</small>`}`,
  },
  {
    key: "hooks",
    label: t("asked"),
    cell: ({ hooks, hosts, because }) =>
      because !== undefined
        ? html`<${Word} tone="bad">${t("unreadable", { because })}<//>`
        : html`${[hooks].flat().join(", ")} ${hosts && html`<small>(${[hosts].flat().join(", ")})</small>`}`,
  },
  {
    key: "timeout_ms",
    label: t("timeout"),
    cell: ({ timeout_ms: ms, on_timeout: then }) =>
      ms === undefined ? "" : `${duration(ms)}, ${t(`verdict_${then}`)}`,
  },
  { key: "proceed", label: t("answers"), cell: (one) => t("answersText", one) },
  {
    key: "median_ms",
    label: t("speed"),
    value: (one) => one.median_ms ?? -1,
    cell: (one) => `${duration(one.median_ms)}, ${duration(one.slowest_ms)}`,
  },
  {
    key: "timed_out",
    label: t("silence"),
    value: (one) => one.timed_out + (isSilent(one) ? 1e9 : 0),
    cell: silenceCell,
  },
  { key: "last", label: t("lastAnswer"), cell: ({ last }) => html`<${Ago} at=${last} />` },
];

function silenceCell(one) {
  const { timed_out: n, last_silent: since, waits } = one;
  return html`${isSilent(one) && html`<div><${Word} tone="bad">${t("silentNow")}<//> <${Ago} at=${since} /></div>`}
  ${n > 0 && html`<div>${t("silent", { n })}</div>`}
  ${waits > 0 && html`<div>${t("waitsFor", { n: waits })}</div>`}`;
}
