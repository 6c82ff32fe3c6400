// The updater, but it is killed (SIGKILL, by itself) right after the DIE_AT_SEND-th message that it sends to NATS from the
// record that before_update is waited for on, up to the record of its decision: whatever is answered is never read.
import { Socket } from "node:net";
import { runUpdater } from "../../services/updater/run.ts";
import { runService } from "../../shared/runtime/run-service.ts";

const last = Number(process.env["DIE_AT_SEND"]);
let sent = 0;
let isOver = false;

const write = Socket.prototype.write; // eslint-disable-line @typescript-eslint/unbound-method
Socket.prototype.write = function (this: Socket, ...args: Parameters<typeof write>) {
  const text = Buffer.from(args[0] as Uint8Array).toString("latin1");
  const isMessage = /^H?PUB /m.test(text);
  const about = /"kind":"(waiting|decided)".*"hook":"before_update"/.exec(text)?.[1];
  const went = write.apply(this, args);
  if (isMessage && !isOver && (sent > 0 || about === "waiting") && ++sent === last)
    process.kill(process.pid, "SIGKILL");
  if (about === "decided") isOver = true;
  return went;
} as typeof write;

void runService("updater", [], runUpdater);
