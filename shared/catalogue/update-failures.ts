// Why an update did not happen or was undone: what `ouroboros history` shows. Pure data.
import type { Catalogue } from "./entry.ts";

export const changedMeanwhile = {
  removed: {
    says: "somebody removed it meanwhile",
    cause: "The container's owner acted during the update, which gives way.",
    remedy: "nothing; the next check decides anew",
  },
  removedOrReplaced: {
    says: "somebody removed or replaced it meanwhile",
    cause: "The container's owner acted during the update, which gives way.",
    remedy: "nothing; the next check decides anew",
  },
  replaced: {
    says: "somebody replaced the container meanwhile",
    cause: "The container's owner acted during the update, which gives way.",
    remedy: "nothing; the next check decides anew",
  },
  replacedBy: {
    says: "somebody replaced it meanwhile, by their container {name} ({id})",
    cause: "The container's owner acted during the update, which gives way.",
    remedy: "nothing; the next check decides anew",
  },
  replacedAndKept: {
    says: "somebody replaced it meanwhile, by their container {name} ({id}); the old container is kept, stopped, as {kept}",
    cause: "The container's owner acted during the update, which gives way, and lets no data go.",
    remedy: "remove it if you do not need it",
  },
  stopped: {
    says: "somebody stopped it meanwhile",
    cause: "Only running containers are updated.",
    remedy: "start it",
  },
  paused: {
    says: "somebody paused it meanwhile",
    cause: "Only running containers are updated.",
    remedy: "`docker unpause` it",
  },
  renamed: {
    says: "somebody renamed it to {name} meanwhile",
    cause: "The container's owner acted during the update, which gives way.",
    remedy: "nothing; the next check decides anew",
  },
  taken: {
    says: "somebody stopped, renamed or removed it meanwhile",
    cause: "The container's owner acted during the update, which gives way.",
    remedy: "nothing; the next check decides anew",
  },
} as const satisfies Catalogue;

const LOOK_AT_IT = "read its log with the new image, and update again when it is mended";

export const updateFailures = {
  tagNotTaken: {
    says: "its tag policy here, {policy}, takes no tag {tag}",
    cause:
      "The poller that planned the update has another TAG_POLICY than this updater, or the label was changed.",
    remedy: "set TAG_POLICY alike for poller and updater",
  },
  ended: {
    says: "the new container {what}",
    cause: "The new image does not run as this container is set up, or is at fault.",
    remedy: LOOK_AT_IT,
  },
  endedBeforeCheck: {
    says: "the new container ended before its check {check} passed",
    cause: "The new image does not run as this container is set up, or is at fault.",
    remedy: LOOK_AT_IT,
  },
  endedDuringCheck: {
    says: "the new container {what} while its check {check} was tried",
    cause: "The new image does not run as this container is set up, or is at fault.",
    remedy: LOOK_AT_IT,
  },
  checkFailed: {
    says: "the new container did not pass its check {check} within {seconds} s: {because}",
    cause: "The new image does not serve what the label com.ouroboros.check asks for.",
    remedy: `${LOOK_AT_IT}; a container that needs longer can have more time by HEALTH_TIMEOUT`,
  },
  notAsBefore: {
    says: "the new container would not be as the old one: {differences}",
    cause: "The Engine has set the new container up in another way than the old one.",
    remedy: "report it with the output of `docker inspect` for the container",
  },
  cannotStartAgain: {
    says: "it refers to the container {parent}, which {state}, and could not be started again",
    cause: "It shares the network, pid or ipc of a container that does not run.",
    remedy: "start that one, or recreate this one",
  },
  changesDenied: {
    says: "the proxy before the Engine denies GET /containers/ID/changes: what was copied into the container would be lost",
    cause: "The socket proxy lets fewer calls through than the updater needs.",
    remedy: "allow the call; docs/docker-socket.md lists all of them",
  },
  tagMoved: {
    says: "{image} is {digest} at its registry, and the Engine got {other}: the tag has moved since, or {suspect} has an old one",
    cause: "The Engine pulled another image than the registry named when it was asked.",
    remedy: "it is looked at again",
  },
  imageGone: {
    says: "its image {image} is gone and could not be pulled again: {because}",
    cause: "A prune removed the image of a stopped container, and its registry no longer has it.",
    remedy: "make the image available, then `ouroboros repair`",
  },
  noEarlierUpdate: {
    says: "the records of this host, in DATA_DIR, know of no earlier update of it",
    cause: "There was none, or the store of NATS was lost.",
    remedy: "run the earlier image by hand, by its tag or digest",
  },
  earlierImageForeign: {
    says: "the image before, {image}, is of another repository than {reference}",
    cause: "The container's owner has changed its image since.",
    remedy: "run the earlier image by hand",
  },
  earlierImageGone: {
    says: "the image before, {image}, is gone from the Engine and was in no registry",
    cause: "The image was built here and has been removed.",
    remedy: "build it again, and run it by hand",
  },
} as const satisfies Catalogue;

/** Why a script of the hooks folder is not run. It then counts as failed. */
/** What is wrong with the folder of the scripts as a whole. */
export const hooksFolderErrors = {
  missing: {
    says: "HOOKS_DIR {folder} is not there, or no folder",
    cause: "Scripts that cannot be found cannot be asked, and their gates would stay open.",
    remedy: "mount it, or unset HOOKS_DIR",
  },
} as const satisfies Catalogue;

export const scriptFaults = {
  worldWritable: {
    says: "{path} can be written by anybody",
    cause: "Anybody on the host could change what Ouroboros runs.",
    remedy: "chmod o-w {path}",
  },
  notExecutable: {
    says: "{path} is not executable",
    cause: "The file lacks the executable bit.",
    remedy: "chmod +x {path}",
  },
  noexec: {
    says: "{path} is on a file system that is mounted noexec",
    cause: "The system runs no program from there.",
    remedy: "mount it without noexec",
  },
  notPermitted: {
    says: "{path} may not be executed by the user that the hook-executor runs as",
    cause: "Only its owner or group may run it.",
    remedy: "chmod a+rx {path}",
  },
  noInterpreter: {
    says: "{path} has no first line that names its interpreter",
    cause: "A script begins with `#!` and a program.",
    remedy: "begin it with #!/bin/sh",
  },
  windowsLineEnds: {
    says: "{path} has line ends of Windows (CRLF)",
    cause: "The interpreter's name would end in a carriage return.",
    remedy: "sed -i 's/\\r$//' {path}",
  },
  interpreterMissing: {
    says: "{interpreter}, which runs {path}, is not there",
    cause: "The image of Ouroboros has sh, Python and Node; other interpreters are not in it.",
    remedy: "install it beside the hook-executor, or name another in the first line",
  },
} as const satisfies Catalogue;
