/**
 * Tiny images, pushed straight to a registry over HTTP: no Engine, no build, no base image but /bin/busybox.
 * Follows the OCI image and distribution specifications, and Docker's schema 2 where asked.
 *
 *   REGISTRY=http://10.77.0.1:5000 node image.js NAME TAG [TAG...] [options]
 *     --platforms linux/amd64,linux/arm64/v8   an image index instead of one image
 *     --docker            Docker media types (default: OCI)
 *     --env K=V  --label K=V  --health CMD  --cmd SHELL  --user U  --expose 80/tcp
 *     --volume /data  --body TEXT (served on :8080; default "NAME:TAG")
 *     --repeat N          NAME-1 .. NAME-N, for a big catalogue
 *
 * NAME is the repository's path in the one registry: `app` is registry.lab:5000/app, `docker.io/library/app` is what
 * `docker pull app` gets, `ghcr.io/acme/app` is ghcr.io's.
 */
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { type Layer, layer, sha256 } from "./tar.ts";

/** What an image says about the containers made from it. Each part the image leaves out is left out. */
export interface ImageOptions {
  /** `os/architecture[/variant]`; any number of them makes an image index, none makes one linux/amd64 image. */
  readonly platforms?: readonly string[];
  /** Docker's media types instead of OCI's (podman keeps a health check only from these). */
  readonly docker?: boolean;
  readonly created?: string;
  /** `NAME=value`, after `PATH=/bin`. */
  readonly env?: readonly string[];
  readonly labels?: Readonly<Record<string, string>>;
  /** A shell command, or the words themselves; by default a web server on port 8080 that ends at once on SIGTERM. */
  readonly cmd?: string | readonly string[];
  readonly entrypoint?: readonly string[];
  readonly workdir?: string;
  readonly user?: string;
  readonly stopSignal?: string;
  /** `port/protocol`; by default 8080/tcp. */
  readonly expose?: readonly string[];
  readonly volumes?: readonly string[];
  /** A shell command, asked every second. */
  readonly health?: string;
  /** The whole health check as the Engine API spells it, times in nanoseconds; wins over `health`. */
  readonly healthcheck?: Readonly<Record<string, unknown>>;
  /** What the web server says; by default `repository:tag`. */
  readonly body?: string;
  /** More files, by their absolute path. */
  readonly files?: Readonly<Record<string, string>>;
  /** More layers, a file of these bytes each. */
  readonly layers?: readonly Buffer[];
  /** Put over the whole Config at last, in the image specification's spelling. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** Without `config`, which the image specification does not demand. */
  readonly bare?: boolean;
}

export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

/** What came of a push: the tag's own descriptor, and the id of its (first) image's configuration. */
export interface PushedImage extends Descriptor {
  readonly configDigest: string;
}

interface Blob {
  readonly data: Buffer;
  readonly digest: string;
}

const mediaTypes = {
  oci: {
    index: "application/vnd.oci.image.index.v1+json",
    manifest: "application/vnd.oci.image.manifest.v1+json",
    config: "application/vnd.oci.image.config.v1+json",
    layer: "application/vnd.oci.image.layer.v1.tar+gzip",
  },
  docker: {
    index: "application/vnd.docker.distribution.manifest.list.v2+json",
    manifest: "application/vnd.docker.distribution.manifest.v2+json",
    config: "application/vnd.docker.container.image.v1+json",
    layer: "application/vnd.docker.image.rootfs.diff.tar.gzip",
  },
};
const applets =
  "sh httpd wget sleep cat echo mkdir touch ls env kill ps test rm id hostname nc date true false tail".split(
    " ",
  );
const webServer = 'trap "exit 0" TERM INT; httpd -f -p 8080 -h /www & wait';

/** A registry to push to. */
export class Registry {
  readonly url: string;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #sent = new Map<string, Promise<void>>();
  #home: string | undefined;

  constructor(url: string, headers: Readonly<Record<string, string>> = {}) {
    this.url = url;
    this.#headers = headers;
  }

