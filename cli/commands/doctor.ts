// `ouroboros doctor`: inspects a running set-up, as far as it is reachable from here, and prints its weaknesses. The
// checks are in doctor-checks.ts.
import { connect } from "nats";
import * as z from "zod";
import { type Engine, ifExists, openEngine } from "../../shared/docker/engine.ts";
import { loadTls } from "../../shared/docker/engine-tls.ts";
import { CannotStart, explain } from "../../shared/errors.ts";
import { commandErrors } from "../../shared/catalogue/command-errors.ts";
import { messageOf } from "../../shared/catalogue/entry.ts";
import { parseJson } from "../../shared/contract/messages.ts";
import { reserveOf } from "../../shared/contract/subjects.ts";
import { findInfo, isHub } from "../../shared/nats/topology.ts";
import { inParallel } from "../../shared/in-parallel.ts";
import { roleOf } from "../../shared/containers/self-update-policy.ts";
import { readSettings } from "../../shared/settings/read-settings.ts";
import { faultsIn } from "../../services/hook-executor/run.ts";
import { EXIT } from "../framework/command.ts";
import {
  type DoctorFindings,
  type SeenContainer,
  SIZE_CHECKED_STREAMS,
  checkNames,
  checks,
} from "./doctor-checks.ts";
import { listParticipants } from "../fleet/participant-entries.ts";
import { type Fleet, listHosts, withFleet } from "../fleet/fleet.ts";
import type { CommandRunner } from "../framework/run-command.ts";
import { type Terminal, sanitize, printJson } from "../framework/terminal.ts";

export const runDoctor: CommandRunner<"doctor"> = async ({ json }, terminal) => {
  const [nats, engine, scripts] = await Promise.all([
    resultOrReason(() => inspectNats(terminal)),
    resultOrReason(() => inspectEngine(terminal)),
    resultOrReason(() => inspectScripts(terminal)),
  ]);
  const findings: DoctorFindings = {
    ...(typeof nats === "object" && { nats }),
    ...(typeof engine === "object" && { engine }),
    scripts: typeof scripts === "object" ? scripts : [],
  };
  const weaknesses = checkNames.flatMap((check) =>
    checks[check].find(findings).map((weakness) => ({ check, ...weakness })),
  );
  const unchecked = [
    ...(typeof nats === "string" ? [{ part: "NATS", because: nats }] : []),
    ...(typeof engine === "string" ? [{ part: "Engine", because: engine }] : []),
    ...(typeof scripts === "string" ? [{ part: "scripts", because: scripts }] : []),
  ];
  if (json) printJson(terminal, { weaknesses, unchecked });
  else {
    for (const { about, weakness, mend } of weaknesses)
      terminal.stdout.write(`${sanitize(`${about}: ${weakness}. Mend: ${mend}`)}\n`);
    for (const { part, because } of unchecked)
      terminal.stdout.write(`${part} not checked: ${sanitize(because)}\n`);
    if (weaknesses.length + unchecked.length === 0) terminal.stdout.write("No weakness found.\n");
  }
  if (weaknesses.length > 0) return EXIT.notDone.code;
  return unchecked.length > 0 ? EXIT.cannotAsk.code : EXIT.done.code;
};

/** The result of an inspection, or the reason why it failed. */
const resultOrReason = async <T extends object>(inspect: () => Promise<T>): Promise<T | string> =>
  inspect().catch((error: unknown) => explain(error));

const inspectNats = ({ clock, ...terminal }: Terminal): Promise<NonNullable<DoctorFindings["nats"]>> =>
  withFleet({ clock, ...terminal }, async (fleet) => {
    const entries = await listParticipants(fleet);
    const streams = await Promise.all(SIZE_CHECKED_STREAMS.map((name) => fleet.manager.streams.info(name)));
    const localTime = clock.now();
    const { ts } = streams[0] as { readonly ts?: string }; // the client's type lacks ts
    return {
      url: fleet.url,
      isOpen: await acceptsAnonymousClients(fleet),
      isShared: isSharedNats(terminal.env) && (await findAccount(fleet)) === DEFAULT_ACCOUNT,
      streams: streams.map(({ config, state }) => ({
        ...{ name: config.name, bytes: state.bytes, limit: config.max_bytes },
      })),
      withoutReserve: isSharedNats(terminal.env) ? await findHostsWithoutReserve(fleet) : [],
      unreadable: entries.flatMap((entry) =>
        "unreadable" in entry ? [{ name: entry.name, because: entry.unreadable }] : [],
      ),
      clockOff: ts === undefined ? 0 : Date.parse(ts) - localTime,
    };
  });

