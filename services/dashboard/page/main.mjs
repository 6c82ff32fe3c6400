// The frame of the page: who is signed in, the views, and whether what is shown is of now.
import { render } from "preact";
import { useEffect } from "preact/hooks";
import { signal } from "@preact/signals";
import { Containers } from "./containers.mjs";
import { clockTime } from "./format.mjs";
import { History } from "./history.mjs";
import { Hosts } from "./hosts.mjs";
import { Images } from "./images.mjs";
import { Now } from "./now.mjs";
import { Participants } from "./participants.mjs";
import { html } from "./parts.mjs";
import { RunView } from "./run.mjs";
import { SignIn } from "./sign-in.mjs";
import { connect, connection, data, learnWhoIAm, me, signOut, status } from "./store.mjs";
import { language, languageNames, setLanguage, t } from "./texts.mjs";

const ALWAYS = ["hosts", "pending", "runs", "lines"];
const views = {
  now: { show: Now, topics: ALWAYS },
  containers: { show: Containers, topics: [...ALWAYS, "containers"] },
  hosts: { show: Hosts, topics: ALWAYS },
  images: { show: Images, topics: ALWAYS },
  history: { show: History, topics: [...ALWAYS, "results"] },
  participants: { show: Participants, topics: [...ALWAYS, "participants"] },
  run: { show: RunView, topics: ALWAYS },
};
const inMenu = ["now", "containers", "images", "hosts", "history", "participants"];

/** `#/run/HOST/RUN` */
function readAddress() {
  const [name, ...more] = location.hash.replace(/^#\/?/, "").split("/").map(decoded);
  return { name: Object.hasOwn(views, name) || name === "sign-in" ? name : "now", more };
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // somebody's own text, no address of this page
  }
}

const address = signal(readAddress());
addEventListener("hashchange", () => {
  address.value = readAddress();
  document.getElementById("content")?.focus();
});

function Page() {
  const { name, more } = address.value;
  const isSignedIn = me.value?.role !== undefined;
  const view = views[name] ?? views.now;
  const run = name === "run" ? { host: more[0] ?? "", run: more[1] ?? "" } : undefined;
  useEffect(() => {
    if (isSignedIn) void connect(view.topics, run);
  }, [isSignedIn, name, more.join("/")]);
  const waiting = isSignedIn ? data.pending.value.size : 0;
  useEffect(() => {
    const title = run === undefined ? t(name in views ? name : "now") : t("openRun", run);
    document.title = `${waiting > 0 ? `(${waiting}) ` : ""}${title} · Ouroboros`;
  }, [name, more.join("/"), language.value, waiting]);
  if (me.value === undefined) return html`<p role="status">…</p>`;
  return html`<a
      class="skip"
      href="#content"
      onClick=${(click) => {
        click.preventDefault();
        document.getElementById("content").focus();
      }}
      >${t("skip")}</a
    >
    <header>
      <h1>Ouroboros</h1>
      ${
        isSignedIn &&
        html`<nav aria-label=${t("views")}>
          ${inMenu.map((one) => html`<a href=${`#/${one}`} aria-current=${one === name ? "page" : undefined}>${t(one)}</a>`)}
        </nav>`
      }
      <div class="who">
        <label>
          <span class="hidden">${t("language")}</span>
          <select value=${language.value} onChange=${({ target }) => setLanguage(target.value)}>
            ${Object.entries(languageNames).map(([one, says]) => html`<option value=${one} lang=${one}>${says}</option>`)}
          </select>
        </label>
        ${
          isSignedIn &&
          html`<span>${t("signedInAs", { name: me.value.name, role: t(me.value.role) })}</span>
            ${me.value.sign_in !== "forward-auth" && html`<button type="button" onClick=${() => signOut()}>${t("signOut")}</button>`}`
        }
      </div>
    </header>
    ${isSignedIn && html`<${Banner} />`}
    <main id="content" tabindex="-1">
      ${isSignedIn ? html`<${view.show} ...${run} />` : html`<${SignIn} failed=${name === "sign-in" ? more[0] : undefined} />`}
    </main>`;
}

/** Says so where what is shown is not of now, or not everything yet. */
function Banner() {
  const { state, since } = connection.value;
  const { history } = status.value;
  const text =
    state === "lost"
      ? t("lost", { time: clockTime(since, language.value) })
      : status.value.state === "loading"
        ? t("loading")
        : status.value.state === "away"
          ? t("away", { time: clockTime(status.value.since, language.value) })
          : "";
  const percent = history.of === 0 ? 100 : Math.floor((history.read / history.of) * 100);
  return html`<div role="status" class=${text === "" ? "hidden" : "banner"}>${text}</div>
    ${
      !history.done &&
      history.of > 0 &&
      html`<div class="banner quiet">
        <progress max="100" value=${percent} aria-label=${t("readingHistory", { percent })}></progress>
        ${t("readingHistory", { percent })}
      </div>`
    }`;
}

document.documentElement.lang = language.value;
render(html`<${Page} />`, document.getElementById("page"));
await learnWhoIAm().catch(() => {
  me.value = null; // signing in says why it fails
});
