/** Notifications made up after what each sender documents, and what they are read into. */
import type { SenderName } from "../../../services/push/read-notification.ts";

export interface Example {
  readonly sentence: string;
  readonly sender: SenderName;
  readonly body: object;
  /** Names of the images, `…` for all below. */
  readonly images: readonly string[];
}

const DIGEST = `sha256:${"5f".repeat(32)}`;

const event = (action: string, target: object) => ({
  id: "0cfa2a21-0b9c-4a5e-9a6b-2f6a2e6f0f11",
  timestamp: "2026-03-01T10:00:00.123Z",
  action,
  target: {
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    digest: DIGEST,
    size: 1234,
    length: 1234,
    url: `http://registry:5000/v2/apps/web/manifests/${DIGEST}`,
    ...target,
  },
  request: { id: "1", addr: "10.0.0.7:51234", host: "registry:5000", method: "PUT", useragent: "docker" },
  actor: { name: "ci" },
  source: { addr: "0f5a:5000", instanceID: "2" },
});

const githubPackage = (more: object = {}) => ({
  id: 7,
  name: "shop",
  namespace: "Acme",
  ecosystem: "CONTAINER",
  package_type: "CONTAINER",
  html_url: "https://github.com/Acme/shop/pkgs/container/shop",
  owner: { login: "Acme", id: 1, type: "Organization" },
  package_version: {
    id: 8,
    version: DIGEST,
    package_url: "ghcr.io/acme/shop:2.1",
    container_metadata: { tag: { name: "2.1", digest: DIGEST }, labels: {}, manifest: {} },
  },
  registry: {
    name: "GitHub CONTAINER registry",
    type: "CONTAINER",
    url: "https://CONTAINER.pkg.github.com/Acme",
  },
  ...more,
});

const giteaPackage = (more: object = {}) => ({
  action: "created",
  repository: null,
  package: {
    id: 11,
    owner: { id: 2, login: "Acme", email: "acme@git.example" },
    creator: { id: 3, login: "ci" },
    type: "container",
    name: "shop",
    version: "2.1",
    html_url: "https://git.example:3000/Acme/-/packages/container/shop/2.1",
    created_at: "2026-03-01T10:00:00Z",
    ...more,
  },
  sender: { id: 3, login: "ci" },
});

const harborData = (resources: readonly object[]) => ({
  resources,
  repository: {
    date_created: 1_772_000_000,
    name: "shop",
    namespace: "acme",
    repo_full_name: "acme/shop",
    repo_type: "private",
  },
});
const harborResource = { digest: DIGEST, tag: "2.1", resource_url: "harbor.example/acme/shop:2.1" };

const pipeline = (status: string) => ({
  object_kind: "pipeline",
  object_attributes: { id: 31, ref: "main", tag: false, status, duration: 63 },
  project: {
    id: 1,
    name: "Shop",
    web_url: "https://gitlab.example/acme/shop",
    path_with_namespace: "Acme/shop",
  },
  builds: [],
});

