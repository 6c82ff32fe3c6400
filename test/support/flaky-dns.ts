// A name server that fails at the first question for each name and type, and knows them at the second; and how a program
// is started with no other way to resolve a name.
import { once } from "node:events";
import { createSocket } from "node:dgram";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const ADDRESS = "127.0.0.53";
const TYPE_A = 1;
const HEADER = 12;

export interface FlakyDns extends AsyncDisposable {
  /** Words before a program's own: it has this server alone, and no name in /etc/hosts but localhost. */
  readonly through: readonly string[];
  /** How often each name's address was asked for. */
  readonly asked: ReadonlyMap<string, number>;
}

/** `failure` is the response code: 2 the server failed, 3 there is no such name. RFC 1035, 4.1. */
export async function startFlakyDns(failure: 2 | 3, address: string): Promise<FlakyDns> {
  const asked = new Map<string, number>();
  const failed = new Set<string>();
  const server = createSocket("udp4", (question, { port, address: from }) => {
    const { name, end } = nameIn(question);
    const type = question.readUInt16BE(end);
    const isFirst = !failed.has(`${name} ${type}`);
    failed.add(`${name} ${type}`);
    if (type === TYPE_A) asked.set(name, (asked.get(name) ?? 0) + 1);
    const answers = !isFirst && type === TYPE_A ? [addressRecord(address)] : [];
    const head = Buffer.from(question.subarray(0, HEADER));
    head.writeUInt16BE(0x8180 | (isFirst ? failure : 0), 2);
    head.writeUInt16BE(answers.length, 6);
    head.writeUInt32BE(0, 8);
    server.send(Buffer.concat([head, question.subarray(HEADER, end + 4), ...answers]), port, from);
  });
  server.bind(53, ADDRESS);
  await once(server, "listening");
  const folder = await mkdtemp(join(tmpdir(), "dns-"));
  await writeFile(join(folder, "hosts"), "127.0.0.1 localhost\n");
  await writeFile(join(folder, "resolv.conf"), `nameserver ${ADDRESS}\noptions attempts:1\n`);
  const script =
    'mount --bind "$1/hosts" /etc/hosts; mount --bind "$1/resolv.conf" /etc/resolv.conf; shift; exec "$@"';
  return {
    through: ["unshare", "--mount", "sh", "-ec", script, "_", folder],
    asked,
    [Symbol.asyncDispose]: async () => {
      server.close();
      await rm(folder, { recursive: true });
    },
  };
}

function nameIn(question: Buffer): { readonly name: string; readonly end: number } {
  const labels: string[] = [];
  let at = HEADER;
  for (let size = question[at] ?? 0; size > 0; size = question[at] ?? 0) {
    labels.push(question.toString("latin1", at + 1, at + 1 + size));
    at += 1 + size;
  }
  return { name: labels.join("."), end: at + 1 };
}

/** Of the name in the question, for no time at all. */
const addressRecord = (address: string): Buffer =>
  Buffer.from([0xc0, HEADER, 0, TYPE_A, 0, 1, 0, 0, 0, 0, 0, 4, ...address.split(".").map(Number)]);
