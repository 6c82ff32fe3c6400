// The view Now: what waits for an answer, what runs, and what happened, over all hosts.
import { useState } from "preact/hooks";
import { clockTime, duration } from "./format.mjs";
import { Ago, Dialog, Outcome, Verdict, hookTitle, html, runLink, useWork } from "./parts.mjs";
import { ask, data, mayDecide, now } from "./store.mjs";
import { language, t } from "./texts.mjs";

const keyOf = ({ host, event }) => `${host}/${event}`;

export function Now() {
  const [deciding, decide] = useState(null);
  const [sent, setSent] = useState(new Set());
  const pending = [...data.pending.value.values()].sort((a, b) => firstEnd(a) - firstEnd(b));
  const running = [...data.runs.value.values()].filter(({ finished }) => finished === undefined);
  const lines = [...data.lines.value.values()].sort((a, b) => b.seq - a.seq).slice(0, 100);
  return html`<section aria-labelledby="waiting">
      <h2 id="waiting">${t("waiting")} <span class="count">${pending.length}</span></h2>
      ${pending.length === 0 && html`<p>${t("nothingWaits")}</p>`}
      <div class="cards">
        ${pending.map(
          (event) =>
            html`<${Pending}
              key=${keyOf(event)}
              event=${event}
              isSent=${sent.has(keyOf(event))}
              decide=${decide}
            />`,
        )}
      </div>
      ${
        deciding !== null &&
        html`<${Decide}
          ...${deciding}
          onClose=${(isDone) => {
            decide(null);
            if (isDone) setSent(new Set([...sent, keyOf(deciding.event)]));
          }}
        />`
      }
    </section>
    <section aria-labelledby="running">
      <h2 id="running">${t("running")} <span class="count">${running.length}</span></h2>
      ${running.length === 0 && html`<p>${t("nothingRuns")}</p>`}
      <ul class="runs">
        ${running.map((run) => html`<${Run} key=${`${run.host}/${run.run}`} run=${run} />`)}
      </ul>
    </section>
    <section aria-labelledby="happened">
      <h2 id="happened">${t("happened")}</h2>
      ${lines.length === 0 && html`<p>${t("nothingHappened")}</p>`}
      <ol class="lines">
        ${lines.map((line) => html`<${Line} key=${line.seq} line=${line} />`)}
      </ol>
    </section>`;
}

const firstEnd = ({ asked, since }) =>
  Math.min(
    ...asked.filter(({ said }) => !said).map(({ until }) => Date.parse(until)),
    Date.parse(since) + 1e12,
  );

function Pending({ event, isSent, decide }) {
  const { asked, changes, only_proceed: onlyProceed } = event;
  const title = hookTitle(event);
  const button = (word, isPossible) =>
    html`<button
      type="button"
      class=${word}
      disabled=${!mayDecide.value || !isPossible}
      onClick=${() => decide({ event, verdict: word })}
    >
      ${t(word)}<span class="hidden"> · ${title}</span>
    </button>`;
  return html`<article class="card" aria-label=${title} data-event=${event.event}>
    <h3>${title}</h3>
    <p>
      <a href=${runLink(event.host, event.run)}>${t("openRun", { run: event.run })}</a> ·${" "}
      <${Ago} at=${event.since} />
    </p>
    <${Changes} changes=${changes} />
    <table>
      <thead>
        <tr>
          <th scope="col">${t("who")}</th>
          <th scope="col">${t("said")}</th>
          <th scope="col">${t("until")}</th>
        </tr>
      </thead>
      <tbody>
        ${asked.map((one) => html`<${Asked} key=${one.name} asked=${one} />`)}
      </tbody>
    </table>
    <p class="buttons">
      ${button("proceed", true)} ${button("refuse", !onlyProceed)} ${button("defer", !onlyProceed)}
    </p>
    ${onlyProceed && html`<p class="note">${t("onlyProceed")}</p>`}
    ${!mayDecide.value && html`<p class="note">${t("notAllowed")}</p>`}
    ${isSent && html`<p role="status">${t("sent")}</p>`}
  </article>`;
}

const Changes = ({ changes }) => {
  if (changes.length === 0) return null;
  const list = html`<ul class="changes">
    ${changes.map(({ container, image, from, to }) => html`<li key=${container}><b>${container}</b> ${image}: ${from} → ${to}</li>`)}
  </ul>`;
  return changes.length < 4
    ? list
    : html`<details>
        <summary>${t("planned", { n: changes.length })}</summary>
        ${list}
      </details>`;
};

