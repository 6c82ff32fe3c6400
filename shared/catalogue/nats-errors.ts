// What is wrong with NATS, or keeps a private one from starting. Pure data.
import type { Catalogue } from "./entry.ts";

export const natsErrors = {
  hubHasNoHost: {
    says: "this NATS is a hub, which holds copies and serves no host itself",
    cause: "A host of its fleet has a leaf node of its own, where its events are stored.",
    remedy: "connect the host to its leaf node",
  },
  ownParticipants: {
    says: "{bucket} is this NATS' own, and a leaf node has a copy of its hub's",
    cause: "The NATS was used before it became a leaf node.",
    remedy: "add its participants at the hub, then delete it here",
  },
  unreachable: {
    says: "NATS at {url} cannot be used: {because}",
    cause: "Nothing listens there, or what listens is no NATS.",
    remedy: "start it, or correct NATS_URL",
  },
  accessDenied: {
    says: "NATS at {url} cannot be used: {because}",
    cause: "No key was given, or one that this NATS does not know.",
    remedy: "run this in the updater's container, or set NATS_NKEY to the key of a user of this NATS",
  },
  tooOld: {
    says: "NATS {version} at {url} is too old: 2.10 or newer is needed, because older ones lose refusals",
    cause: "NATS before 2.10 can lose messages that Ouroboros relies on.",
    remedy: "update it",
  },
  stalled: {
    says: "NATS at {url} is there, but its JetStream does not answer ({because})",
    cause:
      "JetStream has no leader, or too few servers of its cluster are up. Nothing is decided until it answers.",
    remedy: "start the servers of its cluster that are missing",
  },
  unexpectedAnswer: {
    says: "NATS at {url} did not answer as it should: {because}",
    cause: "JetStream is off, or the user lacks the rights of an operator.",
    remedy: "turn JetStream on, and use the operator's key",
  },
  notFound: {
    says: "NATS_URL is not set, and no Ouroboros with a NATS of its own runs on DATA_DIR {folder}",
    cause: "A command looks for the NATS of the services, and none is known here.",
    remedy: "set NATS_URL to the NATS of the services, or DATA_DIR to theirs",
  },
  noLongerRuns: {
    says: "the private NATS at {url} does not answer: the Ouroboros that left {file} does not run any more",
    cause: "Ouroboros was killed, and left the file with the address of its NATS behind.",
    remedy: "start it again, or set NATS_URL to a NATS of yours",
  },
  accessFileUnreadable: {
    says: "{file} cannot be read ({because})",
    cause: "The key of the private NATS is readable by the user of Ouroboros only.",
    remedy: "run this as the user that Ouroboros runs as, or set NATS_URL",
  },
  accessFileDamaged: {
    says: "{file} cannot be understood",
    cause: "Another program has written to the file with the address of the private NATS.",
    remedy: "start Ouroboros again, or set NATS_URL",
  },
  nothingStored: {
    says: "NATS at {url} holds nothing of Ouroboros: no updater has run on it yet",
    cause: "The updater makes the streams at its first start; this NATS has none of them.",
    remedy: "start the updater, or correct NATS_URL",
  },
  hubHasCopies: {
    says: "NATS at {url} is a hub and holds copies only",
    cause: "What a hub has of a host comes from the host's own NATS.",
    remedy: "forget {host} at the host's own NATS",
  },
  leafHasNoParticipants: {
    says: "NATS at {url} is a leaf node",
    cause: "A leaf node has a copy of its hub's participants, and of what was said about digests.",
    remedy: "add, change and remove participants, approve and refuse at its hub",
  },
  approvalNotStored: {
    says: "NATS did not store it ({because})",
    cause:
      "The bucket of approvals is missing, full, or this key may not write the entry: a participant's may write its own only.",
    remedy:
      "use the operator's key, or name with --as whose key it is; where the bucket is missing: `ouroboros nats-config prepare`",
  },
  hubNeedsHostName: {
    says: "NATS_HUB is set, and OUROBOROS_HOST is not",
    cause: "The names of its hosts select what a leaf node stores.",
    remedy: "set OUROBOROS_HOST to the name of this host",
  },
} as const satisfies Catalogue;

const GET_NATS =
  "set NATS_URL to a NATS of yours, install nats-server 2.10 or newer, or run the image of Ouroboros, which holds one";

export const privateNatsErrors = {
  serverMissing: {
    says: "There is no nats-server in PATH",
    cause: "Without NATS_URL a NATS of its own is started.",
    remedy: GET_NATS,
  },
  serverTooOld: {
    says: "nats-server {version} in PATH is too old, older ones lose refusals",
    cause: "NATS before 2.10 can lose messages that Ouroboros relies on.",
    remedy: GET_NATS,
  },
  imageUnusable: {
    says: "{missing}. Its image as a container failed, too ({because})",
    cause: "There is no nats-server to start, and the Engine could not run its image instead.",
    remedy: "mend that, or do one of the things named first",
  },
  programsMissing: {
    says: "A private NATS needs setpriv and flock of util-linux",
    cause: "They let the private NATS end with Ouroboros, and keep a second one off the same folder.",
    remedy: "install them, or set NATS_URL",
  },
  serverFailed: {
    says: "nats-server did not start: {because}",
    cause: "The server's own last line says why.",
    remedy: "mend what it names, or set NATS_URL to a NATS of yours",
  },
} as const satisfies Catalogue;
