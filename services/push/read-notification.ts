// Reads the body of a notification, whoever sent it: each sender is known by the shape of its own. Pure.
import type { PushedImage } from "../../shared/contract/pushed-image.ts";
import { readDistribution } from "./senders/distribution.ts";
import { readDockerHub } from "./senders/docker-hub.ts";
import { readGitea } from "./senders/gitea.ts";
import { readGithub } from "./senders/github.ts";
import { readGitlab } from "./senders/gitlab.ts";
import { readHarbor } from "./senders/harbor.ts";
import type { SenderReader } from "./senders/pushed.ts";
import { readQuay } from "./senders/quay.ts";

export const senders = {
  distribution: readDistribution,
  "docker-hub": readDockerHub,
  github: readGithub,
  gitea: readGitea,
  gitlab: readGitlab,
  harbor: readHarbor,
  quay: readQuay,
} as const satisfies Readonly<Record<string, SenderReader>>;

export type SenderName = keyof typeof senders;

export interface ReadNotification {
  readonly sender: SenderName;
  /** Empty where no tag was pushed, as when a sender tries the address. */
  readonly images: readonly PushedImage[];
}

/** A sender collects the pushes of a moment, no more. */
const MAX_IMAGES = 200;

/** Undefined where no sender is known that writes so. */
export function readNotification(body: unknown): ReadNotification | undefined {
  for (const [sender, read] of Object.entries(senders) as [SenderName, SenderReader][]) {
    const images = read(body);
    if (images !== undefined) return { sender, images: images.slice(0, MAX_IMAGES) };
  }
  return undefined;
}
