// What proves that each fact of Ouroboros 1.9 holds here: a test's file and its title, as the file writes it.
import type { locals } from "./hooks.ts";
import type { labels } from "./labels.ts";
import type { options } from "./options.ts";

export interface Proof {
  readonly file: string;
  readonly title: string;
}

const by = (file: string, title: string): Proof => ({ file: `test/${file}.test.ts`, title });

const cycle = by("end-to-end/order", "come in Ouroboros' order and with Ouroboros' locals");
const instead = by(
  "end-to-end/order",
  "are the same with ${setting}, but for ${notice} in the place of an update's",
);
const self = by(
  "end-to-end/self-update",
  "replaces the one container with all its services and its NATS, ports and all",
);
const engines = by(
  "shared/docker/engine-tls",
  "is worked on, while one whose certificate is not good and one that is away are left alone",
);
const credentials = by("services/poller/registry/registry-auth", "works with REPO_USER and REPO_PASS");
const migration = by(
  "end-to-end/migrating",
  "from Ouroboros 1 changes the image, and an unchanged Python hook is run",
);
const watched = (title: string): Proof => by("services/poller/watched", title);
const schedule = (title: string): Proof => by("end-to-end/schedule", title);
const cron = schedule(
  "updates right after the gap at a time that summer time skips, and the day after as ever",
);
const notifier = (title: string): Proof => by("services/notifier/run", title);
const metrics = by("services/exporter/prometheus", "of Ouroboros 1 are there, with its names and labels");
const points = by(
  "services/exporter/influxdb",
  "are those of Ouroboros 1, with integers, and hold no secret",
);
const tls = by(
  "services/exporter/influxdb",
  "are written over TLS with INFLUX_SSL, to a certificate that is good with INFLUX_VERIFY_SSL",
);

export const hookProofs: Readonly<Record<keyof typeof locals, Proof>> = {
  updates_enumerated: cycle,
  before_stop_depends_container: cycle,
  dry_run_update: instead,
  notify_update: instead,
  before_update: cycle,
  after_update: cycle,
  before_image_cleanup: cycle,
  before_start_depends_container: cycle,
  before_recreate_hard_depends_container: cycle,
  after_recreate_hard_depends_container: cycle,
  before_self_update: self,
  after_self_update: self,
  before_self_cleanup: self,
  after_self_cleanup: self,
};

export const labelProofs: Readonly<Record<(typeof labels)[number], Proof>> = {
  "com.ouroboros.enable": watched(
    "those with com.ouroboros.enable=true or yes are watched with LABEL_ENABLE, and those without it",
  ),
  "com.ouroboros.depends_on": cycle,
  "com.ouroboros.hard_depends_on": cycle,
  "com.ouroboros.stop_signal": by(
    "end-to-end/compat",
    "only protect where COMPAT_LABELS does not name their owner; com.ouroboros.stop_signal always counts",
  ),
};

export const optionProofs: Readonly<Record<keyof typeof options, Proof>> = {
  DOCKER_SOCKETS: engines,
  DOCKER_TLS: engines,
  DOCKER_TLS_VERIFY: by("shared/docker/engine-tls", "whose certificate is not checked still sees ours"),
  DOCKER_TIMEOUT: by("shared/docker/engine-tls", "that says nothing is given up after DOCKER_TIMEOUT"),
  INTERVAL: schedule("goes on by so much whatever its wall clock is set to"),
  CRON: cron,
  GRACE: schedule("leaves out what was slept past by more than GRACE, and says so"),
  RUN_ONCE: by("end-to-end/modes", "exits with 0 where nothing was due, all was updated, or someone said no"),
  DRY_RUN: instead,
  MONITOR_ONLY: instead,
  MONITOR: watched("those that MONITOR names are watched"),
  IGNORE: watched("those that IGNORE names are not"),
  LABEL_ENABLE: watched("the label comes before MONITOR and IGNORE with LABEL_ENABLE"),
  LABELS_ONLY: watched("only labelled ones are watched with LABELS_ONLY"),
  CLEANUP: by(
    "end-to-end/cleanup",
    "removes the old image once nothing uses it any more, and none that bears another name",
  ),
  CLEANUP_UNUSED_VOLUMES: by("end-to-end/cleanup", "removes what has no name and no container, on ${api}"),
  LATEST_ONLY: by("end-to-end/cleanup", "moves containers to latest once, where there is such a tag"),
  REPO_USER: credentials,
  REPO_PASS: credentials,
  SELF_UPDATE: self,
  SWARM: by("end-to-end/swarm", "updates a labelled service to image@digest, and asks before and after"),
  NOTIFIERS: notifier("sends the three messages of Ouroboros 1: started, detected, updated"),
  SKIP_STARTUP_NOTIFICATIONS: notifier("says nothing at its start where that is asked for"),
  LANGUAGE: notifier("speaks Spanish"),
  TZ: cron,
  DATA_EXPORT: by(
    "cli/all-in-one-observers",
    "=prometheus serves the three metrics of Ouroboros 1 after an update, and with DASHBOARD=on shows it on the page",
  ),
  PROMETHEUS_ADDR: by(
    "services/exporter/prometheus",
    "cannot be served on a port that is taken: the exporter says so and ends",
  ),
  PROMETHEUS_PORT: metrics,
  INFLUX_URL: by(
    "services/exporter/influxdb",
    "need a database and a host's name: otherwise the exporter says so and ends",
  ),
  INFLUX_PORT: points,
  INFLUX_USERNAME: points,
  INFLUX_PASSWORD: points,
  INFLUX_DATABASE: points,
  INFLUX_SSL: tls,
  INFLUX_VERIFY_SSL: tls,
  SAVE_COUNTERS: by("end-to-end/counters", "are kept across restarts where SAVE_COUNTERS says so"),
  HOSTNAME: notifier("sends the three messages of Ouroboros 1: started, detected, updated"),
  LOG_LEVEL: by("shared/runtime/log", "holds back what is below LOG_LEVEL"),
};

/** The whole: its compose file and its scripts. */
export const wholeProof = migration;
