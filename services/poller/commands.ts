// Operator commands to the poller: `check` (run a cycle now, or right after the current one), `status`, `look` (list
// newer images without a plan), and for one container `update` and `rollback`; and `hint`, which tells of pushed images. Core NATS request and reply, in JSON.
// A command names itself in its body. Any other message on the subject is ignored, such as the server's answer to a
// request that has this subject as its reply subject.
import { InvalidArgumentError, type Msg } from "nats";
import * as z from "zod";
import { isCommand, parseJson } from "../../shared/contract/messages.ts";
import { HintBody } from "../../shared/contract/pushed-image.ts";
import type { PollerStatusReport } from "../../shared/contract/service-status.ts";
import { subjects } from "../../shared/contract/subjects.ts";
import { WakeSignal } from "../../shared/wake-signal.ts";
import type { Hints } from "./hints.ts";
import type { Polling } from "./polling.ts";
import type { LookRequest } from "./look-request.ts";
import type { OperatorRequest } from "./operator-request.ts";

export interface PollerCommands extends Disposable {
  /** Aborts when a `check` or another request arrives. */
  readonly requested: AbortSignal;
  /** Takes the pending `check`s, which the cycle that begins now answers. */
  readonly takeChecks: () => CommandAnswer;
  /** Takes the oldest pending request. */
  readonly takeRequest: () =>
    { readonly request: OperatorRequest | LookRequest; readonly answer: CommandAnswer } | undefined;
}
const ContainerBody = z.object({
  container: z.string().min(1),
  by: z.string().min(1).max(100).optional().describe("The person who asks."),
});
const LookBody = z.object({ container: z.string().min(1).optional(), fresh: z.boolean().optional() });
export type CommandAnswer = (report: object) => void;

interface CommandSources {
  /** The report as of now. */
  readonly status: () => PollerStatusReport;
  readonly hints: Pick<Hints, "addImages">;
}

export function serveCommands({ nats, host }: Polling, { status, hints }: CommandSources): PollerCommands {
  const wakeSignal = new WakeSignal();
  let checks: Msg[] = [];
  const requests: { readonly request: OperatorRequest | LookRequest; readonly message: Msg }[] = [];
  const enqueue = (request: OperatorRequest | LookRequest | undefined, message: Msg, error: string): void => {
    if (request === undefined) return respond(message, { error });
    requests.push({ request, message });
    wakeSignal.wake();
  };
  const serve = (command: string, callback: (message: Msg) => void) =>
    nats.subscribe(subjects.command(host.name, "poller", command), {
      callback: onCommand(command, callback),
    });
  const subscriptions = [
    serve("check", (message) => {
      checks.push(message);
      wakeSignal.wake();
    }),
    ...(["update", "rollback"] as const).map((kind) =>
      serve(kind, (message) => {
        const body = ContainerBody.safeParse(parseJson(message.string())).data;
        enqueue(body && { kind, ...body }, message, "it names no container");
      }),
    ),
    serve("look", (message) => enqueue(parseLookRequest(message), message, "it cannot be understood")),
    serve("hint", (message) => respond(message, takeHint(message, hints))),
    serve("status", (message) => respond(message, status())),
  ];
  return {
    get requested() {
      return checks.length + requests.length > 0 ? AbortSignal.abort() : wakeSignal.signal;
    },
    takeChecks: () => {
      const taken = checks;
      checks = [];
      return (report) => taken.forEach((message) => respond(message, report));
    },
    takeRequest: () => {
      const first = requests.shift();
      return first && { request: first.request, answer: (report) => respond(first.message, report) };
    },
    [Symbol.dispose]: () => {
      for (const subscription of subscriptions) subscription.unsubscribe();
      for (const message of [...checks, ...requests.map(({ message }) => message)])
        respond(message, { error: "the poller is stopping" });
    },
  };
}

function takeHint(message: Msg, hints: Pick<Hints, "addImages">): object {
  const body = HintBody.safeParse(parseJson(message.string())).data;
  return body === undefined ? { error: "it names no images" } : { followed: hints.addImages(body.images) };
}

/** Only what is asked in the command's own words; a status may be asked for without any. */
const onCommand =
  (command: string, callback: (message: Msg) => void) =>
  (error: Error | null, message: Msg): void => {
    if (error === null && (command === "status" || isCommand(command, message.string()))) callback(message);
  };

/** Without a container the request covers all of them. */
function parseLookRequest(message: Msg): LookRequest | undefined {
  const body = LookBody.safeParse(parseJson(message.string())).data;
  return body && { kind: "look", container: body.container, fresh: body.fresh ?? false };
}

/** Sends the report, or an error where it exceeds NATS's maximum payload. */
function respond(message: Msg, report: object): void {
  try {
    message.respond(JSON.stringify(report));
  } catch (error) {
    if (error instanceof InvalidArgumentError)
      message.respond(JSON.stringify({ error: "the report is too large" }));
    else throw error;
  }
}
