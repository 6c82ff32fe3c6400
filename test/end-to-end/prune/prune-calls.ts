// What `docker … prune` asks of the Engine, and what a prune must not leave of ours.
import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { KEPT_IMAGES } from "../../../services/updater/swap/rollback-resources.ts";
import { type Engine, engine } from "../../bed/bed.ts";
import type { Stack } from "../../support/stack.ts";

/** An image that a container's stop does not wait for. */
export const WAITS = { cmd: 'trap "exit 0" TERM; sleep 100000 & wait' };

export const containers = "/containers/prune";
export const untagged = "/images/prune";
export const unused = "/images/prune?filters=%7B%22dangling%22%3A%5B%22false%22%5D%7D";
export const volumes = "/volumes/prune?filters=%7B%22all%22%3A%5B%22true%22%5D%7D";
export const networks = "/networks/prune";

export async function runPrunes({ name, docker }: Engine, calls: readonly string[]): Promise<void> {
  for (const call of calls) {
    const [path = "", query = ""] = call.split("?filters=");
    const filters = JSON.parse(decodeURIComponent(query) || "{}") as Record<string, string[]>;
    if (path.startsWith("/containers")) await docker.pruneContainers();
    if (path.startsWith("/networks")) await docker.pruneNetworks();
    if (path.startsWith("/images")) await docker.pruneImages({ filters });
    if (path.startsWith("/volumes")) await docker.pruneVolumes(name === "h2" ? {} : { filters }); // 20.10 knows no other
  }
}

/** Lines of a script; it fails where the Engine refuses one of the calls. */
export const byCurl = (h: Engine, calls: readonly (readonly [method: string, path: string])[]): string =>
  calls
    .map(
      ([method, path]) =>
        `curl -sf -X ${method} --unix-socket ${h.socket} 'http://engine${path}' || exit 9\n`,
    )
    .join("");

export async function snapshotsOf({ folder }: Stack): Promise<string[]> {
  const files = await readdir(join(folder, "data/replaced"), { recursive: true });
  return files.filter((file) => file.endsWith(".json"));
}

export async function keptImages({ docker }: Engine): Promise<string[]> {
  const images = await docker.listImages();
  const tags = images.flatMap(({ RepoTags }) => RepoTags ?? []);
  return tags.filter((tag) => tag.includes(KEPT_IMAGES));
}

export async function nothingIsLeft(h: Engine, stack: Stack): Promise<void> {
  assert.deepEqual(await snapshotsOf(stack), []);
  assert.deepEqual(await keptImages(h), []);
}

/** In turn the cases are tried on Engine 28.5 and 20.10. The first share begins with 28.5; the second is the other half. */
export type Share = 0 | 1;

export interface Half<One> {
  readonly h: Engine;
  readonly title: string;
  readonly cases: readonly One[];
}

export const halves = <One>(cases: readonly One[], share: Share): Half<One>[] =>
  [1, 2].map((number, at) => ({
    h: engine(number),
    title: `on host ${number}`,
    cases: cases.filter((_, n) => (n + share) % 2 === at),
  }));