export const examples: readonly Example[] = [
  {
    sentence: "a push of a tag, of what belongs to it, and of something else in one envelope",
    sender: "distribution",
    body: {
      events: [
        event("push", { mediaType: "application/octet-stream", repository: "apps/web" }),
        event("push", { repository: "apps/web", tag: "2" }),
        event("push", { repository: "apps/web" }),
        event("pull", { repository: "apps/db", tag: "1" }),
        event("push", { repository: "apps/api", tag: "latest" }),
      ],
    },
    images: ["apps/web:2", "apps/api:latest"],
  },
  {
    sentence: "pulls alone",
    sender: "distribution",
    body: { events: [event("pull", { repository: "apps/db", tag: "1" })] },
    images: [],
  },
  {
    sentence: "a push",
    sender: "docker-hub",
    body: {
      callback_url: "https://registry.hub.docker.com/u/acme/shop/hook/21/",
      push_data: { pushed_at: 1_772_000_000, pusher: "ci", tag: "2.1" },
      repository: { name: "shop", namespace: "acme", repo_name: "acme/shop", status: "Active" },
    },
    images: ["docker.io/acme/shop:2.1"],
  },
  {
    sentence: "a push of an official image",
    sender: "docker-hub",
    body: { push_data: { tag: "latest" }, repository: { repo_name: "library/nginx" } },
    images: ["docker.io/library/nginx:latest"],
  },
  {
    sentence: "the event package",
    sender: "github",
    body: { action: "published", package: githubPackage(), sender: { login: "ci" } },
    images: ["ghcr.io/acme/shop:2.1"],
  },
  {
    sentence: "the event registry_package, without the address of the version",
    sender: "github",
    body: {
      action: "updated",
      registry_package: githubPackage({ package_version: { container_metadata: { tag: { name: "edge" } } } }),
    },
    images: ["ghcr.io/acme/shop:edge"],
  },
  {
    sentence: "a server of one's own",
    sender: "github",
    body: {
      action: "published",
      package: githubPackage({
        package_version: {
          package_url: "containers.ghe.example/acme/shop:3",
          container_metadata: { tag: { name: "3" } },
        },
      }),
    },
    images: ["containers.ghe.example/acme/shop:3"],
  },
  {
    sentence: "a version without a tag",
    sender: "github",
    body: {
      action: "published",
      package: githubPackage({
        package_version: {
          package_url: `ghcr.io/acme/shop@${DIGEST}`,
          container_metadata: { tag: { name: "", digest: "" } },
        },
      }),
    },
    images: [],
  },
  {
    sentence: "a package that is no image",
    sender: "github",
    body: { action: "published", package: githubPackage({ package_type: "npm" }) },
    images: [],
  },
  {
    sentence: "the ping to a new webhook",
    sender: "github",
    body: { zen: "Keep it logically awesome.", hook_id: 30, hook: { type: "Repository" } },
    images: [],
  },
  {
    sentence: "a new version",
    sender: "gitea",
    body: giteaPackage(),
    images: ["git.example:3000/acme/shop:2.1"],
  },
  {
    sentence: "a new version below a path, of a server below a path",
    sender: "gitea",
    body: giteaPackage({
      ...{ name: "shop/web", version: "rc1" },
      html_url: "https://example.org/git/Acme/-/packages/container/shop%2Fweb/rc1",
    }),
    images: ["example.org/acme/shop/web:rc1"],
  },
  {
    sentence: "a part of an image, by its digest",
    sender: "gitea",
    body: giteaPackage({ version: DIGEST }),
    images: [],
  },
  {
    sentence: "a package that is no image",
    sender: "gitea",
    body: giteaPackage({ type: "npm" }),
    images: [],
  },
  {
    sentence: "a removal",
    sender: "gitea",
    body: { ...giteaPackage(), action: "deleted" },
    images: [],
  },
  {
    sentence: "a pipeline that succeeded",
    sender: "gitlab",
    body: pipeline("success"),
    images: ["acme/shop/…"],
  },
  { sentence: "a pipeline that goes on", sender: "gitlab", body: pipeline("running"), images: [] },
  {
    sentence: "a push of code",
    sender: "gitlab",
    body: { object_kind: "push", ref: "refs/heads/main", project: { path_with_namespace: "acme/shop" } },
    images: [],
  },
  {
    sentence: "a push in the format Default",
    sender: "harbor",
    body: {
      type: "PUSH_ARTIFACT",
      occur_at: 1_772_000_000,
      operator: "ci",
      event_data: harborData([
        harborResource,
        { digest: DIGEST, tag: DIGEST, resource_url: `harbor.example/acme/shop@${DIGEST}` },
        { digest: DIGEST, tag: "" },
      ]),
    },
    images: ["harbor.example/acme/shop:2.1"],
  },
  {
    sentence: "a push in the format CloudEvents",
    sender: "harbor",
    body: {
      specversion: "1.0",
      id: "66bbad1b",
      source: "/projects/1/webhook/policies/15",
      type: "harbor.artifact.pushed",
      datacontenttype: "application/json",
      time: "2026-03-01T10:00:00Z",
      data: harborData([{ ...harborResource, resource_url: "harbor.example:8443/acme/shop:2.1" }]),
    },
    images: ["harbor.example:8443/acme/shop:2.1"],
  },
  {
    sentence: "a pull",
    sender: "harbor",
    body: { type: "PULL_ARTIFACT", operator: "ci", event_data: harborData([harborResource]) },
    images: [],
  },
  {
    sentence: "a push of two tags",
    sender: "quay",
    body: {
      name: "shop",
      repository: "acme/shop",
      namespace: "acme",
      docker_url: "quay.io/acme/shop",
      homepage: "https://quay.io/repository/acme/shop",
      updated_tags: ["latest", "2.1"],
    },
    images: ["quay.io/acme/shop:latest", "quay.io/acme/shop:2.1"],
  },
  {
    sentence: "a push as earlier versions tell it",
    sender: "quay",
    body: { docker_url: "quay.io/acme/shop", updated_tags: { latest: "b750fe79" }, visibility: "private" },
    images: ["quay.io/acme/shop:latest"],
  },
  {
    sentence: "a build that is queued",
    sender: "quay",
    body: { build_id: "296ec063", docker_url: "quay.io/acme/shop", docker_tags: ["latest"] },
    images: [],
  },
];
