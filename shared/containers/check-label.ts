// What the label com.ouroboros.check asks for. Pure: the asking is the updater's.
import { labelOf } from "../settings/labels.ts";

export type Probe =
  | {
      readonly kind: "http";
      readonly tls: boolean;
      readonly host: string;
      readonly port: number;
      /** With the query, if there is one. */
      readonly path: string;
    }
  | { readonly kind: "tcp"; readonly host: string; readonly port: number }
  | { readonly kind: "exec"; readonly command: string };

export type CheckLabel =
  | { readonly kind: "none" }
  /** `asked` is the label's text. */
  | { readonly kind: "check"; readonly check: Probe; readonly asked: string }
  | { readonly kind: "wrong"; readonly because: string };

/** As a host in a check: the container itself, by its address. */
export const CONTAINER = "container";

const LABEL = "com.ouroboros.check";
const ALLOWED =
  "allowed are http://container:PORT/PATH, https://container:PORT/PATH, tcp://container:PORT and exec:COMMAND";

/** An empty label asks for nothing, so that one that comes from an image can be taken back. */
export function readCheckLabel(labels: Readonly<Record<string, string>>): CheckLabel {
  const asked = (labelOf(labels, LABEL) ?? "").trim();
  if (asked === "") return { kind: "none" };
  const check = parseProbe(asked);
  return check === undefined
    ? { kind: "wrong", because: `its label ${LABEL} cannot be understood: ${asked}; ${ALLOWED}` }
    : { kind: "check", check, asked };
}

function parseProbe(text: string): Probe | undefined {
  const [, command] = /^exec:\s*(\S.*)$/s.exec(text) ?? [];
  if (command !== undefined) return { kind: "exec", command };
  return /^(?:https?|tcp):\/\/[^\s@]+$/i.test(text) && URL.canParse(text)
    ? fromUrl(new URL(text))
    : undefined;
}

function fromUrl({ protocol, hostname, port: given, pathname, search }: URL): Probe | undefined {
  const host = hostname.replace(/^\[(.*)\]$/, "$1");
  const tls = protocol === "https:";
  const port = given === "" && protocol !== "tcp:" ? (tls ? 443 : 80) : Number(given);
  if (host === "" || port === 0) return undefined;
  if (protocol !== "tcp:") return { kind: "http", tls, host, port, path: `${pathname}${search}` };
  return pathname.length <= 1 && search === "" ? { kind: "tcp", host, port } : undefined;
}
