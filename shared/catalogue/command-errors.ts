// Why a command of the operator did not do what it was asked for. Pure data.
import type { Catalogue } from "./entry.ts";

export const commandErrors = {
  noHostYet: {
    says: "no host is known yet",
    cause: "No poller and no updater has started on this NATS.",
    remedy: "start Ouroboros, and try again in a few seconds",
  },
  noSuchHost: {
    says: "there is no host {host}{nearest}",
    cause: "The name is misspelt, or Ouroboros has not run there yet.",
    remedy: "`ouroboros status` shows all hosts",
  },
  noContainer: {
    says: "there is no container{where}",
    cause: "The Engine has no containers that this command could show.",
    remedy: "`docker ps` shows what runs there",
  },
  noSuchContainer: {
    says: "there is no container {container}{where}{nearest}",
    cause: "The name is misspelt, or the container is on another host.",
    remedy: "`ouroboros check` lists all of them",
  },
  containerUnseen: {
    says: "no container {container} was seen{where}{nearest}",
    cause: "The last poll found none of that name.",
    remedy: "`ouroboros explain` lists those it found",
  },
  noneSeen: {
    says: "no container was seen{where}",
    cause: "The last poll found no containers, or there was none yet.",
    remedy: "`ouroboros check` looks now",
  },
  severalHostsHaveIt: {
    says: "{container} is on {hosts}",
    cause: "Containers of that name are on several hosts.",
    remedy: "say which with --host",
  },
  pollerSilent: {
    says: "the poller of {host} does not answer",
    cause: "It does not run, is out of reach, or a registry keeps it waiting.",
    remedy: "`ouroboros status` shows which services run; start it",
  },
  requestNotDone: {
    says: "{container} on {host}: {because}",
    cause: "The poller could not begin what was asked for.",
    remedy: "`ouroboros check {container}` shows what it finds",
  },
  engineSilent: {
    says: "the Engine at {socket} does not answer ({because})",
    cause: "Docker does not run, the socket is not mounted, or this user may not use it.",
    remedy: "run it where the socket is mounted, as by `docker compose exec updater ouroboros doctor`",
  },
  hostNameUnknown: {
    says: "the Engine at {socket}, whose name the host gets, does not answer ({because})",
    cause: "Without OUROBOROS_HOST a host is named as its Engine names itself.",
    remedy: "set OUROBOROS_HOST, or have Docker run and its socket mounted",
  },
  oneEngineOnly: {
    says: "compose.yaml is for one Engine, and several are named",
    cause: "Each service of compose.yaml serves one host.",
    remedy: "name one in DOCKER_SOCKETS and OUROBOROS_HOST; docs/security.md shows a NATS for several hosts",
  },
  folderUnwritable: {
    says: "{folder} cannot be written ({because})",
    cause: "The folder belongs to another user, or is read-only.",
    remedy: "name a folder that this user may write",
  },
  seedDamaged: {
    says: "{file} holds no seed of a user's nkey",
    cause: "The file was edited or cut.",
    remedy: "remove it to have a new one made",
  },
  opensslMissing: {
    says: "there is no openssl in PATH, which makes the certificates",
    cause: "`nats-config write` calls openssl.",
    remedy: "install it",
  },
  opensslFailed: {
    says: "openssl {command} failed: {because}",
    cause: "The message of openssl says why.",
    remedy: "mend what it says, and try again; what was made before is kept",
  },
  streamGone: {
    says: "the stream {stream} cannot be followed any more",
    cause: "It was deleted, or the connection to NATS was lost for good.",
    remedy: "start the updater, which makes the stream anew, and try again",
  },
  nothingEnded: {
    says: "no run with a container {container} ended in the last {time}{nearest}",
    cause: "The container was not updated in that time, or its name is misspelt.",
    remedy: "--since looks further back",
  },
  imageNotInLedger: {
    says: "the ledger has no image {image}{nearest}",
    cause: "No poller has seen a container of it, or the reference is misspelt.",
    remedy: "`ouroboros status` lists the hosts; a poller notes the images of its containers at each check",
  },
  hostAlive: {
    says: "{host} is alive, its {services}",
    cause: "A host is forgotten when it is gone for good; this one would come back at once.",
    remedy: "stop Ouroboros there first, or say --force",
  },
  noNotifier: {
    says: "no notifier has run on this NATS",
    cause: "The notifier notes its targets when it starts.",
    remedy: "set NOTIFIERS, and start `ouroboros notifier`",
  },
  changedMeanwhile: {
    says: "somebody else changed {name} at the same time, and nothing was changed here",
    cause: "Two operators changed the same participant.",
    remedy: "see what it is now with `ouroboros participant show {name}`, and try again",
  },
  nameTaken: {
    says: "the name {name} is taken",
    cause: "There is a participant of that name.",
    remedy: "`ouroboros participant set {name}` changes it, `ouroboros participant remove {name}` frees it",
  },
  entryUnreadable: {
    says: "the entry of {name} cannot be understood: {because}",
    cause: "Another version of Ouroboros wrote it, or somebody changed it by hand.",
    remedy: "`ouroboros participant remove {name}` removes it",
  },
  noSuchParticipant: {
    says: "there is no participant {name}{nearest}",
    cause: "The name is misspelt, or the participant was not added to this NATS.",
    remedy: "`ouroboros participant list` shows all of them",
  },
  onlyProceed: {
    says: "{hook} can be neither refused nor deferred",
    cause: "What the hook stands for has begun already.",
    remedy: "proceed ends the wait",
  },
  decidedBefore: {
    says: "it was decided before this verdict came, which has no effect",
    cause: "A participant answered first, or the time was over.",
    remedy: "`ouroboros history` shows what came of it",
  },
  notDecidedYet: {
    says: "the verdict is stored, but the updater of {host} has not decided within {seconds} s",
    cause: "The updater is busy, or waits for NATS.",
    remedy: "`ouroboros pending` shows whether it still waits",
  },
  noUpdaterActs: {
    says: "the verdict is stored, but no updater acts on {host}",
    cause: "The updater does not run, or stands by for another one.",
    remedy: "start it; the verdict counts then",
  },
  severalPending: {
    says: "{event} may be any of several events",
    cause: "More than one pending event is about that container, or begins with that id.",
    remedy: "name one of these:\n{list}",
  },
  decidedAlready: {
    says: "{event} was decided already: {verdict} by {by}",
    cause: "The event waits no longer.",
    remedy: "`ouroboros history` shows what came of it",
  },
  notPending: {
    says: "no event {event} is pending{nearest}",
    cause: "The id or name is misspelt, or nothing waits any more.",
    remedy: "`ouroboros pending` lists those that are{list}",
  },
} as const satisfies Catalogue;
