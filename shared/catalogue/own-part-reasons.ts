// Why a part of Ouroboros itself is not updated. Pure data.
import type { Catalogue } from "./entry.ts";

const CALLED_OURS = "The updater does not replace the container that it runs in while it works.";

export const ownPartReasons = {
  off: {
    says: "part of Ouroboros itself",
    cause: "Ouroboros updates itself only if asked to.",
    remedy: "set SELF_UPDATE=true, or update it with `docker compose pull` and `up -d`",
  },
  neverUpdated: {
    says: "part of Ouroboros itself: a {role} is never updated",
    cause: CALLED_OURS,
    remedy: "update it by hand, with `docker compose pull` and `up -d`",
  },
  unidentified: {
    says: "part of Ouroboros itself, which cannot tell its own container",
    cause: "Several containers look like the one that it runs in.",
    remedy: "give it the host name that Docker gives a container, or update it by hand",
  },
  once: {
    says: "part of Ouroboros itself, which ends by itself with RUN_ONCE",
    cause: "With RUN_ONCE the next start may already use the newer image.",
    remedy: "pull the image before the next start",
  },
  dependsOnOthers: {
    says: "part of Ouroboros itself: it is updated without stopping others, so it may depend on none",
    cause: "It has a dependency label.",
    remedy: "remove the label",
  },
} as const satisfies Catalogue;
