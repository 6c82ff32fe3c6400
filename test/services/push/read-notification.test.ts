import assert from "node:assert/strict";
import fc from "fast-check";
import { describe, it } from "mocha";
import { readNotification, senders } from "../../../services/push/read-notification.ts";
import { HintBody, PushedImage, isAbout, nameOf } from "../../../shared/contract/pushed-image.ts";
import { parseImageRef } from "../../../shared/registry/image-ref.ts";
import { examples } from "./notifications.ts";

describe("a notification of a registry", () => {
  for (const { sentence, sender, body, images } of examples)
    it(`of ${sender}, ${sentence}, is read`, () => {
      const read = readNotification(body);
      assert.equal(read?.sender, sender);
      assert.deepEqual(read.images.map(nameOf), images);
    });

  it("has an example of each sender, with and without a push", () => {
    for (const name of Object.keys(senders)) {
      const own = examples.filter(({ sender }) => sender === name);
      assert.ok(own.some(({ images }) => images.length > 0), name); // prettier-ignore
    }
  });

  it("is of one sender only", () => {
    for (const { sentence, sender, body } of examples) {
      const by = Object.entries(senders).filter(([, read]) => read(body) !== undefined);
      assert.deepEqual(by.map(([name]) => name), [sender], sentence); // prettier-ignore
    }
  });

  it("is none where it looks like nobody's", () => {
    for (const body of [
      null,
      1,
      "push",
      [],
      {},
      { events: 1 },
      { action: "opened", issue: {} },
      { package: {} },
    ])
      assert.equal(readNotification(body), undefined, JSON.stringify(body));
  });

  it("names no more images than pollers are told of at a time", () => {
    const one = { action: "push", target: { repository: "a/b", tag: "t" } };
    const events = Array.from({ length: 5000 }, (_, n) => ({
      ...one,
      target: { repository: `a/b${n}`, tag: "t" },
    }));
    assert.equal(readNotification({ events })?.images.length, 200);
  });

  /** Anything, and examples in which something is anything. */
  const anything = fc.jsonValue({ maxDepth: 5 });
  const odd = fc
    .tuple(fc.constantFrom(...examples), fc.jsonValue({ maxDepth: 2 }), fc.nat())
    .map(([{ body }, value, at]) => replaceOne(body, value, at));

  it("leads to nothing but names of images, whatever it says", () => {
    fc.assert(
      fc.property(fc.oneof(anything, odd), (body) => {
        for (const image of readNotification(body)?.images ?? []) {
          assert.ok(PushedImage.strict().safeParse(image).success);
          const ref = parseImageRef(
            `${image.registry ?? "any.invalid"}/${image.repository}:${image.tag ?? "any"}`,
          );
          assert.ok(ref !== undefined);
          assert.ok(
            isAbout({ ...image, registry: image.registry }, { ...ref, registry: image.registry ?? "x" }),
          );
          assert.ok(HintBody.safeParse({ images: [image] }).success);
        }
      }),
      { numRuns: 500 },
    );
  });

  it("costs no time that grows out of bounds with a long name", () => {
    for (const text of [
      "a/".repeat(50_000),
      "a-".repeat(50_000),
      `${"a.".repeat(50_000)}/`,
      "a:".repeat(50_000),
    ]) {
      const begun = performance.now();
      for (const body of [
        { push_data: { tag: text }, repository: { repo_name: text } },
        { docker_url: text, updated_tags: [text] },
        { type: "PUSH_ARTIFACT", event_data: { resources: [{ tag: "1", resource_url: text }] } },
        {
          action: "published",
          package: { package_type: "container", name: text, package_version: { package_url: text } },
        },
      ])
        assert.ok((readNotification(body)?.images.length ?? 2) <= 1);
      assert.ok(performance.now() - begun < 500, text.slice(0, 4));
    }
  });
});

describe("a pushed image", () => {
  const ref = parseImageRef("ghcr.io/acme/shop/web:2-RC");
  assert.ok(ref !== undefined);
  const own: PushedImage = { registry: "ghcr.io", repository: "acme/shop/web", tag: "2-RC" };

  for (const [sentence, image, isFollowed] of [
    ["of the tag", own, true],
    ["of the tag in lower case, as Gitea writes it", { ...own, tag: "2-rc" }, true],
    ["of any tag", { ...own, tag: null }, true],
    ["of a registry whose name the sender does not know", { ...own, registry: null }, true],
    ["below a path", { registry: null, repository: "acme/shop", tag: null, below: true }, true],
    ["at a path", { ...own, tag: null, below: true }, true],
    ["of another tag", { ...own, tag: "3-rc" }, false],
    ["of another registry", { ...own, registry: "docker.io" }, false],
    ["of a repository with a longer name", { ...own, repository: "acme/shop/web2" }, false],
    [
      "below a path that only begins alike",
      { registry: null, repository: "acme/sho", tag: null, below: true },
      false,
    ],
    ["of a path, and not below it", { ...own, repository: "acme/shop" }, false],
  ] as const satisfies readonly (readonly [string, PushedImage, boolean])[])
    it(`${sentence} is ${isFollowed ? "" : "not "}what a container follows`, () => {
      assert.equal(isAbout(image, ref), isFollowed);
    });
});

/** The `at`th value in the document is another one. */
function replaceOne(body: unknown, value: unknown, at: number): unknown {
  const places: (readonly [holder: Record<string, unknown>, key: string])[] = [];
  const copy = structuredClone(body);
  const visit = (holder: unknown): void => {
    if (typeof holder !== "object" || holder === null) return;
    for (const [key, inner] of Object.entries(holder)) {
      places.push([holder as Record<string, unknown>, key]);
      visit(inner);
    }
  };
  visit(copy);
  const place = places[at % places.length];
  if (place !== undefined) place[0][place[1]] = value;
  return copy;
}
