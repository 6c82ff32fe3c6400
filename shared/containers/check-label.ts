// Parses the label com.ouroboros.check. Pure: the updater runs the check.
import { labelOf } from "../settings/labels.ts";
import { messageOf } from "../catalogue/entry.ts";
import { skipReasons } from "../catalogue/skip-reasons.ts";

export type Probe =
  | {
      readonly kind: "http";
      readonly tls: boolean;
      readonly host: string;
      readonly port: number;
      /** Includes the query, if there is one. */
      readonly path: string;
    }
  | { readonly kind: "tcp"; readonly host: string; readonly port: number }
  | { readonly kind: "exec"; readonly command: string };

export type CheckLabel =
  | { readonly kind: "none" }
  /** `asked` is the text of the label. */
  | { readonly kind: "check"; readonly check: Probe; readonly asked: string }
  | { readonly kind: "wrong"; readonly because: string };

/** As the host of a check this word stands for the address of the container itself. */
export const CONTAINER = "container";

const LABEL = "com.ouroboros.check";

/** An empty label asks for no check, so that it can override the label of an image. */
export function readCheckLabel(labels: Readonly<Record<string, string>>): CheckLabel {
  const asked = (labelOf(labels, LABEL) ?? "").trim();
  if (asked === "") return { kind: "none" };
  const check = parseProbe(asked);
  return check === undefined
    ? { kind: "wrong", because: messageOf(skipReasons.checkLabel, { text: asked }) }
    : { kind: "check", check, asked };
}

function parseProbe(text: string): Probe | undefined {
  const [, command] = /^exec:\s*(\S.*)$/s.exec(text) ?? [];
  if (command !== undefined) return { kind: "exec", command };
  return /^(?:https?|tcp):\/\/[^\s@]+$/i.test(text) && URL.canParse(text)
    ? fromUrl(new URL(text))
    : undefined;
}

function fromUrl({ protocol, hostname, port: portText, pathname, search }: URL): Probe | undefined {
  const host = hostname.replace(/^\[(.*)\]$/, "$1");
  const tls = protocol === "https:";
  const port = portText === "" && protocol !== "tcp:" ? (tls ? 443 : 80) : Number(portText);
  if (host === "" || port === 0) return undefined;
  if (protocol !== "tcp:") return { kind: "http", tls, host, port, path: `${pathname}${search}` };
  return pathname.length <= 1 && search === "" ? { kind: "tcp", host, port } : undefined;
}
