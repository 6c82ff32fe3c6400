// Checks whether a NATS server sends its greeting. The client never closes a connection on which no greeting arrived,
// so endless retries would use up all sockets: after such a failure the caller checks here before it connects again.
// The protocol: https://docs.nats.io/reference/reference-protocols/nats-protocol#info
import { createConnection } from "node:net";

const PORT = 4222;

/** Whether any server of NATS_URL sends data within `withinMs`. */
export async function greets(urls: string, withinMs: number): Promise<boolean> {
  const answers = await Promise.all(urls.split(",").map((url) => greetsAt(url, withinMs)));
  return answers.includes(true);
}

function greetsAt(url: string, withinMs: number): Promise<boolean> {
  const { hostname, port } = new URL(url.includes("://") ? url : `nats://${url}`);
  return new Promise((resolve) => {
    const host = hostname.replace(/^\[|\]$/g, "");
    const socket = createConnection({ host, port: Number(port || PORT), timeout: withinMs });
    socket.once("data", () => resolve(true));
    for (const end of ["timeout", "error", "close"]) socket.once(end, () => resolve(false));
    for (const end of ["data", "timeout", "error"]) socket.once(end, () => socket.destroy());
  });
}
