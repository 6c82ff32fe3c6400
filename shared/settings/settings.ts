// The table of all settings: environment variable, flags, default, meaning. docs/configuration.md is printed from it,
// and read-settings.ts reads the settings by it.
/* eslint max-lines: off -- one row a setting */
import * as z from "zod";
import { dashboardRoles, dashboardTokens } from "./dashboard-settings.ts";
import { notify } from "./notify-setting.ts";
import * as value from "./setting-values.ts";

export interface Setting {
  readonly says: string;
  readonly flags?: readonly string[];
  /** The value of a flag that is given without one, where that is not `true`. */
  readonly flagMeans?: string;
  /** The default, as a user would write it; undefined where there is none. */
  readonly byDefault?: string;
  readonly read: z.ZodType<unknown, string>;
  readonly secret?: true;
  /** Its variable is also read in lower case, as other programs do. */
  readonly lowerCaseToo?: true;
  /** It keeps containers from being updated: without it other or more containers would be updated. */
  readonly narrows?: true;
}

export const settings = {
  DOCKER_SOCKETS: {
    flags: ["-d", "--docker-sockets"],
    byDefault: "unix:///var/run/docker.sock",
    read: value.sockets,
    says: "One or more Engines, `unix://` or `tcp://`, separated by blanks. Where it is not given: DOCKER_HOST; where `/var/run/docker.sock` is not there: `docker.sock` or `podman/podman.sock` in XDG_RUNTIME_DIR.",
  },
  DOCKER_HOST: {
    byDefault: "",
    read: value.optionalSocket,
    says: "The Engine, where DOCKER_SOCKETS is not given: the variable of Docker's own client.",
  },
  DOCKER_TLS: {
    flags: ["-t", "--docker-tls"],
    byDefault: "false",
    read: value.flag,
    says: "TLS with client certificates to Engines on `tcp://`.",
  },
  DOCKER_TLS_VERIFY: {
    flags: ["-T", "--docker-tls-verify"],
    flagMeans: "false",
    byDefault: "true",
    read: value.flag,
    says: "Check the Engine's certificate; the flags turn that *off*. With DOCKER_HOST, where it is given as `1` or `true` it turns TLS on too, as for Docker's own client.",
  },
  DOCKER_CERT_PATH: {
    byDefault: "",
    read: value.text,
    says: "Folder with `ca.pem`, `cert.pem` and `key.pem` for Engines on `tcp://`, or with a folder named `host:port` for each of them that holds `ca.crt`, `client.cert` and `client.key`. Where it is not given: the folders in `/etc/docker/certs.d`, then `~/.docker`.",
  },
  DOCKER_TIMEOUT: {
    flags: ["--docker-timeout"],
    byDefault: "60",
    read: value.duration,
    says: "How long a call to the Engine may take.",
  },
  OUROBOROS_HOST: {
    flags: ["--host"],
    byDefault: "",
    read: value.names,
    says: "Name of the host, one for each Engine; else the Engine's own name.",
  },
  INTERVAL: {
    flags: ["-i", "--interval"],
    byDefault: "300",
    read: value.interval,
    says: "Time between checks, at least 30 s. The first is made at once.",
  },
  CRON: {
    flags: ["-C", "--cron"],
    byDefault: "",
    read: value.cron,
    says: "Checks at these times instead: five fields, minute, hour, day of the month, month, day of the week (`0 4 * * mon-fri`), in the time zone TZ. If both a day of the month and a day of the week are given, both must match. A time that summer time skips is made up for right after it; one that comes twice counts once.",
  },
  GRACE: {
    flags: ["-G", "--grace"],
    byDefault: "15",
    read: value.grace,
    says: "How late a check of CRON may still be made, for example after the machine slept or because the one before took long; `0`: never, `-1`: always. If several were missed, one is made.",
  },
  TZ: {
    flags: ["-tz", "--timezone"],
    byDefault: "UTC",
    read: value.text,
    says: "Time zone of CRON, for example `Europe/Berlin`; the variable also counts for the times in the pretty log. An unknown one is named in the log, and UTC is used.",
  },
  JITTER: {
    flags: ["--jitter"],
    byDefault: "30",
    read: value.duration,
    says: "Delays each check by up to this much, so that many hosts do not ask the registries at the same moment. The delay of a host is always the same; it follows from the host's name. The first check of INTERVAL and that of RUN_ONCE are not delayed.",
  },
  CHECK_NEW: {
    byDefault: "on",
    read: value.onOff,
    says: "A container that starts is checked at once, if no check has seen it before; `off`: at the next check. With CRON or RUN_ONCE always `off`.",
  },
  RUN_ONCE: {
    flags: ["-o", "--run-once"],
    byDefault: "false",
    read: value.flag,
    says: "Finish what an earlier run left, run one cycle, then exit: 0; 1 if an update failed or was rolled back, or a registry gave no answer for an image; 2 if a person is needed; 3 if it was stopped or out of time before all was done.",
  },
  RUN_ONCE_TIMEOUT: {
    byDefault: "2h",
    read: value.duration,
    says: "How long a program with RUN_ONCE or DRY_RUN may take. Then it stops as after SIGTERM, says in its last line what it was waiting for, and exits with 3. The next start finishes the rest.",
  },
  DRY_RUN: {
    flags: ["-A", "--dry-run"],
    byDefault: "false",
    read: value.flag,
    narrows: true,
    says: "Update nothing; publish `dry_run_update` for each update. Implies RUN_ONCE. What an earlier run left unfinished is still repaired.",
  },
  MONITOR_ONLY: {
    flags: ["-mo", "--monitor-only"],
    byDefault: "false",
    read: value.flag,
    narrows: true,
    says: "Update nothing; publish `notify_update` for each update. What an earlier run left unfinished is still repaired.",
  },
  MONITOR: {
    flags: ["-m", "--monitor"],
    byDefault: "",
    read: value.names,
    narrows: true,
    says: "Names of the containers to watch; empty for all. Set it for both poller and updater, like every setting that chooses containers.",
  },
  IGNORE: {
    flags: ["-n", "--ignore"],
    byDefault: "",
    read: value.names,
    narrows: true,
    says: "Names of containers to leave alone; takes precedence over MONITOR.",
  },
  LABEL_ENABLE: {
    flags: ["-k", "--label-enable"],
    byDefault: "false",
    read: value.flag,
    narrows: true,
    says: "Read the label `com.ouroboros.enable`.",
  },
  LABELS_ONLY: {
    flags: ["-M", "--labels-only"],
    byDefault: "false",
    read: value.flag,
    narrows: true,
    says: "With LABEL_ENABLE: watch labelled containers only; without it nothing is watched.",
  },
  CLEANUP: {
    flags: ["-c", "--cleanup"],
    byDefault: "false",
    read: value.flag,
    says: "Remove the old image after an update, if no container uses it and it has no other name.",
  },
  CLEANUP_UNUSED_VOLUMES: {
    byDefault: "false",
    read: value.flag,
    says: "After a run that updated something, remove the anonymous volumes that no container used when the run began and none uses now. Named volumes are never removed.",
  },
  LATEST_ONLY: {
    flags: ["-L", "--latest-only"],
    byDefault: "false",
    read: value.flag,
    says: "Move containers to the tag `latest` of their image, where its registry has one, whatever tag they run. For poller and updater.",
  },
  COOLDOWN: {
    flags: ["--cooldown"],
    byDefault: "0",
    read: value.duration,
    narrows: true,
    says: "How long a new image must have been on its tag before containers are updated to it; `0`: not at all. The newest digest that has stayed so long is taken. A label `com.ouroboros.cooldown` beats it. For poller and updater ([versions](versions.md)).",
  },
  TAG_POLICY: {
    flags: ["--tag-policy"],
    byDefault: "same",
    read: value.tagPolicy,
    says: "Which later tags of its image a container moves to: `same` (none), `semver:^1.4` (versions in that range), `semver+pre:^1.4` (pre-releases too), `newest` (any), `newest:2026.*`, `regex:PATTERN`; always of its own variant, such as `-alpine`. A label `com.ouroboros.tag_policy` beats it. For poller and updater ([versions](versions.md#tag-policies)).",
  },
  COOLDOWN_AFTER: {
    byDefault: "",
    read: value.names,
    narrows: true,
    says: "Names of hosts, `*` for all that share its NATS: only a new image is taken that COOLDOWN_HOSTS of them have run for as long as COOLDOWN says, and that was rolled back on none; empty: no other host is waited for. A host that is named itself waits for nobody. For poller and updater ([versions](versions.md#what-other-hosts-have-proved)).",
  },
  COOLDOWN_HOSTS: {
    byDefault: "1",
    read: value.count,
    says: "How many of the hosts in COOLDOWN_AFTER must have run a new image.",
  },
  SHARE_LOOK_UPS: {
    byDefault: "",
    read: value.names,
    says: "Names of the hosts whose registry answers this host takes as its own, `*` for all that share its NATS; empty for none. Of all that do, one asks about an image, once each INTERVAL ([versions](versions.md)).",
  },
  REPO_USER: {
    flags: ["-r", "--repo-user"],
    byDefault: "",
    read: value.text,
    says: "User for one private registry, REPO_REGISTRY; for all others `~/.docker/config.json` is used, with its `credHelpers` and `credsStore`.",
  },
  REPO_PASS: {
    flags: ["-R", "--repo-pass"],
    byDefault: "",
    read: value.text,
    secret: true,
    says: "Password of REPO_USER.",
  },
  REPO_REGISTRY: {
    byDefault: "",
    read: value.registry,
    says: "The registry that REPO_USER and REPO_PASS are for (`ghcr.io`, `docker.io`, `registry.example:5000`); they are sent to no other. If it is not set, all registries are first asked without them; if exactly one refuses that, they are used for it from then on, which the host's record keeps. Set it for both poller and updater.",
  },
  TOKEN_SERVERS: {
    byDefault: "",
    read: value.names,
    says: "Token servers on another site than their registry that may get its credentials, as `registry=host`, separated by blanks. Those on the registry's own site always may, as `auth.docker.io` for Docker Hub.",
  },
  HTTP_PROXY: {
    byDefault: "",
    read: value.text,
    secret: true,
    lowerCaseToo: true,
    says: "Proxy for registries without TLS, also in lower case. Where neither this nor HTTPS_PROXY is given, the Engine's proxies are taken.",
  },
  HTTPS_PROXY: {
    byDefault: "",
    read: value.text,
    secret: true,
    lowerCaseToo: true,
    says: "Proxy for registries with TLS, which is nearly all of them, also in lower case.",
  },
  NO_PROXY: {
    byDefault: "",
    read: value.text,
    lowerCaseToo: true,
    says: "Hosts that are asked without a proxy: names with their subdomains, addresses, networks (`10.0.0.0/8`), `*`, separated by commas; also in lower case.",
  },
  SELF_UPDATE: {
    flags: ["-u", "--self-update"],
    byDefault: "false",
    read: value.flag,
    says: "Update the containers of Ouroboros itself too (never its NATS), last in a run.",
  },
  COMPAT_LABELS: {
    flags: ["--compat-labels"],
    byDefault: "",
    read: value.compatLabels,
    narrows: true,
    says: "Other updaters whose labels are understood, beside those of Ouroboros: `watchtower`, `wud` (What's Up Docker).",
  },
  SWARM: {
    flags: ["-S", "--swarm"],
    byDefault: "false",
    read: value.swarm,
    says: "`true`: watch the services of the swarm instead of containers; `also`: beside the containers of this node ([swarm](swarm.md)).",
  },
  NOTIFIERS: {
    flags: ["-N", "--notifiers"],
    byDefault: "",
    read: value.wordsOrNone,
    secret: true,
    says: "Where to send notifications: URLs of Apprise.",
  },
  NOTIFY: {
    byDefault: "",
    read: notify,
    says: "What is reported, and how soon: `KIND=WHEN`, separated by blanks; `*=WHEN` for all that are not named ([notifications](notifications.md) lists the kinds). When is `now`, `run` (when the run is over, in one message), `digest` or `never`.",
  },
  NOTIFY_DIGEST: {
    byDefault: "0 8 * * *",
    read: value.cron,
    says: "When digests are sent: five fields as in CRON, in the time zone TZ. One message for all hosts.",
  },
  NOTIFY_WAITING: {
    byDefault: "10m",
    read: value.duration,
    says: "How long an update waits for an answer before that is reported.",
  },
  NOTIFY_TEMPLATES: {
    byDefault: "",
    read: value.text,
    says: "Folder with texts of your own for notifications ([notifications](notifications.md)).",
  },
  APPRISE_API_URL: {
    byDefault: "",
    read: value.webAddress,
    secret: true,
    says: "A running apprise-api that sends the notifications; without it Apprise itself does, which is in the image.",
  },
  SKIP_STARTUP_NOTIFICATIONS: {
    flags: ["--skip-startup-notifications"],
    byDefault: "false",
    read: value.flag,
    says: "No notification at the start.",
  },
  LANGUAGE: {
    flags: ["-la", "--language"],
    byDefault: "en",
    read: value.language,
    says: "Language of notifications, `en` or `es_ES`; for any other, as systems set it, `en`.",
  },
  HOSTNAME: {
    byDefault: "",
    read: value.text,
    says: "Host name in notifications.",
  },
  DATA_EXPORT: {
    flags: ["-D", "--data-export"],
    byDefault: "",
    read: value.dataExport,
    says: "`prometheus` or `influxdb`.",
  },
  PROMETHEUS_ADDR: {
    flags: ["-a", "--prometheus-addr"],
    byDefault: "127.0.0.1",
    read: value.text,
    says: "Address on which metrics are served.",
  },
  PROMETHEUS_PORT: {
    flags: ["-p", "--prometheus-port"],
    byDefault: "8000",
    read: value.port,
    says: "Port on which metrics are served.",
  },
  INFLUX_URL: {
    flags: ["-I", "--influx-url"],
    byDefault: "127.0.0.1",
    read: value.text,
    says: "Host name of InfluxDB 1.x.",
  },
  INFLUX_PORT: {
    flags: ["-P", "--influx-port"],
    byDefault: "8086",
    read: value.port,
    says: "Port of InfluxDB.",
  },
  INFLUX_USERNAME: {
    flags: ["-U", "--influx-username"],
    byDefault: "root",
    read: value.text,
    says: "User at InfluxDB.",
  },
  INFLUX_PASSWORD: {
    flags: ["-x", "--influx-password"],
    byDefault: "root",
    read: value.text,
    secret: true,
    says: "Password of INFLUX_USERNAME.",
  },
  INFLUX_DATABASE: {
    flags: ["-X", "--influx-database"],
    byDefault: "",
    read: value.text,
    says: "Database at InfluxDB.",
  },
  INFLUX_SSL: {
    flags: ["-s", "--influx-ssl"],
    byDefault: "false",
    read: value.flag,
    says: "TLS to InfluxDB.",
  },
  INFLUX_VERIFY_SSL: {
    flags: ["-V", "--influx-verify-ssl"],
    byDefault: "false",
    read: value.flag,
    says: "Check the certificate of InfluxDB.",
  },
  MQTT_URL: {
    byDefault: "",
    read: value.mqttAddress,
    secret: true,
    says: "`ouroboros home-assistant`: the MQTT broker, `mqtt://user:password@host:1883`, or `mqtts://` with TLS ([Home Assistant](home-assistant.md)).",
  },
  MQTT_CA: { byDefault: "", read: value.text, says: "File with the CA certificates to trust at the broker." },
  MQTT_DISCOVERY_PREFIX: {
    byDefault: "homeassistant",
    read: value.topicPrefix,
    says: "First part of all topics: the discovery prefix that Home Assistant is set to.",
  },
  DASHBOARD: {
    byDefault: "off",
    read: value.onOff,
    says: "`on`: the program with all services serves the [dashboard](dashboard.md) too. `ouroboros dashboard` does so by itself.",
  },
  DASHBOARD_ADDR: {
    byDefault: "127.0.0.1",
    read: value.text,
    says: "Address on which the dashboard is served.",
  },
  DASHBOARD_PORT: { byDefault: "8010", read: value.port, says: "Port on which the dashboard is served." },
  DASHBOARD_URL: {
    byDefault: "",
    read: value.webAddress,
    says: "Where browsers reach the dashboard, such as `https://example.org/ouroboros/`, if that is through a proxy. With `https://` its cookies are sent by TLS alone. OIDC needs it.",
  },
  DASHBOARD_AUTH: {
    byDefault: "token",
    read: value.dashboardAuth,
    says: "How people sign in to the dashboard: `token` (DASHBOARD_TOKENS), `forward-auth` (a proxy in DASHBOARD_PROXIES says who it is), or `oidc`.",
  },
  DASHBOARD_TOKENS: {
    byDefault: "",
    read: dashboardTokens,
    secret: true,
    says: "Who may sign in by a token: `NAME:ROLE:TOKEN`, separated by blanks; the role is `viewer`, `approver` or `operator`, the token has 24 characters or more.",
  },
  DASHBOARD_ROLES: {
    byDefault: "viewer=*",
    read: dashboardRoles,
    says: "Who has which role, where a proxy or OIDC says who it is: `ROLE=GROUP`, `ROLE=user:NAME` or `ROLE=*`, separated by blanks. The highest role counts; who has none is not let in.",
  },
  DASHBOARD_PROXIES: {
    byDefault: "",
    read: value.addresses,
    says: "Addresses or networks of the proxies that are believed who it is, such as `172.18.0.2` or `10.0.0.0/8`, separated by blanks.",
  },
  DASHBOARD_USER_HEADER: {
    byDefault: "Remote-User",
    read: value.headerName,
    says: "Header in which the proxy says who it is.",
  },
  DASHBOARD_GROUPS_HEADER: {
    byDefault: "Remote-Groups",
    read: value.headerName,
    says: "Header in which the proxy names the groups, separated by commas.",
  },
  DASHBOARD_OIDC_ISSUER: {
    byDefault: "",
    read: value.webAddress,
    says: "The OpenID Connect provider, as it names itself (`https://…`).",
  },
  DASHBOARD_OIDC_CLIENT: {
    byDefault: "",
    read: value.text,
    says: "Id of the client that the provider has for the dashboard. Its redirect URL is DASHBOARD_URL followed by `/auth/callback`.",
  },
  DASHBOARD_OIDC_SECRET: {
    byDefault: "",
    read: value.text,
    secret: true,
    says: "Secret of DASHBOARD_OIDC_CLIENT.",
  },
  DASHBOARD_OIDC_GROUPS: {
    byDefault: "groups",
    read: value.text,
    says: "Claim of the ID token that lists the groups.",
  },
  PUSH_SECRET: {
    byDefault: "",
    read: value.pushSecret,
    secret: true,
    says: "Turns the [push endpoint](push.md) on: with it registries show that they may notify. At least 24 letters, digits, `-` and `_`. `ouroboros push` serves it, and the program with all services.",
  },
  PUSH_ADDR: {
    byDefault: "127.0.0.1",
    read: value.text,
    says: "Address on which registries are listened to.",
  },
  PUSH_PORT: { byDefault: "8020", read: value.port, says: "Port on which registries are listened to." },
  SAVE_COUNTERS: {
    flags: ["-sc", "--save-counters"],
    byDefault: "false",
    read: value.flag,
    says: "Keep the counts of updates, which `ouroboros status` shows, in DATA_DIR: across restarts and self-updates. Otherwise they start at 0 with the updater's process.",
  },
  LOG_LEVEL: {
    flags: ["-l", "--log-level"],
    byDefault: "info",
    read: value.logLevel,
    says: "`debug`, `info`, `warn`, `error` or `critical`.",
  },
  LOG_FORMAT: {
    flags: ["--log-format"],
    byDefault: "",
    read: value.logFormat,
    says: "`json` or `pretty` (sentences for people, with times in the zone of TZ; ids and all fields only with `LOG_LEVEL=debug`). Where it is not given, `pretty` on a terminal; compose.yaml sets `pretty`.",
  },
  HEALTH_PORT: {
    byDefault: "",
    read: value.optionalPort,
    says: "Port on loopback for `/healthz` and `/readyz`, or `off`; without one nothing listens. In the image 9464, which `ouroboros healthcheck` asks.",
  },
  NATS_URL: {
    byDefault: "",
    read: value.text,
    says: "Where NATS is. Without it a private nats-server is started on loopback.",
  },
  NATS_USER: { byDefault: "", read: value.text, says: "User at NATS." },
  NATS_PASSWORD: { byDefault: "", read: value.text, secret: true, says: "Password of NATS_USER." },
  NATS_CREDS: {
    byDefault: "",
    read: value.text,
    secret: true,
    says: "Credentials of a NATS user (contents of a .creds file); give it as NATS_CREDS_FILE.",
  },
  NATS_NKEY: { byDefault: "", read: value.text, secret: true, says: "Seed of a NATS nkey." },
  NATS_OPERATOR_NKEY: {
    byDefault: "",
    read: value.text,
    secret: true,
    says: "Seed of the operator's nkey, which the commands of `ouroboros` use in place of NATS_NKEY; the services never.",
  },
  NATS_CA: { byDefault: "", read: value.text, says: "File with the CA certificates to trust at NATS." },
  NATS_CERT: { byDefault: "", read: value.text, says: "File with the client certificate for NATS." },
  NATS_KEY: { byDefault: "", read: value.text, says: "File with the key of NATS_CERT." },
  NATS_REPLICAS: {
    byDefault: "1",
    read: value.count,
    says: "On how many servers of a NATS cluster streams and buckets are kept: 3 survive the loss of one. With 1, what is there stays as it is.",
  },
  NATS_HUB: {
    byDefault: "",
    read: value.domainOrNone,
    says: "JetStream domain of the hub, where the host has a NATS of its own that is a leaf node of it ([many hosts](leaf-nodes.md)). Participants are managed at the hub.",
  },
  NATS_HUB_AWAY: {
    byDefault: "stop",
    read: z.enum(["stop", "local"]),
    says: "What the updater does while NATS_HUB is out of reach. `stop`: it starts no update, and puts off those that are due. `local`: it continues, and asks only the scripts of its host.",
  },
  EVENT_LABELS: {
    byDefault: "*",
    read: value.names,
    says: "Names of the labels that events carry, with `*` and `?`, separated by blanks. A value that looks like a secret (a password, hash, token or key, by its label's name or by itself) is `(hidden)`, unless its label is named here in full. For poller and updater.",
  },
  HOOK_EXECUTOR: {
    byDefault: "on",
    read: value.onOff,
    says: "`off`: the updater does not wait for a hook-executor on its host.",
  },
  HOOKS_DIR: {
    byDefault: "",
    read: value.text,
    says: "Folder of the hook scripts; `hooks/` beside the program, in the image `/hooks`, and `/app/pyouroboros/hooks` where that is mounted.",
  },
  HOOK_TIMEOUT: { byDefault: "60", read: value.duration, says: "How long one script may run." },
  HOOK_FAILURE: {
    byDefault: "refuse",
    read: z.enum(["refuse", "proceed"]),
    says: "What a script that fails counts as: `refuse` or `proceed`.",
  },
  HOOK_ENV: {
    byDefault: "",
    read: value.names,
    says: "Names of further environment variables that scripts may see.",
  },
  PARALLEL_PULLS: { byDefault: "3", read: value.count, says: "How many images are pulled at a time." },
  SWAPS: {
    byDefault: "1",
    read: value.count,
    says: "How many containers of a host are replaced at the same time.",
  },
  HEALTH_TIMEOUT: {
    byDefault: "",
    read: value.optionalDuration,
    says: "How long a new container may take to become healthy; else its start period + (interval + timeout) × retries + 30 s.",
  },
  SETTLE_TIME: {
    byDefault: "10",
    read: value.duration,
    says: "How long a new container without a healthcheck must run without a restart.",
  },
  STOP_AFTER_FAILURES: {
    byDefault: "3",
    read: value.countOrNone,
    says: "After this many updates in a row that failed or were rolled back, a run leaves the rest for later; 0: never.",
  },
  STOP_GRACE: {
    byDefault: "8",
    read: value.duration,
    says: "How long the current step may take after SIGTERM before it is undone.",
  },
  WEBHOOK_URL: {
    byDefault: "",
    read: value.webAddress,
    secret: true,
    says: "`ouroboros webhook`: the HTTP endpoint that is asked.",
  },
  WEBHOOK_NAME: {
    byDefault: "webhook",
    read: value.participantName,
    says: "Name of the participant that the endpoint answers for.",
  },
  WEBHOOK_SECRET: {
    byDefault: "",
    read: value.signingSecret,
    secret: true,
    says: "Signs each request; without it there is no signature. After `whsec_` the key in base64.",
  },
  WEBHOOK_TOKEN: {
    byDefault: "",
    read: value.text,
    secret: true,
    says: "Sent as `Authorization: Bearer`.",
  },
  WEBHOOK_TIMEOUT: {
    byDefault: "30",
    read: value.duration,
    says: "How long the endpoint may take for one answer.",
  },
  WEBHOOK_RETRY: {
    byDefault: "5m",
    read: value.duration,
    says: "For how long an endpoint that does not answer is asked again.",
  },
  DATA_DIR: {
    byDefault: "/var/lib/ouroboros",
    read: value.text,
    says: "Folder for the snapshots of replaced containers and the store of the private NATS.",
  },
} as const satisfies Record<string, Setting>;

export type SettingName = keyof typeof settings;
export type Settings = { readonly [N in SettingName]: z.output<(typeof settings)[N]["read"]> };
