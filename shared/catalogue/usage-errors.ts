// What is wrong with a command line. The usage of the command follows the message. Pure data.
import type { Catalogue } from "./entry.ts";

export const usageErrors = {
  argumentMissing: {
    says: "{name} is missing",
    cause: "The command needs this argument or option.",
    remedy: "give it, as the usage line below the message shows",
  },
  tooManyWords: {
    says: "{words}: too many words",
    cause: "The command takes fewer arguments. A value with blanks needs quotes.",
    remedy: "leave them out, or put the value in quotes",
  },
  valueUnusable: {
    says: "{name} {value}: {allowed}",
    cause: "The value has not the form that is needed here.",
    remedy: "give one that is allowed",
  },
  unknownOption: {
    says: "{option} is no option of this command{nearest}",
    cause: "The option is misspelt, or belongs to another command.",
    remedy: "`--help` after the command lists its options",
  },
  valueMissing: {
    says: "{option} needs a value, {form}",
    cause: "The option stands alone, or another option follows it.",
    remedy: "write the value behind it",
  },
  valueNotTaken: {
    says: "{option} takes no value",
    cause: "The option is a switch.",
    remedy: "write it without a value",
  },
  reasonMissing: {
    says: "--reason is missing",
    cause: "The reason of a refusal or delay is shown to everyone who asks why.",
    remedy: "say why to {verdict}",
  },
  retryAfterMisplaced: {
    says: "--retry-after goes with defer only",
    cause: "A refusal lasts until the image changes; only a delay has an end.",
    remedy: "leave it out, or defer",
  },
  maxBelowTimeout: {
    says: "--max {max} must not be less than --timeout {timeout}",
    cause: "--max is the time for all of a participant's extensions, --timeout the first part of it.",
    remedy: "give both, so that --max is the longer one",
  },
  needsWithoutGroup: {
    says: "--needs takes a --group",
    cause: "--needs counts the votes of a group.",
    remedy: "name the group, or leave --needs out",
  },
  advisoryInGroup: {
    says: "--advisory: who has no say cannot be counted in a --group",
    cause: "An advisory participant's verdict is only noted.",
    remedy: "leave one of both out",
  },
  approveWhat: {
    says: "the image is missing",
    cause: "What is said counts for one digest of one repository.",
    remedy: "say which, as IMAGE@DIGEST; `ouroboros approve` alone lists what waits",
  },
  byDigestHooks: {
    says: "a participant that answers by digest cannot be asked at {hooks}",
    cause: "At these hooks it is not about a new image, or it runs already.",
    remedy: "allowed are {allowed}",
  },
  byDigestAdvisory: {
    says: "a participant that answers by digest cannot be advisory",
    cause: "Nobody would wait for its verdict, and it would not count.",
    remedy: "leave one of both out",
  },
  snoozeWhat: {
    says: "a container or image is missing",
    cause: "`snooze` silences the messages about one container or image.",
    remedy: "say which container or image",
  },
  snoozeHowLong: {
    says: "the time is missing",
    cause: "`snooze` silences for some time, or ends that.",
    remedy: "say --for how long, or --off",
  },
  hostsMissing: {
    says: "--hosts is missing",
    cause: "Each host gets keys of its own, and the folder has none yet.",
    remedy: "name the hosts",
  },
  removeAndAdd: {
    says: "--remove: {users} is asked for, too",
    cause: "The same user is to be removed and made.",
    remedy: "leave it out of one of both",
  },
  removeUnknown: {
    says: "--remove {word}: no such user",
    cause: "The configuration has no user of that name.",
    remedy: "there are {known}",
  },
  removeAmbiguous: {
    says: "--remove {word}: that is {users}",
    cause: "Several users bear the name.",
    remedy: "say which",
  },
  folderOfHub: {
    says: "{folder} is that of a hub",
    cause: "The folder holds the users of a hub's leaf nodes.",
    remedy: "give --hub-url too",
  },
  folderOfSharedNats: {
    says: "{folder} is that of a NATS without leaf nodes, and its users would be dropped",
    cause: "A hub has other users than a NATS that the hosts share.",
    remedy: "write the hub's into another folder",
  },
  passwordForUnknown: {
    says: "--with-password {names}: no such user",
    cause: "The configuration has no user of that name.",
    remedy: "users are {known}",
  },
} as const satisfies Catalogue;
