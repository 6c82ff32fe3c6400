// Why a container is not updated: what `ouroboros check` and `explain` show. Pure data.
import type { Catalogue } from "./entry.ts";

export const skipReasons = {
  current: {
    says: "current",
    cause: "The tag at the registry still means the image that runs.",
    remedy: "nothing; another tag needs a change of your compose file",
  },
  pinned: {
    says: "pinned by digest",
    cause: "The reference names one image for good.",
    remedy: "use a tag",
  },
  noTag: {
    says: "its image has no tag to follow",
    cause: "The container was started by the id of an image.",
    remedy: "run it by a name and tag",
  },
  builtHere: {
    says: "built here: its image comes from no registry",
    cause: "There is no registry that could have a newer one.",
    remedy: "to have it updated, run it by the name under which its image was pulled",
  },
  taggedHere: {
    says: "tagged here: its image comes from {from}, and not from the repository of {reference}",
    cause: "An update by that name would replace it by another image.",
    remedy: "to have it updated, run it by the name under which its image was pulled",
  },
  originUnknown: {
    says: "built or tagged here, as its image is not known to come from {name}{why}",
    cause: "The registry does not confirm that the image which runs was pulled from there.",
    remedy: "to have it updated, run it by the name under which its image was pulled",
  },
  imageGone: {
    says: "the Engine no longer has the image it runs",
    cause: "The image was removed by force while the container ran.",
    remedy: "pull the image, and recreate the container",
  },
  parentGone: {
    says: "the container {parent}, whose network or other namespace it shares, is gone",
    cause: "It could not be started again without that one.",
    remedy: "recreate it",
  },
  notRunning: {
    says: "not running",
    cause: "Only running containers are updated.",
    remedy: "start it",
  },
  paused: {
    says: "paused",
    cause: "Only running containers are updated.",
    remedy: "`docker unpause` it",
  },
  updateNotOver: {
    says: "an update of {name} is not over",
    cause: "The container is one of the two of an update.",
    remedy: "where none is under way, `ouroboros repair {name}` ends it",
  },
  ownImageSaysSo: {
    says: "its image says that it is a part of Ouroboros",
    cause: "An image's label does not count for this, so that no image can hide from updates.",
    remedy: "where it is one, set the label com.ouroboros.role on the container itself",
  },
  swarm: {
    says: "part of a swarm service",
    cause: "Swarm replaces its containers itself.",
    remedy: "`docker service update --image` the service",
  },
  kubernetes: {
    says: "part of a Kubernetes pod",
    cause: "Kubernetes replaces its containers itself.",
    remedy: "change the image in its deployment",
  },
  oneOff: {
    says: "a one-off container of compose",
    cause: "`docker compose run` started it for one command.",
    remedy: "nothing; it ends by itself",
  },
  autoRemoved: {
    says: "started with --rm: it would vanish when stopped",
    cause: "The old container could not be put back if the new one fails.",
    remedy: "run it without --rm",
  },
  checkLabel: {
    says: "its label com.ouroboros.check cannot be understood: {text}",
    cause:
      "The label is misspelt, and without the check an update would not be verified as its owner wants it.",
    remedy:
      "allowed are http://container:PORT/PATH, https://container:PORT/PATH, tcp://container:PORT and exec:COMMAND",
  },
  dependencyOurs: {
    says: "it depends on {name}, a part of Ouroboros itself, which is not stopped for it",
    cause: "Its dependencies are stopped while it is updated.",
    remedy: "remove the dependency label",
  },
  dependantAutoRemoved: {
    says: "{name} refers to it and was started with --rm: it could not be put back",
    cause: "What shares its network, pid or ipc, or links to it, is recreated with it.",
    remedy: "run {name} without --rm",
  },
  dependantOurs: {
    says: "{name}, a part of Ouroboros itself, refers to it",
    cause: "What shares its network, pid or ipc, or links to it, is recreated with it.",
    remedy: "give {name} a network of its own",
  },
  cycle: {
    says: "its dependencies form a cycle",
    cause: "There is no order in which they could be stopped and started.",
    remedy: "remove one of the dependency labels",
  },
  labelSaysNo: {
    says: "its label {label} says no",
    cause: "The container's owner has switched updates off.",
    remedy: "change the label, and recreate the container",
  },
  protectedElsewhere: {
    says: "its label {label} keeps {of} from updating it, and may be meant for all updaters",
    cause:
      "COMPAT_LABELS does not name that updater, so its labels are not read; and what is not updated can be updated later.",
    remedy:
      "set COMPAT_LABELS={of} to have the labels of {of} read; to have it updated, name it in MONITOR or remove the label",
  },
  notLabelled: {
    says: "not labelled",
    cause: "With LABELS_ONLY only containers with com.ouroboros.enable are watched.",
    remedy: "set com.ouroboros.enable=true on it",
  },
  labelsOnlyWatchesNothing: {
    says: "LABELS_ONLY without LABEL_ENABLE watches nothing",
    cause: "LABELS_ONLY leaves it to the labels, which only LABEL_ENABLE reads.",
    remedy: "set LABEL_ENABLE=true too",
  },
  ignored: {
    says: "ignored",
    cause: "IGNORE names it.",
    remedy: "take it out of IGNORE",
  },
  notMonitored: {
    says: "not monitored",
    cause: "MONITOR names other containers only.",
    remedy: "add it to MONITOR",
  },
  onlyMonitored: {
    says: "only monitored: a newer image is there, but its label {label} says not to update it",
    cause: "The container's owner wants to be notified only.",
    remedy: "remove the label, and recreate the container",
  },
  held: {
    says: "held: {because} ({by}), until {end}",
    cause: "This digest was refused, deferred or rolled back.",
    remedy: "mend the cause; to try again now: `ouroboros update {container}`",
  },
  refusedDigest: {
    says: "{image} is refused for all hosts: {because}",
    cause: "The operator has said so with `ouroboros refuse`.",
    remedy: "wait for the next image; to take it after all: `ouroboros approve {image}`",
  },
  deferredDigest: {
    says: "{image} is put off for all hosts: {because}",
    cause: "The operator has recorded the verdict `defer` for it.",
    remedy: "wait; to take it now: `ouroboros approve {image}`",
  },
  approvalUnreadable: {
    says: "what the operator has said about {image} cannot be understood: {because}",
    cause: "The entry in the bucket of approvals was not written by `ouroboros approve` or `refuse`.",
    remedy: "say it anew with `ouroboros approve {image}` or `ouroboros refuse {image}`",
  },
  cooling: {
    says: "cooling down: {digest} is on its tag since {since}, and is taken not before {until}",
    cause:
      "COOLDOWN or the label com.ouroboros.cooldown wants a new image to stay on its tag for a while. The time counts from when the ledger first saw it there.",
    remedy: "wait; to update now: `ouroboros update {container}`",
  },
  coolingTag: {
    says: "cooling down: the tag {tag} names {digest} since {since}, and is taken not before {until}",
    cause: "COOLDOWN, or its label, wants a tag to name its image for a while first, as the ledger sees it.",
    remedy: "wait; to take the highest tag now: `ouroboros update {container}`",
  },
  unproved: {
    says: "not proved elsewhere: {digest} has lasted on {count} of the {needs} hosts that are needed of {hosts}",
    cause:
      "With COOLDOWN_AFTER a host takes only what COOLDOWN_HOSTS of the named hosts have run for as long as COOLDOWN says, on the same platform.",
    remedy: "wait, or update those hosts; to update now: `ouroboros update {container}`",
  },
  disproved: {
    says: "not proved elsewhere: {digest} was rolled back on {hosts}",
    cause: "COOLDOWN_AFTER names the hosts, and what fails on one of them is not taken.",
    remedy: "wait for the next image; to update now: `ouroboros update {container}`",
  },
  cooldownLabel: {
    says: "its label com.ouroboros.cooldown cannot be understood: {text}",
    cause: "The label is misspelt, and the container's owner wants no image that is too new.",
    remedy: "allowed is a number of seconds, or a number with ms, s, m, h, d, w",
  },
  tagPolicyLabel: {
    says: "its label com.ouroboros.tag_policy cannot be understood: {text}",
    cause:
      "The label is misspelt, its range is none of semver's, or its pattern needs more than RE2 has, such as look-around; so it is not known which tag its owner wants.",
    remedy: "allowed are same, semver:RANGE, semver+pre:RANGE, regex:PATTERN, newest and newest:GLOB",
  },
  mirrorBehind: {
    says: "held: the Engine's mirror {mirror} serves {serves} as {image}, and docker.io has {upstream}",
    cause: "A registry mirror of the Engine is behind the registry.",
    remedy: "wait, or mend the mirror; it is updated when the mirror has that too",
  },
  mirrorDiffers: {
    says: "held: the Engine's mirror {mirror} serves {serves} as {image}, and docker.io has {upstream}, and what runs is neither",
    cause: "Nobody can tell whether the mirror has a newer or an older image than the one that runs.",
    remedy: "it is updated when the mirror's tag moves, or by `ouroboros update`",
  },
  notAsked: {
    says: "its registry was not asked",
    cause: "The cycle ended before.",
    remedy: "nothing; the next cycle asks",
  },
} as const satisfies Catalogue;
