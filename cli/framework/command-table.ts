// Declares every command of the program (groups have files of their own). Usage, errors, completion and
// docs/commands.md derive from this table. A new command is one row here and a runner in dispatch.ts. Pure.
import * as z from "zod";
import { eventNames, isEventName } from "../../shared/contract/hooks.ts";
import { VerdictWord } from "../../shared/contract/messages.ts";
import type { Command } from "./command.ts";
import { checks } from "../commands/doctor-checks.ts";
import {
  CONTAINER,
  HOST,
  OPTIONAL_CONTAINER,
  SINCE,
  containerName,
  nonEmptyText,
  positiveDuration,
} from "./argument-types.ts";
import { approvalCommands } from "./approval-command-table.ts";
import { hostCommands } from "./host-command-table.ts";
import { notificationCommands } from "./notification-command-table.ts";
import { participantCommands } from "./participant-command-table.ts";
import { setupCommands } from "./setup-command-table.ts";

/** Requests of the operator for one container, which the poller grants: `update` and `rollback`. */
const operatorRequest = {
  arguments: { CONTAINER },
  options: {
    host: HOST,
    wait: {
      says: "Waits for a run that is under way, then tells how its own goes on, and ends with it: with 0 where the container was updated, 2 where it is `stuck`, else 1.",
    },
  },
  json: true,
} as const;