function Asked({ asked: { name, said, until, at_most: atMost, on_timeout: onTimeout, advisory, group } }) {
  const isOver = Date.parse(until) < now.value;
  const mayReportProgress = isOver && Date.parse(atMost) > now.value;
  return html`<tr>
    <th scope="row">
      ${name}${advisory && html` <small>${t("advisory")}</small>`}${group && html` <small>${t("ofGroup", { group })}</small>`}
    </th>
    <td>${said ? html`<${Verdict} verdict=${said.verdict} /> ${said.reason}` : t("noAnswer")}</td>
    <td class=${isOver ? "late" : ""}>
      ${!said && html`${t(`verdict_${onTimeout}`)} <${Ago} at=${until} />`}
      ${!said && mayReportProgress && html` <small>(${t("atLatest")} <${Ago} at=${atMost} />)</small>`}
    </td>
  </tr>`;
}

const AFTER = { "": "anyTime", 3600: "hour", 86400: "day", 604800: "week" };

function Decide({ event, verdict, onClose }) {
  const [reason, setReason] = useState("");
  const [after, setAfter] = useState("");
  const work = useWork();
  const isGone = !data.pending.value.has(keyOf(event));
  const send = async (submit) => {
    submit.preventDefault();
    const retry = verdict === "defer" && after !== "" ? { retry_after_s: Number(after) } : {};
    if (
      await work.run(() =>
        ask("api/verdict", { host: event.host, event: event.event, verdict, reason, ...retry }).then(
          () => "",
        ),
      )
    )
      onClose(true);
  };
  return html`<${Dialog}
    title=${t("decideTitle", { verdict: t(verdict), what: hookTitle(event) })}
    onClose=${() => onClose(false)}
  >
    <form onSubmit=${send}>
      <label>
        ${verdict === "proceed" ? t("reason") : t("reasonNeeded")}
        <textarea
          rows="3"
          maxlength="10000"
          required=${verdict !== "proceed"}
          value=${reason}
          onInput=${({ target }) => setReason(target.value)}
          autofocus
        ></textarea>
      </label>
      ${
        verdict === "defer" &&
        html`<label>
          ${t("retryAfter")}
          <select value=${after} onChange=${({ target }) => setAfter(target.value)}>
            ${Object.entries(AFTER).map(([value, key]) => html`<option value=${value}>${t(key)}</option>`)}
          </select>
        </label>`
      }
      <${Outcome} ...${work} />
      ${isGone && !work.busy && html`<p role="alert">${t("noLonger")}</p>`}
      <p class="buttons">
        <button type="submit" class=${verdict} disabled=${work.busy || isGone}>
          ${t("send")}: ${t(verdict)}
        </button>
        <button type="button" onClick=${() => onClose(false)}>${t("cancel")}</button>
      </p>
    </form>
  <//>`;
}

function Run({ run }) {
  const done = run.stages.filter(({ doing }) => doing === "ended").length;
  const all = Math.max(run.containers.length, run.stages.length);
  const busy = run.stages.filter(({ doing }) => doing !== "ended").slice(0, 20);
  return html`<li>
    <a href=${runLink(run.host, run.run)}>${run.host} · ${t("openRun", { run: run.run })}</a> · ${run.mode}
    ·${" "} <${Ago} at=${run.begun} />${" "}
    <progress max=${all} value=${done} aria-label=${t("runProgress", { done, all })}></progress>${" "}
    ${t("runProgress", { done, all })}
    <ul>
      ${busy.map(({ container, doing, since }) => html`<li key=${container}><b>${container}</b> ${t(`stage_${doing}`)} · <${Ago} at=${since} /></li>`)}
    </ul>
  </li>`;
}

const Line = ({ line }) =>
  html`<li>
    <time datetime=${line.at}>${clockTime(line.at, language.value)}</time>
    <span class="where"
      ><a href=${runLink(line.host, line.run)}>${line.host}</a
      >${line.container && html` · <b>${line.container}</b>`}</span
    >
    <span class=${`what ${line.end ?? line.verdict ?? ""}`}>${wordsOf(line)}</span>
  </li>`;

/** The line in the reader's words. */
function wordsOf(line) {
  const change = line.from_version && line.to_version ? ` ${line.from_version} → ${line.to_version}` : "";
  return t(`line_${line.kind}`, {
    ...line,
    end: line.end ? t(`end_${line.end}`) : "",
    containers: (line.containers ?? []).join(", "),
    asked: (line.asked ?? []).join(", "),
    verdict: line.verdict ? t(`verdict_${line.verdict}`) : "",
    by: line.by ? t("by", { name: line.by }) : "",
    reason: line.reason ? `: ${line.reason}` : "",
    ms: duration(line.ms),
    down: line.downtime_ms === undefined ? "" : t("down", { ms: duration(line.downtime_ms) }),
    change,
  });
}
