// Parses image references: "nginx" → docker.io / library/nginx : latest. A reference is parsed once, where it enters,
// and never split again.
// Grammar: OCI distribution spec, "Pulling manifests", and the Engine's reference package.

export interface ImageRef {
  /** As written: `docker.io`, `ghcr.io`, `registry.lab:5000`. */
  readonly registry: string;
  /** With `library/` for official images of Docker Hub. */
  readonly repository: string;
  readonly tag: string;
  readonly digest: string | undefined;
  /** How the Engine writes the repository: `nginx`, `ghcr.io/acme/app`. */
  readonly name: string;
  /** How the Engine writes it: `nginx:latest`, `ghcr.io/acme/app:2`; without the digest. */
  readonly familiar: string;
}

const HUB = new Set(["docker.io", "index.docker.io", "registry-1.docker.io"]);
const isRegistry = (part: string): boolean => part === "localhost" || /[.:]/.test(part);

/** Undefined where the text names no repository: an image id, or text that is not a reference. */
export function parseImageRef(text: string): ImageRef | undefined {
  const parts =
    /^(?<name>[a-z0-9](?:[a-zA-Z0-9._:/-]*?[a-zA-Z0-9])??)(?::(?<tag>\w[\w.-]{0,127}))?(?:@(?<digest>[a-z0-9]+:[a-f0-9]{32,}))?$/.exec(
      text,
    );
  const { name, tag = "latest", digest } = parts?.groups ?? {};
  if (name === undefined || /^[a-f0-9]{64}$/.test(name) || name === "sha256") return undefined;
  const [first = "", ...rest] = name.split("/");
  const hasRegistry = rest.length > 0 && isRegistry(first);
  const registry = hasRegistry ? first : "docker.io";
  const path = hasRegistry ? rest.join("/") : name;
  if (!/^[a-z0-9]+(?:(?:[._]|__|-+|\/)[a-z0-9]+)*$/.test(path)) return undefined;
  const onHub = HUB.has(registry);
  const repository = onHub && !path.includes("/") ? `library/${path}` : path;
  const familiarName = onHub ? repository.replace(/^library\//, "") : `${registry}/${path}`;
  return {
    registry: onHub ? "docker.io" : registry,
    repository,
    tag,
    digest,
    name: familiarName,
    familiar: `${familiarName}:${tag}`,
  };
}

export const withTag = (ref: ImageRef, tag: string): ImageRef => ({
  ...ref,
  tag,
  familiar: `${ref.name}:${tag}`,
});

/** The host of a registry's API; for Docker Hub it differs from the registry's name. */
export const apiHost = (registry: string): string =>
  registry === "docker.io" ? "registry-1.docker.io" : registry;
