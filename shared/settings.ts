// Every setting in one table: environment variable, flags, default, meaning. Environment beats flag, NAME_FILE gives
// the value of NAME from a file. docs/configuration.md is printed from this table.
import { readFileSync } from "node:fs";
import { z } from "zod";
import { CannotStart } from "./errors.ts";
import * as value from "./setting-values.ts";

interface Setting {
  readonly says: string;
  readonly flags?: readonly string[];
  /** Text as a user would write it; undefined where there is no value by default. */
  readonly byDefault?: string;
  readonly read: z.ZodType<unknown, string>;
  readonly secret?: true;
}

export const settings = {
  DOCKER_SOCKETS: {
    flags: ["-d", "--docker-sockets"],
    byDefault: "unix:///var/run/docker.sock",
    read: value.sockets,
    says: "One or more Engines, `unix://` or `tcp://`, separated by blanks.",
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
    read: value.words,
    says: "Name of the host, one for each Engine; else the Engine's own name.",
  },
  INTERVAL: {
    flags: ["-i", "--interval"],
    byDefault: "300",
    read: value.interval,
    says: "Time between checks, at least 30 s.",
  },
  RUN_ONCE: {
    flags: ["-o", "--run-once"],
    byDefault: "false",
    read: value.flag,
    says: "One cycle, then exit: 0; 1 if an update failed or was rolled back; 2 if a person is needed.",
  },
  DRY_RUN: {
    flags: ["-A", "--dry-run"],
    byDefault: "false",
    read: value.flag,
    says: "Change nothing, tell `dry_run_update` for each update; implies RUN_ONCE.",
  },
  MONITOR_ONLY: {
    flags: ["-mo", "--monitor-only"],
    byDefault: "false",
    read: value.flag,
    says: "Change nothing, tell `notify_update` for each update.",
  },
  MONITOR: {
    flags: ["-m", "--monitor"],
    byDefault: "",
    read: value.words,
    says: "Names of the containers to watch; all if empty.",
  },
  IGNORE: {
    flags: ["-n", "--ignore"],
    byDefault: "",
    read: value.words,
    says: "Names of containers to leave alone; beats MONITOR.",
  },
  LABEL_ENABLE: {
    flags: ["-k", "--label-enable"],
    byDefault: "false",
    read: value.flag,
    says: "Read the label `com.ouroboros.enable`.",
  },
  LABELS_ONLY: {
    flags: ["-M", "--labels-only"],
    byDefault: "false",
    read: value.flag,
    says: "With LABEL_ENABLE: watch labelled containers only.",
  },
  CLEANUP: {
    flags: ["-c", "--cleanup"],
    byDefault: "false",
    read: value.flag,
    says: "Remove the old image after an update.",
  },
  REPO_USER: {
    flags: ["-r", "--repo-user"],
    byDefault: "",
    read: value.text,
    says: "User for private registries; without it `~/.docker/config.json` is used.",
  },
  REPO_PASS: {
    flags: ["-R", "--repo-pass"],
    byDefault: "",
    read: value.text,
    secret: true,
    says: "Password of REPO_USER.",
  },
  LOG_LEVEL: {
    flags: ["-l", "--log-level"],
    byDefault: "info",
    read: value.logLevel,
    says: "`debug`, `info`, `warn`, `error` or `critical`.",
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
  NATS_CA: { byDefault: "", read: value.text, says: "File with the CA certificates to trust at NATS." },
  NATS_CERT: { byDefault: "", read: value.text, says: "File with the client certificate for NATS." },
  NATS_KEY: { byDefault: "", read: value.text, says: "File with the key of NATS_CERT." },
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
    read: value.words,
    says: "Names of further environment variables that scripts may see.",
  },
  PARALLEL_PULLS: { byDefault: "3", read: value.count, says: "How many images are pulled at a time." },
  SWAPS: { byDefault: "1", read: value.count, says: "How many containers of a host are swapped at a time." },
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
  STOP_GRACE: {
    byDefault: "8",
    read: value.duration,
    says: "How long the step in hand may take to end after SIGTERM before it is undone.",
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
    read: value.text,
    secret: true,
    says: "Signs each request; without it there is no signature.",
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
    says: "How long an endpoint that gives no answer is asked again.",
  },
  DATA_DIR: {
    byDefault: "/var/lib/ouroboros",
    read: value.text,
    says: "Where the inspect documents of replaced containers and the private NATS are kept.",
  },
} as const satisfies Record<string, Setting>;