export const commands = {
  status: {
    says: "What there is: the hosts, when they were polled, how their last runs ended, what is pending and held.",
    more:
      "The last line counts the hosts and those on which something is wrong; above it stands what that is and what mends it: a " +
      "service that does not answer, a poll or a registry that failed, a registry that allows few more requests, an update that " +
      "failed, was rolled back or left a container `stuck`. What somebody refused or put off is not wrong. With --trouble it ends " +
      "with 0 where nothing is wrong, and with 1 where something is or there is no host.",
    options: {
      host: HOST,
      trouble: { says: "Only what is wrong, and only the hosts where something is." },
    },
    json: true,
  },
  doctor: {
    says: "What is weak in a running set-up, and what mends it: a line for each weakness.",
    more:
      "Ends with 1 where there is one, with 3 where a part could not be looked at. It looks at NATS, at the Engine of " +
      "DOCKER_SOCKETS and at the scripts of HOOKS_DIR, as far as they can be reached from where it runs " +
      "(`docker compose exec updater ouroboros doctor`). Checks: " +
      Object.values(checks)
        .map(({ says }) => says)
        .join(" "),
    json: true,
  },
  explain: {
    says: "Says why a container was or was not updated; without a name, for all containers in a table.",
    more: "Has the poller look at the named container now; says what it decides and why, what is held and how to try it again, and how the last run with the container ended for it. Without a name: what the last poll found.",
    arguments: { CONTAINER: OPTIONAL_CONTAINER },
    options: { host: HOST },
    json: true,
  },
  check: {
    says: "Looks now and says what is newer, without updating: of all containers, or of the one that is named.",
    more:
      "The pollers look at their Engines and ask the registries; what a registry said in the last minute is not asked again without " +
      "--fresh. No plan is made, no hook is asked, and nothing is pulled; the schedule does not change. Ends with 0 also where something " +
      "is newer, with 1 where there is no such container, and with 3 where a registry gave no digest or a poller did not answer.",
    arguments: { CONTAINER: OPTIONAL_CONTAINER },
    options: {
      fresh: { says: "Asks the registries although their last answer is recent." },
      host: HOST,
    },
    json: true,
  },
  pending: {
    says: "The pending events: which participants have not answered, since when, and until when.",
    options: { host: HOST },
    json: true,
  },
  verdict: {
    says: "Decides a pending event now, without waiting for the participants.",
    more:
      "It is recorded as the verdict of the participant `operator`. EVENT is the id of a pending event, the first " +
      "characters of one, or the name of a container where only one event of it is pending. Returns when the updater " +
      "has decided.",
    arguments: {
      EVENT: { says: "The event, or enough of its id to be unique.", read: containerName, offers: "events" },
      VERDICT: { says: "`proceed`, `refuse` or `defer`.", read: VerdictWord, offers: VerdictWord.options },
    },
    options: {
      reason: {
        value: "TEXT",
        read: z.string().trim().min(1, "say why"),
        says: "Why; needed to refuse or defer.",
      },
      "retry-after": {
        value: "DURATION",
        read: positiveDuration,
        says: "With defer: when it is tried again.",
      },
      host: HOST,
    },
    json: true,
  },
  events: {
    says: "What happened: each event, what was decided at it, and how updates ended; with --follow also from now on.",
    more:
      "With `-o json` each line is an event or notice as it was published (a CloudEvent), or the journal's record of a decision " +
      "(`kind` is `decided`). With --container also the events of whole runs that name the container.",
    options: {
      follow: { short: "f", says: "Keeps printing new events until it is stopped." },
      since: { ...SINCE, byDefault: "24h", says: "How far back to begin." },
      hook: {
        value: "HOOK",
        read: z.string().refine(isEventName, `allowed are ${eventNames.join(", ")}`),
        offers: eventNames,
        says: "Only this hook, or this notice.",
      },
      host: HOST,
      container: {
        value: "CONTAINER",
        read: containerName,
        offers: "containers",
        says: "Only this container.",
      },
    },
    json: true,
  },
  history: {
    says: "How updates ended, the newest first.",
    arguments: {
      CONTAINER: { says: "Name of a container.", read: containerName, optional: true, offers: "containers" },
    },
    options: {
      host: HOST,
      since: { ...SINCE, byDefault: "30d", says: "How far back it looks; the journal holds 90 days." },
    },
    json: true,
  },
  image: {
    says: "What the ledger knows of an image: which digests its tag has named and when, what runs, and how updates ended.",
    arguments: {
      IMAGE: { says: "Image reference, as containers have it; without a tag `latest`.", read: nonEmptyText },
    },
    options: { host: HOST },
    json: true,
  },
  update: {
    says: "Looks now for a newer image of one container and updates it, whatever is held for it.",
    more:
      "What was refused or rolled back is tried once more, through the same hooks; what else keeps a container on its " +
      "image, as a setting or a label does, still counts. Returns when the plan is published, with --wait when " +
      "the run is over; `ouroboros history` and `ouroboros events` show how it ended.",
    ...operatorRequest,
  },
  rollback: {
    says: "Goes back to the image that the container ran before its last update.",
    more:
      "By the steps and hooks of an update, in which `updates_enumerated` says `rollback`. The updater knows the image from its own " +
      "records in DATA_DIR; where the Engine has it no more, as with CLEANUP, it is pulled by its digest, so the registry must still have " +
      "it. The image it left is held until the tag changes, or `ouroboros update` asks for it; the tag itself does " +
      "not change. A second rollback in a row undoes the first. It ends as `rolled back by the operator` and counts as no update; with " +
      "`-o json`, in events and in records that is `updated` by `operator`.",
    ...operatorRequest,
  },
  repair: {
    says: "Repairs what an update left behind, as after `stuck`, once you have removed the obstacle.",
    more:
      "The updater of the host does what it does when it starts: an old container that was not put back runs again, a new " +
      "one that had its name already is proved. Nothing is done while a run is under way. With CONTAINER only what " +
      "concerns it is shown; all of the host is repaired. Ends with 2 if something is still stuck.",
    arguments: {
      CONTAINER: { says: "Name of a container.", read: containerName, optional: true, offers: "containers" },
    },
    options: { host: HOST },
    json: true,
  },
  ...approvalCommands,
  ...hostCommands,
  ...notificationCommands,
  ...participantCommands,
  ...setupCommands,
} as const satisfies Readonly<Record<string, Command>>;

export type CommandName = keyof typeof commands;
export const commandNames = Object.keys(commands) as readonly CommandName[];

export const isCommand = (name: string): name is CommandName => Object.hasOwn(commands, name);

/** The command that a command line begins with, of one word or two, and the words behind it. */
export function splitCommand(
  words: readonly string[],
): { readonly name: CommandName; readonly rest: readonly string[] } | undefined {
  for (const length of [1, 2]) {
    const name = words.slice(0, length).join(" ");
    if (isCommand(name)) return { name, rest: words.slice(length) };
  }
  return undefined;
}
