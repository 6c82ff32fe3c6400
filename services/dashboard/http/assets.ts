// The files of the page: its own, and the modules of the packages it uses, as they are in node_modules but for the names
// by which they import each other: a browser knows no packages. Read and compressed once, at the start.
import { createHash } from "node:crypto";
import { readFile, readdir } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

export interface Asset {
  readonly type: string;
  readonly body: Buffer<ArrayBuffer>;
  readonly gzipped: Buffer<ArrayBuffer>;
  readonly etag: string;
}

/** From the bundle as well as from the compiled file. */
const PAGE = join(import.meta.dirname, "../../dashboard/page");
const PAGE_OF_BUNDLE = join(import.meta.dirname, "../dashboard/page");

const packages: Readonly<Record<string, string>> = {
  preact: "preact.mjs",
  "preact/hooks": "hooks.mjs",
  "@preact/signals": "signals.mjs",
  "@preact/signals-core": "signals-core.mjs",
  htm: "htm.mjs",
};

const TYPES: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  css: "text/css; charset=utf-8",
  mjs: "text/javascript; charset=utf-8",
  svg: "image/svg+xml",
};

/** By path below the page's address; `index.html` is the page. @throws where a file cannot be read. */
export async function loadAssets(): Promise<ReadonlyMap<string, Asset>> {
  const folder = await readdir(PAGE).then(
    () => PAGE,
    () => PAGE_OF_BUNDLE,
  );
  const assets = new Map<string, Asset>();
  for (const name of await readdir(folder)) {
    const text = await readFile(join(folder, name), "utf8");
    assets.set(name === "index.html" ? name : `page/${name}`, assetOf(name, withPaths(text, "../packages/")));
  }
  for (const [specifier, name] of Object.entries(packages)) {
    const text = await readFile(moduleFile(specifier), "utf8");
    assets.set(`packages/${name}`, assetOf(name, withPaths(withoutMap(text), "./")));
  }
  return assets;
}

/** `from "preact"` becomes `from "../packages/preact.mjs"`. Pure. */
export const withPaths = (text: string, folder: string): string =>
  text.replace(/(\bfrom\s*)"([^"./][^"]*)"/g, (whole, from: string, specifier: string) => {
    const name = packages[specifier];
    return name === undefined ? whole : `${from}"${folder}${name}"`;
  });

/** A package has its module beside what `require` would load. */
const moduleFile = (specifier: string): string =>
  createRequire(import.meta.url)
    .resolve(specifier)
    .replace(/\.js$/, ".mjs");

const withoutMap = (text: string): string => text.replace(/^\/\/# sourceMappingURL=.*$/m, "");

function assetOf(name: string, text: string): Asset {
  const body = Buffer.from(text);
  const etag = `"${createHash("sha256").update(body).digest("base64url").slice(0, 22)}"`;
  const type = TYPES[name.split(".").at(-1) ?? ""] ?? "application/octet-stream";
  return { type, body, gzipped: gzipSync(body, { level: 9 }), etag };
}
