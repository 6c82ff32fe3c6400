// Builds the Config of a container's successor. Pure. It keeps what the user set, and omits what the old container
// only inherited from its old image, so that the new image's defaults apply. A user's value that equals the old
// image's cannot be distinguished from it and counts as inherited.
import { constants } from "node:os";
import { isOlder } from "../../../shared/version.ts";
import {
  type Config,
  type ContainerDocument,
  type Healthcheck,
  type ImageConfig,
  type Recreation,
  madeByPodman,
  sharesContainer,
} from "./inspect.ts";

/** Command and entrypoint as inspect shows them. */
interface CommandWords {
  readonly Cmd: Config["Cmd"] | undefined;
  readonly Entrypoint: Config["Entrypoint"] | undefined;
}

const COMPOSE_IMAGE = "com.docker.compose.image";

export function configFrom(recreation: Recreation): Partial<Config> {
  const { old } = recreation;
  const image = recreation.oldImage.Config ?? {};
  const {
    User,
    WorkingDir,
    StopSignal: _stopSignal,
    Env,
    Cmd,
    Entrypoint,
    Labels,
    ExposedPorts,
    Volumes,
    Healthcheck,
    Hostname,
    MacAddress,
    ...verbatim
  } = old.Config;
  return {
    ...verbatim,
    ...differing("User", User, image.User),
    ...differing("WorkingDir", WorkingDir, image.WorkingDir || emptyFolder(old)),
    ...differing("StopSignal", signalOf(old, image.StopSignal), image.StopSignal),
    Env: (Env ?? []).filter((entry) => ![...(image.Env ?? []), ...ofPodman(old)].includes(entry)),
    Labels: labelsFrom(Labels ?? {}, image.Labels ?? {}, recreation.newImage.Id),
    Volumes: without(Volumes, image.Volumes),
    ...commandFrom({ Cmd, Entrypoint }, image),
    ...healthcheckFrom(Healthcheck, image.Healthcheck, recreation.newImage.Config?.Healthcheck),
    ...exposedPortsFrom(recreation, ExposedPorts, image.ExposedPorts),
    ...hostnameFrom(recreation, Hostname),
    ...macAddressFrom(recreation, MacAddress),
  };
}

function differing(
  field: keyof Config,
  own: string | undefined,
  inherited: string | undefined,
): Partial<Config> {
  return own === undefined || own === (inherited ?? "") ? {} : { [field]: own };
}

/** The working directory that inspect shows if the image sets none: podman shows `/`. */
const emptyFolder = (old: ContainerDocument): string => (madeByPodman(old) ? "/" : "");

/** Podman shows a signal by its number, and SIGTERM if none was set. */
function signalOf(old: ContainerDocument, inherited = ""): string | undefined {
  const own = old.Config.StopSignal;
  const numbers: Readonly<Record<string, number>> = constants.signals;
  const number = numbers[inherited === "" ? "SIGTERM" : inherited];
  return madeByPodman(old) && own === `${number}` ? inherited : own;
}

/** Variables that podman's runtime sets for every container. */
const ofPodman = (old: ContainerDocument): readonly string[] =>
  madeByPodman(old)
    ? ["container=podman", "TERM=xterm", "HOME=/", "HOME=/root", `HOSTNAME=${old.Config.Hostname ?? ""}`]
    : [];

function without(own: Config["Volumes"], inherited: Config["Volumes"]): Record<string, object> {
  return Object.fromEntries(
    Object.entries(own ?? {}).filter(([key]) => !Object.hasOwn(inherited ?? {}, key)),
  );
}

/** Compose recreates a container whose image label is not the id of the image its service would use. */
function labelsFrom(
  own: Readonly<Record<string, string>>,
  inherited: Readonly<Record<string, string>>,
  newImageId: string,
): Record<string, string> {
  const kept = Object.fromEntries(Object.entries(own).filter(([key, value]) => inherited[key] !== value));
  return COMPOSE_IMAGE in kept ? { ...kept, [COMPOSE_IMAGE]: newImageId } : kept;
}

