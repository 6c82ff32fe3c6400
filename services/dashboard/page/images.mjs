// The view Images: the ledger of digests: what each image's tag names, since when, who runs what, how updates ended.
import { useEffect, useState } from "preact/hooks";
import { Ago, Dialog, End, SortedTable, Word, html } from "./parts.mjs";
import { ask } from "./store.mjs";
import { t } from "./texts.mjs";

const ASK_AGAIN_MS = 30_000;
/** While the service still reads. */
const GO_ON_MS = 500;

export function Images() {
  const [{ images, read, of, refused }, setFound] = useState({ images: [], read: 0, of: 1, refused: "" });
  const [search, setSearch] = useState("");
  const [chosen, setChosen] = useState(null);
  useEffect(() => {
    let timer;
    let isGone = false;
    const look = async () => {
      const found = await ask("api/images").catch((error) => ({ refused: error.message }));
      if (isGone) return;
      setFound((before) => ({ ...before, refused: "", ...found }));
      timer = setTimeout(look, found.read < found.of ? GO_ON_MS : ASK_AGAIN_MS);
    };
    void look();
    return () => {
      isGone = true;
      clearTimeout(timer);
    };
  }, []);
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  const found = images.filter(({ image }) => words.every((word) => image.toLowerCase().includes(word)));
  return html`<section aria-labelledby="images">
    <h2 id="images">${t("images")} <span class="count">${images.length}</span></h2>
    <p>${t("imagesAre")}</p>
    <form class="filters" onSubmit=${(submit) => submit.preventDefault()}>
      <label
        >${t("search")}
        <input type="search" value=${search} onInput=${({ target }) => setSearch(target.value)}
      /></label>
    </form>
    ${refused !== "" && html`<p role="alert">${refused}</p>`}
    ${
      read < of &&
      html`<p>
        <progress max=${of} value=${read} aria-label=${t("readingImages")}></progress> ${t("readingImages")}
      </p>`
    }
    <p role="status">${t("imagesShown", { shown: found.length, all: images.length })}</p>
    <${SortedTable}
      caption=${t("images")}
      rows=${found}
      by=${{ key: "image", down: false }}
      keyOf=${({ image }) => image}
      columns=${columns(setChosen)}
    />
    ${chosen && html`<${History} image=${chosen} onClose=${() => setChosen(null)} />`}
  </section>`;
}

const columns = (choose) => [
  {
    key: "image",
    label: t("image"),
    cell: ({ image }) =>
      html`<button type="button" class="plain link" onClick=${() => choose(image)}>${image}</button>`,
  },
  {
    key: "on_tag",
    label: t("onTag"),
    value: (one) => one.on_tag?.since ?? "",
    cell: ({ on_tag: onTag }) =>
      onTag === null
        ? t("neverSeen")
        : html`<code>${onTag.digest}</code> <small>(<${Ago} at=${onTag.since} />)</small>`,
  },
  { key: "seen", label: t("seen"), value: (one) => one.on_tag?.seen ?? "", cell: seenCell },
  {
    key: "containers",
    label: t("runBy"),
    cell: ({ containers, hosts, behind }) =>
      html`${t("containersOn", { containers, hosts })}${
        behind > 0 && html` · <${Word} tone="warn">${t("behind", { n: behind })}<//>`
      }`,
  },
  { key: "digests", label: t("digests"), cell: ({ digests }) => digests },
  {
    key: "failed",
    label: t("updatesTo"),
    cell: ({ updated, failed }) =>
      html`${updated > 0 && html`${updated} <${End} end="updated" /> `}${
        failed > 0 && html`<${Word} tone="bad">${t("notWell", { n: failed })}<//>`
      }`,
  },
];

const seenCell = ({ on_tag: onTag }) => html`<${Ago} at=${onTag?.seen} />`;

/** As `ouroboros image` prints it. */
function History({ image, onClose }) {
  const [{ digests, refused }, setRead] = useState({ digests: undefined, refused: "" });
  useEffect(() => {
    ask(`api/image?${new URLSearchParams({ image })}`).then(
      (history) => setRead({ digests: history.digests, refused: "" }),
      (error) => setRead({ digests: [], refused: error.message }),
    );
  }, [image]);
  return html`<${Dialog} title=${image} onClose=${onClose}>
    ${refused !== "" && html`<p role="alert">${refused}</p>`}
    ${
      digests === undefined
        ? html`<progress aria-label=${t("readingImages")}></progress>`
        : html`<${SortedTable}
            caption=${t("digests")}
            rows=${digests}
            by=${{ key: "stays", down: true }}
            keyOf=${({ platform, digest }) => `${platform} ${digest}`}
            columns=${digestColumns()}
          />`
    }
    <p class="buttons"><button type="button" onClick=${onClose}>${t("close")}</button></p>
  <//>`;
}

const digestColumns = () => [
  { key: "digest", label: t("digest"), cell: ({ digest }) => html`<code>${short(digest)}</code>` },
  { key: "platform", label: t("platform"), cell: ({ platform }) => platform },
  {
    key: "stays",
    label: t("onTheTag"),
    value: ({ stays }) => stays.at(-1)?.to ?? "",
    cell: ({ stays }) =>
      stays.length === 0
        ? t("neverSeen")
        : stays.map(({ from, to }) => html`<div><${Ago} at=${from} /> – <${Ago} at=${to} /></div>`),
  },
  {
    key: "seen_by",
    label: t("seenBy"),
    value: ({ seen_by: by }) => by.length,
    cell: ({ seen_by: by }) => names(by),
  },
  {
    key: "containers",
    label: t("runBy"),
    cell: ({ containers, run_by: by }) => (containers === 0 ? "" : `${containers}: ${names(by)}`),
  },
  {
    key: "ends",
    label: t("updatesTo"),
    value: ({ ends }) => Object.keys(ends).length,
    cell: ({ ends }) =>
      Object.entries(ends).map(
        ([end, { times, hosts }]) =>
          html`<div>${times} <${End} end=${end} /> <small>${names(hosts)}</small></div>`,
      ),
  },
];

const MAX_NAMES = 5;
const names = (hosts) =>
  hosts.length > MAX_NAMES ? `${hosts.slice(0, MAX_NAMES).join(", ")} … (${hosts.length})` : hosts.join(", ");
const short = (digest) => digest.slice(0, digest.indexOf(":") + 13);
