// A mirror lag: a tag for which a mirror of the Engine serves another digest than the registry has. Pure.
import * as z from "zod";
import { messageOf, reasonOf } from "../../shared/catalogue/entry.ts";
import { skipReasons } from "../../shared/catalogue/skip-reasons.ts";
import { shortDigest } from "../../shared/registry/image-change.ts";

export const MirrorLag = z.object({
  mirror: z.string().describe("Host and port of the mirror; all of them where only the Engine reaches them."),
  serves: z.string().describe("The digest that the mirror has by the tag."),
  upstream: z.string().describe("The digest that the registry itself had when it was asked last."),
  passed: z
    .array(z.string())
    .describe("Digests that the mirror has served meanwhile: none of them counts as newer than what runs."),
});
export type MirrorLag = z.infer<typeof MirrorLag>;

/** How many passed digests a lag keeps. */
const REMEMBERED = 8;

/** The lag after a new comparison; undefined where the mirror and the registry agree. */
export function updateLag(
  before: MirrorLag | undefined,
  seen: Omit<MirrorLag, "passed">,
): MirrorLag | undefined {
  if (seen.serves === seen.upstream) return undefined;
  if (before === undefined) return { ...seen, passed: [seen.serves] };
  const passed = before.serves === seen.serves ? before.passed : [...before.passed, before.serves];
  return { ...seen, passed: [...new Set(passed)].slice(-REMEMBERED) };
}

/**
 * Why a container with an image of these digests is left alone; undefined where the mirror serves a digest that it
 * has not served before during this lag.
 */
export function whyLagging(
  { mirror, serves, upstream, passed }: MirrorLag,
  digests: readonly string[],
  familiar: string,
): string | undefined {
  if (digests.includes(upstream)) return reasonOf(skipReasons.current);
  const values = { mirror, serves: shortDigest(serves), image: familiar, upstream: shortDigest(upstream) };
  if (digests.includes(serves)) return messageOf(skipReasons.mirrorBehind, values);
  if (!passed.includes(serves)) return undefined;
  return messageOf(skipReasons.mirrorDiffers, values);
}