  async call(
    method: string,
    path: string | URL,
    body?: Buffer | string,
    headers: Record<string, string> = {},
  ): Promise<Response> {
    const response = await fetch(new URL(path, this.url), {
      method,
      body: typeof body === "object" ? new Uint8Array(body) : (body ?? null),
      headers: { ...this.#headers, ...headers },
    });
    if (!response.ok)
      throw new Error(`${method} ${String(path)}: ${response.status} ${await response.text()}`);
    await response.arrayBuffer();
    return response;
  }

  /** Sends a blob once for each repository: docker-registry loses one that is sent twice at the same time. */
  blob(repository: string, blob: Blob, shared = false): Promise<void> {
    const key = `${repository}@${blob.digest}`;
    const sent = this.#sent.get(key) ?? this.#send(repository, blob, shared);
    this.#sent.set(key, sent);
    return sent;
  }

  async manifest(
    repository: string,
    reference: string,
    body: string,
    mediaType: string,
  ): Promise<Descriptor> {
    await this.call("PUT", `/v2/${repository}/manifests/${reference}`, body, { "content-type": mediaType });
    return { mediaType, digest: sha256(body), size: Buffer.byteLength(body) };
  }

  /** Takes a manifest and its tags away. */
  async remove(repository: string, digest: string): Promise<void> {
    await this.call("DELETE", `/v2/${repository}/manifests/${digest}`);
  }

  /** A shared blob is mounted from the repository that had it first. */
  async #send(repository: string, { data, digest }: Blob, shared: boolean): Promise<void> {
    const home = shared && this.#home !== repository ? this.#home : undefined;
    const mount = home === undefined ? "" : `?mount=${digest}&from=${home}`;
    const begun = await this.call("POST", `/v2/${repository}/blobs/uploads/${mount}`);
    if (begun.status === 201) return;
    const target = new URL(begun.headers.get("location") ?? "", this.url);
    target.searchParams.set("digest", digest);
    await this.call("PUT", target, data, { "content-type": "application/octet-stream" });
    if (shared) this.#home ??= repository;
  }
}

/** Makes an image and pushes it as `repository:tag`. Pushed again it is another image, as its creation time differs. */
export async function pushImage(
  registry: Registry,
  repository: string,
  tag: string,
  options: ImageOptions = {},
): Promise<PushedImage> {
  const types = mediaTypes[options.docker === true ? "docker" : "oci"];
  const more = (options.layers ?? []).map((bytes, n) => layer([[`layer-${n}`, bytes]]));
  const layers = [busyboxLayer(), contentLayer(`${repository}:${tag}`, options), ...more];
  for (const one of layers) await registry.blob(repository, one, one === busyboxLayer());
  const push = async (platform: string, reference?: string) => {
    const config = Buffer.from(JSON.stringify(imageConfig(platform, layers, options)));
    const configDigest = sha256(config);
    await registry.blob(repository, { data: config, digest: configDigest });
    const body = JSON.stringify({
      schemaVersion: 2,
      mediaType: types.manifest,
      config: { mediaType: types.config, digest: configDigest, size: config.length },
      layers: layers.map(({ data, digest }) => ({ mediaType: types.layer, digest, size: data.length })),
    });
    return {
      ...(await registry.manifest(repository, reference ?? sha256(body), body, types.manifest)),
      configDigest,
    };
  };
  if (options.platforms === undefined) return push("linux/amd64", tag);
  const images: (PushedImage & { platform: Platform })[] = [];
  for (const one of options.platforms) images.push({ ...(await push(one)), platform: platformOf(one) });
  const manifests = images.map(({ mediaType, digest, size, platform }) => ({
    mediaType,
    digest,
    size,
    platform,
  }));
  const index = JSON.stringify({ schemaVersion: 2, mediaType: types.index, manifests });
  const configDigest = images[0]?.configDigest ?? "";
  return { ...(await registry.manifest(repository, tag, index, types.index)), configDigest };
}

interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
}
function platformOf(text: string): Platform {
  const [os = "linux", architecture = "amd64", variant] = text.split("/");
  return { os, architecture, ...(variant !== undefined && { variant }) };
}

const made: { busybox?: Layer } = {};
function busyboxLayer(): Layer {
  made.busybox ??= layer([
    ["bin/", "folder"],
    ["tmp/", "folder"],
    ["bin/busybox", readFileSync("/bin/busybox")],
    ...applets.map((applet) => [`bin/${applet}`, { link: "busybox" }] as const),
  ]);
  return made.busybox;
}

function contentLayer(name: string, { body = name, files = {} }: ImageOptions): Layer {
  const more = Object.entries(files).map(
    ([path, text]) => [path.replace(/^\//, ""), Buffer.from(text)] as const,
  );
  return layer([["www/", "folder"], ["www/index.html", Buffer.from(`${body}\n`)], ...more]);
}

function imageConfig(platform: string, layers: readonly Layer[], options: ImageOptions): object {
  return {
    created: options.created ?? new Date().toISOString(),
    ...platformOf(platform),
    ...(options.bare !== true && { config: { ...containerDefaults(options), ...options.config } }),
    rootfs: { type: "layers", diff_ids: layers.map(({ diffId }) => diffId) },
    history: layers.map((_, n) => ({ created_by: ["busybox", "www"][n] ?? `layer ${n}` })),
  };
}

function containerDefaults(options: ImageOptions): Record<string, unknown> {
  const { cmd = webServer, health } = options;
  const everySecond = { Test: ["CMD-SHELL", health], Interval: 1e9, Timeout: 10e9, Retries: 2 };
  const defaults = {
    Env: ["PATH=/bin", ...(options.env ?? [])],
    Cmd: typeof cmd === "string" ? ["sh", "-c", cmd] : cmd,
    Labels: options.labels ?? {},
    ExposedPorts: set(options.expose ?? ["8080/tcp"]),
    Entrypoint: options.entrypoint,
    WorkingDir: options.workdir,
    User: options.user,
    StopSignal: options.stopSignal,
    Volumes: options.volumes && set(options.volumes),
    Healthcheck: options.healthcheck ?? (health === undefined ? undefined : everySecond),
  };
  return Object.fromEntries(Object.entries(defaults).filter(([, value]) => value !== undefined));
}
const set = (names: readonly string[]) => Object.fromEntries(names.map((name) => [name, {}]));

async function main(): Promise<void> {
  const text = { type: "string" } as const;
  const many = { type: "string", multiple: true } as const;
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      ...{ platforms: text, health: text, cmd: text, user: text, body: text, repeat: text },
      ...{ env: many, label: many, expose: many, volume: many, docker: { type: "boolean" } as const },
    },
  });
  const { platforms, label = [], volume, repeat, ...rest } = values;
  const options: ImageOptions = {
    ...rest,
    labels: Object.fromEntries(
      label.map((pair) => [pair.replace(/=.*/s, ""), pair.replace(/^[^=]*=?/, "")] as const),
    ),
    ...(platforms !== undefined && { platforms: platforms.split(",") }),
    ...(volume !== undefined && { volumes: volume }),
  };
  const [name = "app", ...tags] = positionals;
  const names =
    repeat === undefined ? [name] : Array.from({ length: Number(repeat) }, (_, i) => `${name}-${i + 1}`);
  const jobs = names.flatMap((repository) => tags.map((tag) => ({ repository, tag })));
  const registry = new Registry(process.env["REGISTRY"] ?? "http://10.77.0.1:5000");
  const next = async () => {
    const job = jobs.shift();
    if (job === undefined) return;
    const { digest } = await pushImage(registry, job.repository, job.tag, options);
    console.log(`${job.repository}:${job.tag} ${digest}`);
  };
  await next(); // alone: the others mount its base layer
  const worker = async () => {
    while (jobs.length > 0) await next();
  };
  await Promise.all(Array.from({ length: 8 }, worker));
}

if (import.meta.filename === process.argv[1]) await main();
