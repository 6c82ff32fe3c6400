// What a registry's notification names, as the pollers are told of it by the command `hint`. It is only a hint: whoever
// hears it asks the registry itself. Pure.
import * as z from "zod";
import type { ImageRef } from "../registry/image-ref.ts";

/** How many images one command names. */
export const MAX_HINTED = 50;

export const PushedImage = z.object({
  registry: z
    .string()
    .max(255)
    .nullable()
    .describe("As image references name it; null where the sender does not know that name."),
  repository: z.string().min(1).max(255).describe("With `library/` for official images of Docker Hub."),
  tag: z.string().min(1).max(128).nullable().describe("Null stands for any."),
  below: z.boolean().optional().describe("Also all repositories whose path begins with this one."),
});
export type PushedImage = z.infer<typeof PushedImage>;

export const HintBody = z.object({ images: z.array(PushedImage).min(1).max(MAX_HINTED) });

/** Whether a container that follows `ref` may have to be updated. Gitea writes tags in lower case. */
export function isAbout(image: PushedImage, ref: ImageRef): boolean {
  const isRepository =
    ref.repository === image.repository ||
    (image.below === true && ref.repository.startsWith(`${image.repository}/`));
  return (
    isRepository &&
    (image.registry === null || image.registry === ref.registry) &&
    (image.tag === null || image.tag.toLowerCase() === ref.tag.toLowerCase())
  );
}

/** For people, and the same for the same image: `ghcr.io/acme/shop:2`, `acme/shop/…`. */
export const nameOf = ({ registry, repository, tag, below }: PushedImage): string =>
  [
    registry === null ? "" : `${registry}/`,
    `${repository}${below === true ? "/…" : ""}`,
    tag === null ? "" : `:${tag}`,
  ].join("");
