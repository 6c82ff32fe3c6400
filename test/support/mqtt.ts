// MQTT brokers of a test's own, and a client that hears everything below `homeassistant/`.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type NatsServer, startNats } from "../bed/bed.ts";
import { until } from "./until.ts";
import { checkout } from "./checkout.ts";

/** Of deploy/nats/mqtt.conf. */
const PORT = 1883;
const USERS = { ouroboros: "planted mqtt/pass", homeassistant: "planted-ha-pass" } as const;
type MqttUser = keyof typeof USERS;

export interface MqttBroker extends AsyncDisposable {
  /** With user and password. */
  readonly url: string;
  readonly secret: string;
  /** How mosquitto's clients reach it, as Home Assistant unless another user is named. */
  readonly clientArgs: (user?: MqttUser) => readonly string[];
}

/** nats-server with deploy/nats/mqtt.conf, as it is but for the passwords. */
export async function startNatsMqtt(): Promise<MqttBroker & { readonly server: NatsServer }> {
  const text = await readFile(join(checkout, "deploy/nats/mqtt.conf"), "utf8");
  const config = text
    .replace('jetstream { store_dir: "./nats-mqtt" }', "jetstream: enabled") // the test has a folder of its own
    .replace("$MQTT_USER_PASSWORD", JSON.stringify(USERS.ouroboros))
    .replace("$HOME_ASSISTANT_PASSWORD", JSON.stringify(USERS.homeassistant));
  const server = await startNats({ config });
  return {
    server,
    url: `mqtt://ouroboros:${encodeURIComponent(USERS.ouroboros)}@127.0.0.1:${PORT}`,
    secret: USERS.ouroboros,
    clientArgs: (user = "homeassistant") => [
      ...["-h", "127.0.0.1", "-p", String(PORT), "-u", user, "-P", USERS[user]],
    ],
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

/** A name of the bed's certificate. */
const HOST = "registry.lab";

/** Debian's mosquitto with TLS. */
export async function startMosquitto(): Promise<MqttBroker & { readonly ca: string }> {
  const folder = await mkdtemp(join(tmpdir(), "mosquitto-"));
  const tls = join(process.env["BED"] ?? "", "tls");
  const conf = [
    "listener 8883",
    "allow_anonymous true",
    "user root",
    ...[`certfile ${tls}/hub.pem`, `keyfile ${tls}/hub.key`],
  ];
  await writeFile(join(folder, "mosquitto.conf"), `${conf.join("\n")}\n`);
  const program = join(
    process.env["BED_CACHE"] ?? "/var/cache/ouroboros-bed",
    "mosquitto/usr/sbin/mosquitto",
  );
  const command = ["--pdeathsig", "KILL", program, "-c", join(folder, "mosquitto.conf")];
  const child = spawn("setpriv", command, { stdio: ["ignore", "ignore", "ignore"] });
  const ca = join(tls, "ca.pem");
  const broker = {
    url: `mqtts://${HOST}`,
    secret: "",
    ca,
    clientArgs: () => ["-h", HOST, "-p", "8883", "--cafile", ca],
    [Symbol.asyncDispose]: async () => {
      const exited = once(child, "exit");
      if (child.kill("SIGKILL")) await exited;
      await rm(folder, { recursive: true, force: true });
    },
  };
  await until("mosquitto listens", async () => (await publishToMqtt(broker, "test", "")) === 0);
  return broker;
}

export interface HeardMessage {
  readonly topic: string;
  readonly payload: string;
  readonly isRetained: boolean;
}

export interface MqttListener extends AsyncDisposable {
  /** In the order in which they came. */
  readonly heard: readonly HeardMessage[];
  /** The last message on a topic. */
  readonly last: (topic: string) => string | undefined;
}

/** mosquitto_sub, which ends at once where it is not let in. */
export function listenToMqtt({ clientArgs }: MqttBroker): MqttListener {
  const heard: HeardMessage[] = [];
  const args = ["-t", "homeassistant/#", "-q", "1", "-F", "%r %t %p"];
  const child = spawn("setpriv", ["--pdeathsig", "KILL", "mosquitto_sub", ...clientArgs(), ...args], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  let rest = "";
  child.stdout.on("data", (chunk: Buffer) => {
    const lines = (rest + chunk.toString()).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      const [, retained, topic = "", payload = ""] = /^(\d) (\S+) (.*)$/.exec(line) ?? [];
      heard.push({ topic, payload, isRetained: retained === "1" });
    }
  });
  return {
    heard,
    last: (topic) => heard.findLast((message) => message.topic === topic)?.payload,
    [Symbol.asyncDispose]: async () => {
      if (child.exitCode !== null) return;
      const exited = once(child, "exit");
      child.kill("SIGKILL");
      await exited;
    },
  };
}

/** mosquitto_pub; resolves with its exit code. */
export async function publishToMqtt(
  { clientArgs }: MqttBroker,
  topic: string,
  payload: string,
  { retain = false, user }: { readonly retain?: boolean; readonly user?: MqttUser } = {},
): Promise<number> {
  const args = [...clientArgs(user), "-t", topic, "-m", payload, "-q", "1", ...(retain ? ["-r"] : [])];
  const [code] = (await once(spawn("mosquitto_pub", args, { stdio: "ignore" }), "exit")) as [number];
  return code;
}
