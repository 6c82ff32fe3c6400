/** Containers that are not touched, each for its own reason. */
import { type Case, type Member, host, singleContainer } from "../case.ts";

const left = (because: string, rest: Member = {}): Member => ({ ...rest, fate: { leftAlone: because } });

export const skippedCases = {
  stopped: singleContainer("a stopped container", { Env: ["A=1"] }, left("not running", { state: "exited" })),
  created: singleContainer(
    "a container that was never started",
    {},
    left("not running", { state: "created" }),
  ),
  paused: singleContainer("a paused container", {}, left("paused", { state: "paused" })),
  "auto-removed": singleContainer(
    "a container with --rm",
    host({ AutoRemove: true }),
    left("started with --rm: it would vanish when stopped"),
  ),
  "swarm-task": singleContainer(
    "a container of a swarm service",
    { Labels: { "com.docker.swarm.task.id": "abc" } },
    left("part of a swarm service"),
  ),
  "one-off": singleContainer(
    "a one-off container of compose",
    { Labels: { "com.docker.compose.oneoff": "True" } },
    left("a one-off container of compose"),
  ),
  "pinned-by-digest": singleContainer(
    "a container pinned by digest",
    {},
    left("pinned by digest", { reference: ({ reference, digest }) => `${reference}@${digest}` }),
  ),
  "by-image-id": singleContainer(
    "a container created by an image's id",
    {},
    left("its image has no tag to follow", { reference: ({ id }) => id }),
  ),
  role: singleContainer(
    "a part of Ouroboros",
    { Labels: { "com.ouroboros.role": "poller" } },
    left("part of Ouroboros itself"),
  ),
  current: singleContainer("a container whose image did not move", {}, left("current", { image: "still" })),
} satisfies Record<string, Case>;
