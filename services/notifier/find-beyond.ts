// Releases that are there and that no tag policy of their containers takes, such as a new major version. Pure.
import { iso } from "../../shared/clock.ts";
import type { HostEntry } from "../../shared/contract/host-entry.ts";
import { isTag } from "../../shared/registry/choose-tag.ts";
import { parseImageRef, withTag } from "../../shared/registry/image-ref.ts";
import { MAX_NAMES, type Trouble, cleanText } from "./notification.ts";

/** The memory has room for so many of them and all else. */
const MAX_BEYOND = 200;

/** One for each new line of releases, such as a major version, whichever hosts have containers of the image. */
export function findBeyond(hosts: ReadonlyMap<string, HostEntry>, now: number): Trouble[] {
  const found = new Map<string, Trouble & { readonly containers: string[] }>();
  for (const [host, { cycle }] of hosts)
    for (const { container, image, beyond } of cycle?.containers ?? []) {
      const ref = parseImageRef(image);
      if (ref === undefined || beyond === undefined || !isTag(beyond)) continue;
      const key = `beyond ${ref.name} ${releaseLine(ref.tag, beyond)}`;
      const { containers } = found.get(key) ?? { containers: [] };
      const more = containers.length < MAX_NAMES ? [`${cleanText(container)} (${cleanText(host)})`] : [];
      found.set(key, {
        ...{ key, kind: "beyond", poll: cycle?.looked_at ?? "", host, at: iso(now) },
        ...{ image: withTag(ref, beyond).familiar, containers: [...containers, ...more] },
      });
    }
  return [...found.values()].sort((a, b) => (a.key < b.key ? -1 : 1)).slice(0, MAX_BEYOND);
}

/** 2 for 2.1.3, which comes after 1.4.2; 1.6 for 1.6.0. */
function releaseLine(own: string, later: string): string {
  const [before, numbers] = [own, later].map((tag) => tag.match(/\d+/g) ?? []);
  const n = numbers?.findIndex((number, place) => number !== before?.[place]) ?? -1;
  return n < 0 ? later : (numbers?.slice(0, n + 1).join(".") ?? later);
}
