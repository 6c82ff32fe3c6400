import assert from "node:assert/strict";
import { type ImageRef, apiHost, parseImageRef } from "../../../shared/registry/image-ref.ts";

const digest = `sha256:${"0123456789abcdef".repeat(4)}`;

describe("an image reference", () => {
  const cases: readonly [string, string, Partial<ImageRef> | undefined][] = [
    [
      "is Docker Hub's and latest by default",
      "nginx",
      { registry: "docker.io", repository: "library/nginx", tag: "latest", familiar: "nginx:latest" },
    ],
    ["keeps its tag", "nginx:1.27-alpine", { repository: "library/nginx", tag: "1.27-alpine" }],
    [
      "has a user's repository on Docker Hub",
      "acme/app:2",
      { registry: "docker.io", repository: "acme/app", name: "acme/app", familiar: "acme/app:2" },
    ],
    ["knows Docker Hub's long name", "docker.io/library/nginx", { familiar: "nginx:latest" }],
    ["knows Docker Hub's other name", "index.docker.io/acme/app", { familiar: "acme/app:latest" }],
    [
      "has a registry with dots",
      "ghcr.io/acme/tools/app:2",
      {
        registry: "ghcr.io",
        repository: "acme/tools/app",
        name: "ghcr.io/acme/tools/app",
        familiar: "ghcr.io/acme/tools/app:2",
      },
    ],
    [
      "has a registry with a port",
      "registry.lab:5000/app",
      { registry: "registry.lab:5000", repository: "app", familiar: "registry.lab:5000/app:latest" },
    ],
    ["has a registry with port, and a tag", "localhost:5000/app:1", { registry: "localhost:5000", tag: "1" }],
    ["takes localhost for a registry", "localhost/app", { registry: "localhost", repository: "app" }],
    ["takes a number behind a colon for a tag", "app:5000", { repository: "library/app", tag: "5000" }],
    ["tells its digest", `nginx:1@${digest}`, { tag: "1", digest, familiar: "nginx:1" }],
    ["tells its digest without a tag", `ghcr.io/acme/app@${digest}`, { tag: "latest", digest }],
    ["has separators in its path", "a/b_c/d__e/f-g--h.i", { repository: "a/b_c/d__e/f-g--h.i" }],
    ["is none for an image id", digest, undefined],
    ["is none for a bare image id", digest.slice("sha256:".length), undefined],
    ["is none for upper case in the path", "Nginx", undefined],
    ["is none for an empty text", "", undefined],
    ["is none for blanks", "my image", undefined],
    ["is none for a wrong digest", "nginx@sha256:xyz", undefined],
    ["is none for a slash at the end", "nginx/", undefined],
  ];
  for (const [sentence, text, expected] of cases)
    it(sentence, () => {
      const ref = parseImageRef(text);
      if (expected === undefined) assert.equal(ref, undefined);
      else assert.deepEqual({ ...ref, ...expected }, ref);
    });

  it("is refused at once, however long the text that is none", () => {
    const begun = performance.now();
    for (const text of ["a".repeat(4000), "a.".repeat(2000), "a:".repeat(2000), "a/".repeat(2000)])
      assert.equal(parseImageRef(`${text}!`), undefined);
    assert.ok(performance.now() - begun < 10_000);
  });

  it("leads to the registry's API, which is elsewhere for Docker Hub alone", () => {
    assert.equal(apiHost("docker.io"), "registry-1.docker.io");
    assert.equal(apiHost("registry.lab:5000"), "registry.lab:5000");
  });
});