export type SettingName = keyof typeof settings;
export type Settings = { readonly [N in SettingName]: z.output<(typeof settings)[N]["read"]> };

/** Options of Ouroboros that this version does not honour: it does not start rather than do something else. */
const NOT_YET = [
  "CRON",
  "LATEST_ONLY",
  "SELF_UPDATE",
  "SWARM",
  "NOTIFIERS",
  "DATA_EXPORT",
  "DOCKER_TLS",
  "CLEANUP_UNUSED_VOLUMES",
];
const asksForNothing = (text: string): boolean => /^(?:|false|no|none)$/i.test(value.unquoted(text));

/**
 * All settings. Every wrong value is told at once.
 * @throws CannotStart naming each variable, its value (masked if secret) and what is allowed.
 */
export function readSettings(env: NodeJS.ProcessEnv, flags: ReadonlyMap<string, string>): Settings {
  const wrong: string[] = [];
  const read: Record<string, unknown> = {};
  for (const [name, setting] of Object.entries<Setting>(settings)) {
    try {
      const given = givenBy(env, flags, name) ?? setting.byDefault ?? "";
      const result = setting.read.safeParse(value.unquoted(given));
      if (result.success) read[name] = result.data;
      else
        wrong.push(
          `${name}: ${setting.secret ? "(secret)" : JSON.stringify(given)}: ${result.error.issues.map(({ message }) => message).join(", ")}`,
        );
    } catch (error) {
      wrong.push(`${name}_FILE: ${(error as Error).message}`);
    }
  }
  for (const name of NOT_YET) {
    if (!asksForNothing(env[name] ?? ""))
      wrong.push(`${name} is not supported by this version yet; unset it to start`);
  }
  if (wrong.length > 0) throw new CannotStart(`These settings cannot be used:\n  ${wrong.join("\n  ")}`);
  return read as Settings;
}

/** Environment, then NAME_FILE, then flag. An empty variable counts as not given. */
function givenBy(
  env: NodeJS.ProcessEnv,
  flags: ReadonlyMap<string, string>,
  name: string,
): string | undefined {
  const direct = env[name];
  if (direct !== undefined && direct.trim() !== "") return direct;
  const file = env[`${name}_FILE`];
  if (file !== undefined && file.trim() !== "") return readFileSync(file.trim(), "utf8").trim();
  return flags.get(name);
}

/**
 * Command-line flags as setting → value. Booleans take no value, word lists take words up to the next flag.
 * @throws CannotStart for a flag nobody knows.
 */
export function readFlags(args: readonly string[]): ReadonlyMap<string, string> {
  const known = new Map(
    Object.entries<Setting>(settings).flatMap(([name, { flags = [] }]) =>
      flags.map((flag) => [flag, name] as const),
    ),
  );
  const given = new Map<string, string>();
  let current: string | undefined;
  for (const arg of args.flatMap((text) => (/^--[^=]+=/.test(text) ? splitOnce(text) : [text]))) {
    const name = known.get(arg);
    if (name !== undefined) {
      current = name;
      given.set(name, settings[name as SettingName].read === value.flag ? "true" : "");
    } else if (arg.startsWith("-") || current === undefined) {
      throw new CannotStart(`${arg} is no option; \`ouroboros --help\` lists them`);
    } else {
      const before = given.get(current);
      given.set(
        current,
        before === "" || before === undefined || before === "true" ? arg : `${before} ${arg}`,
      );
    }
  }
  return given;
}

function splitOnce(text: string): [string, string] {
  const at = text.indexOf("=");
  return [text.slice(0, at), text.slice(at + 1)];
}