/** None where one host has the NATS for itself, nor at a hub, whose hosts have one each. */
async function findHostsWithoutReserve(fleet: Fleet): Promise<string[]> {
  const hosts = await listHosts(fleet);
  if (hosts.length < 2 || (await isHub(fleet.manager))) return [];
  const found = await Promise.all(
    hosts.map((host) => findInfo(() => fleet.manager.streams.info(reserveOf(host)))),
  );
  return hosts.filter((_host, at) => found[at] === undefined);
}

/** Whether NATS_URL names a NATS; the private NATS has a single key and is not shared. */
const isSharedNats = ({ NATS_URL, NATS_URL_FILE }: NodeJS.ProcessEnv): boolean =>
  (NATS_URL ?? "") !== "" || (NATS_URL_FILE ?? "") !== "";

/** The account of users for whom the server's configuration names none. */
const DEFAULT_ACCOUNT = "$G";

const UserInfo = z.object({ data: z.object({ account: z.string() }) });

/** The operator's account; undefined where the server does not report it. */
async function findAccount({ nats }: Fleet): Promise<string | undefined> {
  const answer = await nats.request("$SYS.REQ.USER.INFO", "", { timeout: 3000 }).catch(() => undefined);
  return UserInfo.safeParse(parseJson(answer?.string() ?? "")).data?.data.account;
}

/** Connects once more to the same server, without a key. */
async function acceptsAnonymousClients({ nats }: Fleet): Promise<boolean> {
  const { tls } = (nats as unknown as { readonly options?: { readonly tls?: object } }).options ?? {};
  try {
    const anonymous = await connect({
      ...{ servers: nats.getServer(), reconnect: false, timeout: 3000, ...(tls && { tls }) },
    });
    await anonymous.close();
    return true;
  } catch {
    return false;
  }
}

async function inspectEngine({ env, clock }: Terminal): Promise<NonNullable<DoctorFindings["engine"]>> {
  const settings = readSettings(env, new Map<string, string>());
  const [socket = ""] = settings.DOCKER_SOCKETS;
  const engine = await openEngine(socket, settings.DOCKER_TIMEOUT, {
    tls: await loadTls(socket, settings, clock.now()),
  }).catch((cause: unknown) => {
    throw new CannotStart(messageOf(commandErrors.engineSilent, { socket, because: explain(cause) }), {
      cause,
    });
  });
  const { SystemTime } = (await engine.docker.info()) as { readonly SystemTime?: string };
  return {
    socket,
    api: engine.api,
    clockOff: SystemTime === undefined ? 0 : Date.parse(SystemTime) - clock.now(),
    containers: await inspectContainers(engine),
  };
}

async function inspectContainers({ docker }: Engine): Promise<SeenContainer[]> {
  const running = await docker.listContainers();
  const inspected = await inParallel(running, { all: 8 }, ({ Id }) =>
    ifExists(docker.getContainer(Id).inspect()),
  );
  return inspected
    .filter((inspect) => inspect !== undefined)
    .map(({ Name, Config, Mounts, NetworkSettings }) => ({
      name: Name.slice(1),
      role: roleOf({ labels: Config.Labels }),
      networks: Object.values(NetworkSettings.Networks ?? {}).map(({ NetworkID }) => NetworkID),
      published: Object.values(NetworkSettings.Ports ?? {})
        .flatMap((bindings) => (bindings as { HostIp: string; HostPort: string }[] | null) ?? [])
        .map(({ HostIp, HostPort }) => `${HostIp.includes(":") ? `[${HostIp}]` : HostIp}:${HostPort}`),
      mounts: Mounts.map(({ Source, Destination, RW }) => ({
        ...{ source: Source, destination: Destination, rw: RW },
      })),
      variables: (Config.Env ?? []).flatMap((entry) => /^([^=]+)=./s.exec(entry)?.[1] ?? []),
    }));
}

const inspectScripts = async ({ env }: Terminal): Promise<DoctorFindings["scripts"]> =>
  faultsIn(readSettings(env, new Map<string, string>()).HOOKS_DIR);
