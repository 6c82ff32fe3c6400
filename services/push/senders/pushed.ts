// What all senders' notifications are read into. Names are parsed as the image references of containers are, so that the two
// can be compared; what is no name leads to nothing. Pure.
import type { PushedImage } from "../../../shared/contract/pushed-image.ts";
import { parseImageRef } from "../../../shared/registry/image-ref.ts";

/** Undefined where the body is not this sender's; empty where it is, and no tag was pushed. */
export type SenderReader = (body: unknown) => readonly PushedImage[] | undefined;

const MAX_NAME_LENGTH = 255;
const TAG = /^\w[\w.-]{0,127}$/;

/** `name` without a tag, as the Engine or a registry writes it. What was pushed by its digest alone has no tag, and moves none. */
export function pushedTag(name: string, tag: string): readonly PushedImage[] {
  const ref = parseName(name);
  if (ref === undefined || !TAG.test(tag)) return [];
  return [{ registry: ref.registry, repository: ref.repository, tag }];
}

/** The sender does not say under which name its registry is known. */
export function pushedSomewhere(
  repository: string,
  { tag, below }: { readonly tag: string | null; readonly below?: true },
): readonly PushedImage[] {
  const ref = parseName(`any.invalid/${repository}`);
  if (ref === undefined || (tag !== null && !TAG.test(tag))) return [];
  return [{ registry: null, repository: ref.repository, tag, ...(below && { below }) }];
}

/** A name without tag and digest. Some senders write the owner as people do, in upper case. */
function parseName(name: string) {
  if (name.length > MAX_NAME_LENGTH) return undefined;
  const [first = "", ...path] = name.toLowerCase().split("/");
  if (path.at(-1)?.includes(":") ?? first.includes(":")) return undefined;
  return parseImageRef([first, ...path].join("/"));
}
