/** Cases that podman's Docker API can have. */
import { chosen } from "./cases.ts";

export const podmanCases = chosen(
  "plain",
  "environment",
  "labels",
  "command",
  "hostname",
  "user-workdir-stop",
  "binds",
  "anonymous-volume",
  "ports",
  "restart-always",
  "two-networks",
  "limits",
  "rights",
  "stopped",
  "paused",
  "network-parent",
  "soft-dependency",
);
