// What keeps a service or command from starting, but for NATS (nats-errors.ts). Pure data.
import type { Catalogue } from "./entry.ts";

export const settingErrors = {
  settingsUnusable: {
    says: "These settings cannot be used",
    cause:
      "A value is wrong, or asks for what this version cannot do. All such settings are listed, each with what is allowed.",
    remedy: "correct or unset each one\n  {list}",
  },
  unknownOption: {
    says: "{option} is no option",
    cause: "The command line of a service has an option that no setting reads.",
    remedy: "`ouroboros --help` lists them",
  },
  unknownWord: {
    says: "{word} is neither a command nor an option",
    cause:
      "The command line of a service has a word that no setting reads, as other updaters take names of containers.",
    remedy: "`ouroboros --help` lists both; containers are named in MONITOR",
  },
  settingMissing: {
    says: "{setting} is not set",
    cause: "The service cannot work without this setting.",
    remedy: "set it to {value}",
  },
  secretUnusable: {
    says: "{setting} (secret) cannot be used",
    cause: "The value has not the form of such a secret; it is not shown.",
    remedy: "set it to {value}",
  },
  healthPort: {
    says: "HEALTH_PORT {port} cannot be listened on ({because})",
    cause: "Another program has the port.",
    remedy: "set another one, or off",
  },
  severalHosts: {
    says: "there are several hosts ({hosts})",
    cause: "A hook-executor runs the scripts of one host, and the fleet has more.",
    remedy: "set OUROBOROS_HOST to the one whose scripts these are",
  },
  hostNameTaken: {
    says: "the host name {name} belongs to the Engine {engine} (seen last at {seen}), and this Engine is {ours}",
    cause: "Two Engines have the same name, or the machine has got a new Engine.",
    remedy:
      "set OUROBOROS_HOST to a name of its own; if the other Engine is gone for good, `ouroboros host forget {name}` frees the name",
  },
  helperOnly: {
    says: "this command is for the helper that a self-update starts",
    cause: "`self-update` was called by hand.",
    remedy: "use `ouroboros update` with the name of Ouroboros' container",
  },
} as const satisfies Catalogue;

export const dataDirErrors = {
  full: {
    says: "DATA_DIR {folder} is full ({free} KiB free, at least {needed} are needed)",
    cause: "The file system has too little room left to record a run.",
    remedy: "free some space there, or set DATA_DIR to another folder",
  },
  unwritable: {
    says: "DATA_DIR {folder} cannot be written ({because})",
    cause: "The folder belongs to another user, the container is read-only, or the disk is full.",
    remedy: "free some space there, or let this user write to it, or set DATA_DIR to another folder",
  },
  taken: {
    says: "another Ouroboros uses DATA_DIR {folder}",
    cause: "Two processes share one folder.",
    remedy: "stop it, or give this one a DATA_DIR of its own",
  },
  snapshotUnwritten: {
    says: "the snapshot of {container} could not be written into DATA_DIR {folder} ({because}), and without it nothing is stopped",
    cause: "The disk of DATA_DIR is full or cannot be written.",
    remedy: "make room there",
  },
} as const satisfies Catalogue;

export const observerErrors = {
  atLeafNode: {
    says: "NATS_HUB is set, so this is the NATS of a single host",
    cause: "A leaf node has the events of its own host only.",
    remedy: "run the {service} at the hub, which has the events of all hosts",
  },
  influxAddress: {
    says: "INFLUX_URL is not a host name",
    cause: "As in Ouroboros 1, INFLUX_URL is a name without scheme and port.",
    remedy: "write only the name, such as influxdb; the port is INFLUX_PORT",
  },
  metricsAddress: {
    says: "metrics cannot be served on {address} ({because})",
    cause: "The address is not one of this machine, or another program has the port.",
    remedy: "set PROMETHEUS_ADDR to an address of this machine, and PROMETHEUS_PORT to a port that is free",
  },
  dashboardAddress: {
    says: "the dashboard cannot be served on {address} ({because})",
    cause: "The address is not one of this machine, or another program has the port.",
    remedy: "set DASHBOARD_ADDR to an address of this machine, and DASHBOARD_PORT to a port that is free",
  },
  dashboardTokens: {
    says: "DASHBOARD_TOKENS is not set, so nobody could sign in to the dashboard",
    cause: "With DASHBOARD_AUTH=token people sign in by a token.",
    remedy:
      "set it to NAME:operator:TOKEN with a token of `openssl rand -hex 24`, or choose another DASHBOARD_AUTH",
  },
  dashboardProxies: {
    says: "DASHBOARD_PROXIES is not set, so nobody would be believed who they are",
    cause:
      "With DASHBOARD_AUTH=forward-auth a proxy signs people in, and only what comes from its address counts.",
    remedy: "set it to the addresses of your proxy",
  },
  dashboardOidc: {
    says: "DASHBOARD_AUTH=oidc needs {missing}",
    cause:
      "Without these settings the provider cannot be asked, or does not know where to lead people back to.",
    remedy: "set it as your provider says",
  },
  pushAddress: {
    says: "registries cannot be listened to on {address} ({because})",
    cause: "The address is not one of this machine, or another program has the port.",
    remedy: "set PUSH_ADDR to an address of this machine, and PUSH_PORT to a port that is free",
  },
  pushSecret: {
    says: "PUSH_SECRET is not set, so no registry could show that it may notify",
    cause: "The push endpoint lets in only who knows the secret.",
    remedy: "set it to what `openssl rand -hex 24` prints",
  },
  mqttCertificate: {
    says: "MQTT_CA cannot be read ({because})",
    cause: "The file is not there, or this user may not read it.",
    remedy: "mount the broker's CA certificate there, or correct MQTT_CA",
  },
  appriseMissing: {
    says: "NOTIFIERS needs Apprise, which is not installed here",
    cause: "Messages are sent by Apprise, a Python program. The image of Ouroboros has it.",
    remedy: "install Debian's `apprise`, or set APPRISE_API_URL",
  },
  templateUnusable: {
    says: "NOTIFY_TEMPLATES: {file} cannot be used ({because})",
    cause: "The file is no Liquid template, or names a variable that no message has.",
    remedy: "correct it, or remove it to have the built-in one",
  },
  templateFolder: {
    says: "NOTIFY_TEMPLATES: the folder cannot be read ({because})",
    cause: "The folder is not there, or this user may not read it.",
    remedy: "mount it, or unset NOTIFY_TEMPLATES",
  },
  templateUnknown: {
    says: "NOTIFY_TEMPLATES: {files} is no template",
    cause: "The name of a file says which message it is for.",
    remedy: "name it as one of {names}",
  },
} as const satisfies Catalogue;
