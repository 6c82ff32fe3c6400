// The rows of the command table that set something up. Pure.
import * as z from "zod";
import { observerNames } from "../../shared/contract/observers.ts";
import { isReserved } from "../../shared/contract/participants.ts";
import { count } from "../../shared/settings/setting-values.ts";
import type { Command } from "./command.ts";
import { HOSTS, NAMES, possiblyEmptyList, nonEmptyText } from "./argument-types.ts";

const isHubUrl = (text: string): boolean =>
  text === "" || /^tls:\/\/(?:\[[^\]/@]+\]|[^:/@[]+):\d+$/.test(text);

const SERVER_NAMES = {
  ...NAMES,
  says: "Further names and addresses by which the server is reached, beside `nats`, `localhost` and `127.0.0.1`.",
};

const OBSERVERS: readonly string[] = observerNames;

export const SHELLS = ["bash", "zsh", "fish"] as const;

export const setupCommands = {
  "nats-config write": {
    says: "Makes the users, keys and certificates of a NATS that several machines share.",
    more:
      "Into FOLDER come `nats/` (nats.conf, users.conf and the certificate, for the server), `ca.pem` (what clients trust) " +
      "and `ca-key.pem` (keep it off the machines), and for each user `users/USER.nk` (NATS_NKEY_FILE; only its public half " +
      "is in users.conf) or `users/USER.password` (NATS_USER, NATS_PASSWORD_FILE). Users are operator, and for each host " +
      "poller_HOST, updater_HOST and exec_HOST; participant_NAME, watcher_NAME, reader_NAME, observer_NAME. What FOLDER holds is kept, users, " +
      "keys, passwords and the names in the certificate: write again with a new name to add it, or with --remove, then reload the " +
      "server, or restart it where a host with a NATS of its own is removed. With --hub-url this is the NATS of a hub, which each " +
      "host's own is a leaf node of: what that server and the services of the host need is then in `leaves/HOST/`, laid out " +
      "as FOLDER is.",
    arguments: { FOLDER: { says: "The folder to write; created if it does not exist.", read: nonEmptyText } },
    options: {
      hosts: { ...NAMES, value: "HOST[,HOST...]", says: "Hosts to add; the first time at least one." },
      participants: {
        ...NAMES,
        read: possiblyEmptyList.refine((all) => !all.some(isReserved), "reserved for parts of Ouroboros"),
        says: "Participants, who are asked.",
      },
      watchers: { ...NAMES, says: "Watchers, who see everything live." },
      readers: { ...NAMES, says: "Readers, who also see what happened while they were away." },
      observers: {
        ...NAMES,
        read: possiblyEmptyList.refine((all) => all.every((name) => OBSERVERS.includes(name)), {
          error: `allowed are ${OBSERVERS.join(", ")}`,
        }),
        says: `Observers that were removed, to add them again; all are made at first: ${OBSERVERS.map((name) => `\`${name}\``).join(", ")}.`,
      },
      "with-password": { ...NAMES, value: "USER[,USER...]", says: "Users that cannot use nkeys." },
      "server-names": SERVER_NAMES,
      "server-folder": {
        value: "PATH",
        read: nonEmptyText,
        says: "The path of FOLDER/nats on the server's machine: by default the one written before, else `/etc/nats/secure`.",
      },
      remove: {
        ...NAMES,
        says: "Hosts and other users to remove, each with its key; the output names them.",
      },
      "hub-url": {
        value: "URL",
        read: z.string().refine(isHubUrl, "allowed is tls://HOST:PORT; the server listens on 7422"),
        byDefault: "",
        says: "The address at which each host's own NATS, a leaf node of this one, reaches it.",
      },
    },
    json: true,
  },
  "nats-config compose": {
    says: "Makes the users, keys and certificates of compose.yaml's own NATS: what that file runs at each start.",
    more:
      "Below FOLDER are the volumes of the services: `nats`, `poller`, `updater`, `hook-executor`, `webhook`, `operator`, each " +
      "gets its own key and no other; `all` keeps everything. What is there is kept. The host is OUROBOROS_HOST, else the " +
      "Engine's own name. Where NATS_URL names another server the services get no keys.",
    arguments: { FOLDER: { says: "Where the volumes are.", read: nonEmptyText } },
    options: {
      participants: {
        ...NAMES,
        read: possiblyEmptyList.refine((all) => !all.some(isReserved), "reserved for parts of Ouroboros"),
        says: "Further participants that get a key: `all/users/participant_NAME.nk`. Restart nats then.",
      },
      "server-names": SERVER_NAMES,
    },
    json: true,
  },
  "nats-config prepare": {
    says: "Makes, as the operator, the streams, buckets and consumers that services may use but not make.",
    more: "Participants are added with `ouroboros participant add`.",
    options: {
      hosts: HOSTS,
      readers: { ...NAMES, says: "Readers, who also see what happened while they were away." },
      hub: {
        value: "DOMAIN",
        read: z.string(),
        byDefault: "",
        says: "JetStream domain of the hub that this NATS is a leaf node of, as NATS_HUB.",
      },
    },
    json: true,
  },
  "nats-config hub": {
    says: "Makes, as the operator of a hub, the copies of what the NATS of each host holds, and the consumers of its readers.",
    more:
      "For hosts that have a NATS of their own, each a leaf node of this one with its host's name as JetStream domain " +
      "(bytes other than A-Z a-z 0-9 - _ as =XX). Participants are added at the hub, and notifier, exporter and home-assistant " +
      "run there. Run it again with all names to add a host.",
    options: {
      hosts: HOSTS,
      readers: { ...NAMES, says: "The readers." },
      replicas: {
        value: "NUMBER",
        read: count,
        byDefault: "1",
        says: "On how many servers of the hub's cluster.",
      },
    },
    json: true,
  },
  healthcheck: {
    says: "Whether the Ouroboros that runs in the same container is ready.",
    more:
      "Asks at 127.0.0.1:HEALTH_PORT: it is ready when it is connected to NATS, an Engine answers, and its updater acts " +
      "or stands by. Docker's HEALTHCHECK in the image, and for exec probes.",
    options: { live: { says: "Only check whether it answers at all." } },
  },
  completion: {
    says: "Prints the completion of a shell.",
    more:
      "bash: `source <(ouroboros completion bash)` in ~/.bashrc. zsh: the same in ~/.zshrc, after `compinit`. fish: " +
      "`ouroboros completion fish > ~/.config/fish/completions/ouroboros.fish`.",
    arguments: {
      SHELL: {
        says: "`bash`, `zsh` or `fish`.",
        read: z.enum(SHELLS, `allowed are ${SHELLS.join(", ")}`),
        offers: SHELLS,
      },
    },
  },
} as const satisfies Readonly<Record<string, Command>>;
