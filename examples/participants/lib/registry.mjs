/**
 * Reads manifests and blobs from registries, as OCI's distribution specification has it. Logs in as `docker login` has
 * it in config.json, where that holds the login itself (in DOCKER_CONFIG, by default ~/.docker), else anonymously.
 * PLAIN_HTTP lists the registries without TLS: `registry.lan:5000,…`.
 */
import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

const { DOCKER_CONFIG = join(homedir(), ".docker"), PLAIN_HTTP = "" } = process.env;
const MOST_BYTES = 1 << 20;
const HUB = "registry-1.docker.io";

/** `ghcr.io/acme/app@sha256:…` or `nginx@sha256:…` in its parts. */
export function readReference(reference) {
  const [name, digest] = reference.split("@");
  if (!/^sha256:[0-9a-f]{64}$/.test(digest)) throw new Error(`${reference} has no digest of sha256`);
  const [first, ...rest] = name.split("/");
  const isHost = rest.length > 0 && (/[.:]/.test(first) || first === "localhost");
  if (isHost && first !== "docker.io") return { host: first, repository: rest.join("/"), digest };
  const path = isHost ? rest.join("/") : name;
  return { host: HUB, repository: path.includes("/") ? path : `library/${path}`, digest };
}

/** The bytes at `/v2/REPOSITORY/PATH`; undefined where the registry has none. @throws where it gives no answer. */
export async function readRegistry({ host, repository }, path, accept) {
  const scheme = PLAIN_HTTP.split(",").includes(host) ? "http" : "https";
  const ask = (authorization) =>
    get(`${scheme}://${host}/v2/${repository}/${path}`, { accept, ...(authorization && { authorization }) });
  try {
    let response = await ask();
    if (response.status === 401) response = await ask(await authorize(host, response));
    if (response.status === 404) return undefined;
    if (!response.ok) throw new Error(`status ${response.status}`);
    return await bytesOf(response);
  } catch (error) {
    throw new Error(`${host}: ${error.cause?.message ?? error.message}`, { cause: error });
  }
}

const get = (url, headers) => fetch(url, { headers, signal: AbortSignal.timeout(10_000) });

async function authorize(host, response) {
  const challenge = response.headers.get("www-authenticate") ?? "";
  const login = loginAt(host);
  if (/^basic\b/i.test(challenge) && login) return login;
  const { realm, ...query } = Object.fromEntries(
    Array.from(challenge.matchAll(/(realm|service|scope)="([^"]*)"/g), ([, name, value]) => [name, value]),
  );
  if (!realm?.startsWith("https://")) throw new Error("it wants a login");
  const token = await get(`${realm}?${new URLSearchParams(query)}`, login ? { authorization: login } : {});
  if (!token.ok) throw new Error(`its login server says ${token.status}`);
  const { token: text, access_token } = await token.json();
  return `Bearer ${text ?? access_token}`;
}

function loginAt(host) {
  try {
    const { auths = {} } = JSON.parse(readFileSync(join(DOCKER_CONFIG, "config.json"), "utf8"));
    const { auth } = auths[host === HUB ? "https://index.docker.io/v1/" : host] ?? {};
    return auth && `Basic ${auth}`;
  } catch {
    return undefined; // anonymously
  }
}

async function bytesOf(response) {
  const chunks = [];
  let length = 0;
  for await (const chunk of response.body) {
    length += chunk.length;
    if (length > MOST_BYTES) throw new Error(`more than ${MOST_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
