// Why a service of a swarm is not updated, why the services are not looked at, and how the update of one goes wrong.
// Pure data.
import type { Catalogue } from "./entry.ts";

const ELSEWHERE = "Services can be read and changed on a manager only.";

/** Why no service is looked at on this host. */
export const swarmReasons = {
  noSwarm: {
    says: "SWARM is set, and this Engine is in no swarm",
    cause: ELSEWHERE,
    remedy: "run Ouroboros on a manager, or unset SWARM",
  },
  noManager: {
    says: "SWARM is set, and this node is a worker of its swarm",
    cause: ELSEWHERE,
    remedy: "run Ouroboros on a manager",
  },
  otherLeader: {
    says: "another manager leads the swarm, and the Ouroboros there looks after its services",
    cause: "Of several managers one acts: the leader.",
    remedy: "nothing; run Ouroboros on each manager, so that the next leader can take over",
  },
  noLeader: {
    says: "the swarm does not answer, so nothing is changed: {because}",
    cause: "Too few of its managers are there to decide anything.",
    remedy: "get more than half of the managers running again",
  },
} as const satisfies Catalogue;

export const serviceReasons = {
  notLabelled: {
    says: "a service without the label com.ouroboros.enable",
    cause: "Services are watched only if they are labelled, as in Ouroboros 1.",
    remedy: "`docker service update --label-add com.ouroboros.enable=true` it",
  },
  sameName: {
    says: "a container of this host has the same name as the service",
    cause: "Events, holds and the journal go by the name.",
    remedy: "rename the container",
  },
  ours: {
    says: "part of Ouroboros itself, as a service",
    cause: "Ouroboros does not update the service that it runs in.",
    remedy: "`docker service update --image` it",
  },
  job: {
    says: "a job",
    cause: "Swarm would run a job once more as soon as its image changes.",
    remedy: "`docker service update --image` it when it is to run again",
  },
  noDigest: {
    says: "its image {image} has no digest, so nobody knows which one its tasks run",
    cause: "It was created with --no-resolve-image, or while the registry did not answer.",
    remedy: "`docker service update --image {image} {name}` adds the digest",
  },
  noReplicas: {
    says: "scaled to 0",
    cause: "Without a task nothing can prove the new image.",
    remedy: "`docker service scale` it",
  },
  busy: {
    says: "an update of the service is under way",
    cause: "Somebody is updating it, or rolling it back.",
    remedy: "nothing; it is looked at again",
  },
  paused: {
    says: "its last update is paused: {message}",
    cause: "The Engine stopped an update half-way, because tasks failed.",
    remedy: "`docker service rollback {name}`, or update it by hand",
  },
} as const satisfies Catalogue;

/** Why the update of a service failed, or gave way. */
export const serviceFailures = {
  tasksFail: {
    says: "{message}{why}",
    cause: "A task of the new image ended or did not become healthy while the Engine watched it.",
    remedy: "look at `docker service ps {name}`, or at the image",
  },
  noProgress: {
    says: "no task has got further for {seconds} s: {why}",
    cause: "No node can run the task, or its image cannot be pulled there.",
    remedy: "look at `docker service ps {name}`; HEALTH_TIMEOUT gives it more time",
  },
  tooFewRun: {
    says: "{running} of {needed} tasks run with the new image{why}",
    cause: "The Engine calls the update completed although tasks fail, as its failure action is continue.",
    remedy: "look at `docker service ps {name}`, or at the image",
  },
  rollbackPaused: {
    says: "its rollback is paused: {message}",
    cause: "Tasks of the image before fail, too.",
    remedy: "look at `docker service ps {name}`, and mend it by hand",
  },
  runsNowhere: {
    says: "a global service that no node runs",
    cause: "Without a task nothing can prove the new image.",
    remedy: "look at its constraints, and at `docker node ls`",
  },
  gone: {
    says: "the service was removed",
    cause: "Somebody removed it meanwhile.",
    remedy: "nothing",
  },
  changed: {
    says: "somebody changed the service meanwhile",
    cause: "Its image, or another part of it, is no longer as it was planned.",
    remedy: "nothing; it is looked at again",
  },
  alwaysChanging: {
    says: "the service changed each time its update was sent, {tries} times",
    cause: "Something else writes to the service all the time.",
    remedy: "nothing; it is looked at again",
  },
  notLeading: {
    says: "{because}",
    cause: "This node does not lead the swarm any more.",
    remedy: "nothing; the Ouroboros of the leader looks after the services",
  },
  noManagerAnyMore: {
    says: "this node manages the swarm no more: the Engine finishes alone what was sent",
    cause: "The node was demoted, or left the swarm.",
    remedy: "look at `docker service ps {name}` on a manager",
  },
} as const satisfies Catalogue;
