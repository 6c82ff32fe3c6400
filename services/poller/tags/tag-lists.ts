// The tags that registries list, remembered by repository. A registry's answer is a stranger's: its size is bounded, and
// what is no tag is left out. Distribution spec, "Listing Tags": pages, each of which names the next in its Link header.
import * as z from "zod";
import { reasonOf } from "../../../shared/catalogue/entry.ts";
import { registryErrors } from "../../../shared/catalogue/registry-errors.ts";
import type { Clock } from "../../../shared/clock.ts";
import { explain } from "../../../shared/errors.ts";
import { parseJson } from "../../../shared/contract/messages.ts";
import { isTag } from "../../../shared/registry/choose-tag.ts";
import type { ImageRef } from "../../../shared/registry/image-ref.ts";
import type { HttpResponse } from "../registry/http-exchange.ts";

export type TagList =
  | { readonly kind: "tags"; readonly tags: readonly string[] }
  | { readonly kind: "unknown"; readonly because: string };

/** Resolves with status 200, or 304 where the page still has this ETag. @throws NoDigest */
export type AskForPage = (query: string, etag: string | undefined) => Promise<HttpResponse>;

interface TagPage {
  readonly etag: string | undefined;
  readonly tags: readonly string[];
  /** The query of the next page. */
  readonly next: string | undefined;
}

interface KeptList {
  readonly tags: readonly string[];
  /** By query. */
  readonly pages: ReadonlyMap<string, TagPage>;
  /** On the monotonic clock. */
  readonly at: number;
}

/** Registries may return fewer for each page, or all at once. */
const FIRST_PAGE = "?n=1000";
const MAX_PAGES = 100;
const MAX_TAGS = 50_000;
const MAX_QUERY = 2048;
/** A list that no container has needed for so long is forgotten. */
const UNUSED_MS = 86_400_000;

export class TagLists {
  readonly #clock: Clock;
  /** By repository, with its registry. */
  readonly #kept = new Map<string, KeptList>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Asks anew where the list is older than `recentMs`. Never throws for a registry's failure. */
  async listOf({ name }: ImageRef, recentMs: number, ask: AskForPage): Promise<TagList> {
    const now = this.#clock.monotonic();
    for (const [other, { at }] of this.#kept) if (at + UNUSED_MS < now) this.#kept.delete(other);
    const kept = this.#kept.get(name);
    if (kept !== undefined && kept.at > now - recentMs) return { kind: "tags", tags: kept.tags };
    try {
      const pages = await readPages(ask, kept?.pages ?? new Map());
      const tags = [...pages.values()].flatMap((page) => page.tags);
      this.#kept.set(name, { tags, pages, at: now });
      return { kind: "tags", tags };
    } catch (error) {
      const because = reasonOf(registryErrors.tagsUnusable, { image: name, because: explain(error) });
      return { kind: "unknown", because };
    }
  }
}

/** @throws Error where they are too many, or no pages of tags: half a list could hide the tag to follow. */
async function readPages(
  ask: AskForPage,
  known: ReadonlyMap<string, TagPage>,
): Promise<ReadonlyMap<string, TagPage>> {
  const pages = new Map<string, TagPage>();
  let count = 0;
  for (let query: string | undefined = FIRST_PAGE; query !== undefined;) {
    if (pages.has(query)) throw new Error("its pages of tags lead in a circle");
    if (pages.size === MAX_PAGES) throw new Error(`it has more than ${MAX_PAGES} pages of tags`);
    const before = known.get(query);
    const response = await ask(query, before?.etag);
    const page = response.status === 304 && before !== undefined ? before : readPage(response);
    pages.set(query, page);
    count += page.tags.length;
    if (count > MAX_TAGS) throw new Error(`it has more than ${MAX_TAGS} tags`);
    query = page.next;
  }
  return pages;
}

const Page = z.object({ tags: z.array(z.unknown()).nullish() });

/** The size of its body is bounded already. */
function readPage({ headers, body }: HttpResponse): TagPage {
  const page = Page.safeParse(parseJson(body.toString())).data;
  if (page === undefined) throw new Error("it answered with something else than a list of tags");
  const { etag } = headers;
  return {
    etag: etag !== undefined && /^[\x21-\x7e]{1,200}$/.test(etag) ? etag : undefined,
    tags: (page.tags ?? []).filter((tag) => typeof tag === "string").filter(isTag),
    next: nextQuery([headers["link"] ?? []].flat().join(", ")),
  };
}

/** Of a link only the query counts, so that it leads to no other server and no other repository. */
function nextQuery(link: string): string | undefined {
  const [, target = ""] = /<([^<>\s]+)>\s*;[^,]*rel="?next\b/i.exec(link.slice(0, 4 * MAX_QUERY)) ?? [];
  const url = URL.canParse(target, "http://registry") ? new URL(target, "http://registry") : undefined;
  if (url === undefined || url.search.length < 2) return undefined;
  if (url.search.length > MAX_QUERY) throw new Error("it names a next page in too many characters");
  return url.search;
}