/**
 * Reverses the Engine's merge: without an entrypoint and with an empty command both come from the image; an explicit
 * entrypoint drops the image's command; `[""]` resets the entrypoint. Null and [] mean the same in inspect, except
 * for an entrypoint that was reset with `[]`.
 */
export function commandFrom(own: CommandWords, image: ImageConfig): Pick<Config, "Cmd" | "Entrypoint"> {
  const [cmd, entrypoint] = [own.Cmd ?? [], own.Entrypoint ?? []];
  const [imageCmd, imageEntrypoint] = [image.Cmd ?? [], image.Entrypoint ?? []];
  if (entrypoint.length === 0 && imageEntrypoint.length > 0) {
    return { Entrypoint: own.Entrypoint === null || own.Entrypoint === undefined ? [""] : [], Cmd: cmd };
  }
  if (!sameWords(entrypoint, imageEntrypoint)) return { Entrypoint: entrypoint, Cmd: cmd };
  if (sameWords(cmd, imageCmd)) return {};
  return cmd.length > 0 ? { Cmd: cmd } : { Entrypoint: entrypoint };
}

const sameWords = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((word, index) => word === b[index]);

/** Field by field: the Engine fills the fields that the user did not set from the image. */
export function healthcheckFrom(
  own: Healthcheck | null | undefined,
  inherited: Healthcheck | null | undefined,
  next: Healthcheck | null | undefined,
): Pick<Config, "Healthcheck"> {
  if (own === null || own === undefined) return {};
  if (own.Test?.[0] === "NONE") return { Healthcheck: { Test: ["NONE"] } };
  if (inherited === null || inherited === undefined) return { Healthcheck: own };
  const kept = Object.fromEntries(
    Object.entries(own).filter(
      ([field, value]) => JSON.stringify(value) !== JSON.stringify(inherited[field]),
    ),
  );
  const useless = !("Test" in kept) && (next === null || next === undefined);
  return useless || Object.keys(kept).length === 0 ? {} : { Healthcheck: kept };
}

/** The Engine publishes only exposed ports, so every published port is exposed, even if the new image does not. */
function exposedPortsFrom(
  recreation: Recreation,
  own: Config["ExposedPorts"],
  inherited: Config["ExposedPorts"],
): Pick<Config, "ExposedPorts"> {
  const { HostConfig: host } = recreation.old;
  if (sharesContainer(host.NetworkMode)) return {};
  const published = Object.fromEntries(Object.keys(host.PortBindings ?? {}).map((port) => [port, {}]));
  return { ExposedPorts: { ...without(own, inherited), ...published } };
}

/**
 * The Engine generates a new name in place of one that it generated. A container with the network of another one, or
 * with the host's UTS namespace, must not set a name.
 */
function hostnameFrom(
  { old, engineHostname }: Recreation,
  own: string | undefined,
): Pick<Config, "Hostname"> {
  const { NetworkMode: network, UTSMode: uts } = old.HostConfig;
  const isGenerated = own === old.Id.slice(0, 12) || (network === "host" && own === engineHostname);
  return own === undefined || isGenerated || sharesContainer(network) || uts === "host"
    ? {}
    : { Hostname: own };
}

/** From API 1.44 on the address belongs to the endpoint (create-networks.ts sets it). */
function macAddressFrom({ old, api }: Recreation, own: string | undefined): Pick<Config, "MacAddress"> {
  const here =
    own !== undefined &&
    own !== "" &&
    !sharesContainer(old.HostConfig.NetworkMode) &&
    !endpointsInCreate(api);
  return here ? { MacAddress: own } : {};
}

/** API 1.44: create takes several endpoints, each with its MAC address. */
export function endpointsInCreate(api: string): boolean {
  return !isOlder(api, "1.44");
}
