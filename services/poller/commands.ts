// What operators may ask a poller: `check` (a cycle now, or right after the one in hand), `status`, `look` (what is newer,
// without a plan), and of one container `update` and `rollback`. Core NATS request and reply; a command names itself in
// JSON, the answers are JSON. A message that does not name the command, such as an answer of the server to a request with
// this reply subject, has no effect.
import { InvalidArgumentError, type Msg } from "nats";
import { z } from "zod";
import { isCommand, parseJson } from "../../shared/contract/messages.ts";
import { subjects } from "../../shared/contract/subjects.ts";
import { WakeSignal } from "./wake-signal.ts";
import type { Polling } from "./polling.ts";
import type { LookRequest } from "./look-request.ts";
import type { OperatorRequest } from "./operator-request.ts";

export interface PollerCommands extends Disposable {
  /** Aborts when someone asks for a cycle. */
  readonly asked: AbortSignal;
  /** Those whose `check` the cycle that begins now answers. */
  readonly takeChecks: () => CommandAnswer;
  /** What was asked first. */
  readonly takeRequest: () =>
    { readonly wish: OperatorRequest | LookRequest; readonly answer: CommandAnswer } | undefined;
}
const ContainerBody = z.object({ container: z.string().min(1) });
const LookBody = z.object({ container: z.string().min(1).optional(), fresh: z.boolean().optional() });
export type CommandAnswer = (report: object) => void;

/** `status` gives what is known at that moment. */
export function serveCommands({ nats, host }: Polling, status: () => object): PollerCommands {
  const bell = new WakeSignal();
  let waiting: Msg[] = [];
  const wishes: { readonly wish: OperatorRequest | LookRequest; readonly message: Msg }[] = [];
  const want = (wish: OperatorRequest | LookRequest | undefined, message: Msg, needed: string): void => {
    if (wish === undefined) return respond(message, { error: needed });
    wishes.push({ wish, message });
    bell.wake();
  };
  const serve = (command: string, callback: (message: Msg) => void) =>
    nats.subscribe(subjects.command(host.name, "poller", command), {
      callback: (error, message) => {
        if (error !== null) return;
        if (command === "status" || isCommand(command, message.string())) callback(message);
      },
    });
  const served = [
    serve("check", (message) => {
      waiting.push(message);
      bell.wake();
    }),
    ...(["update", "rollback"] as const).map((kind) =>
      serve(kind, (message) => {
        const asked = ContainerBody.safeParse(parseJson(message.string())).data;
        want(asked && { kind, ...asked }, message, "it names no container");
      }),
    ),
    serve("look", (message) => want(parseLookRequest(message), message, "it cannot be understood")),
    serve("status", (message) => respond(message, status())),
  ];
  return {
    get asked() {
      return waiting.length + wishes.length > 0 ? AbortSignal.abort() : bell.signal;
    },
    takeChecks: () => {
      const taken = waiting;
      waiting = [];
      return (report) => taken.forEach((message) => respond(message, report));
    },
    takeRequest: () => {
      const first = wishes.shift();
      return first && { wish: first.wish, answer: (granted) => respond(first.message, granted) };
    },
    [Symbol.dispose]: () => {
      for (const one of served) one.unsubscribe();
      for (const message of [...waiting, ...wishes.map(({ message }) => message)])
        respond(message, { error: "the poller is stopping" });
    },
  };
}

/** Where it names no container it is about all of them. */
function parseLookRequest(message: Msg): LookRequest | undefined {
  const asked = LookBody.safeParse(parseJson(message.string())).data;
  return asked && { kind: "look", container: asked.container, fresh: asked.fresh ?? false };
}

/** An answer that is larger than NATS takes says so instead. */
function respond(message: Msg, report: object): void {
  try {
    message.respond(JSON.stringify(report));
  } catch (error) {
    if (error instanceof InvalidArgumentError)
      message.respond(JSON.stringify({ error: "the report is too large" }));
    else throw error;
  }
}
