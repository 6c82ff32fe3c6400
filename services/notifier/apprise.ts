// Sends messages by Apprise: by a run of Debian's `apprise` for each, so that nothing of it stays in memory, or by a running
// apprise-api. URLs and texts go over standard input or in a request's body, never on a command line.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import * as z from "zod";
import type { Clock } from "../../shared/clock.ts";
import { parseJson } from "../../shared/contract/messages.ts";
import { CannotStart, explain } from "../../shared/errors.ts";
import { messageOf } from "../../shared/catalogue/entry.ts";
import { observerErrors } from "../../shared/catalogue/start-errors.ts";
import { type Target, withoutSecrets } from "./target.ts";
import type { Text } from "./templates.ts";

/** Apprise's types of messages, which some targets show in colours. */
export type MessageType = "info" | "success" | "warning" | "failure";
export interface NotificationMessage extends Text {
  readonly type: MessageType;
}

export interface Sender {
  /** Why the target did not take the message, without secrets; undefined where it did. Ends with the signal. */
  readonly send: (
    target: Target,
    message: NotificationMessage,
    signal: AbortSignal,
  ) => Promise<string | undefined>;
  /** The targets that Apprise knows. @throws CannotStart where Apprise is not there. */
  readonly select: (targets: readonly Target[]) => Promise<readonly Target[]>;
}

const RUNNER = join(import.meta.dirname, "../notifier/apprise.py"); // also right from a bundle
const SEND_WITHIN_MS = 60_000;
const MAX_OUTPUT = 64 * 1024;
const TOO_LONG = `it took longer than ${SEND_WITHIN_MS / 1000} s, or the notifier stopped`;

const Answer = z.object({
  ok: z.boolean().optional(),
  because: z.string().optional(),
  known: z.array(z.boolean()).optional(),
  missing: z.boolean().optional(),
});

/** By a run of Python for each message. */
export const appriseHere = (clock: Clock): Sender => ({
  send: async (target, { title, body, type }, signal) => {
    try {
      const asked = { url: target.url, title, body, type };
      const deadline = clock.deadline(SEND_WITHIN_MS, signal);
      const { ok, because = "Apprise gave no answer" } = await runApprise(asked, deadline);
      return ok === true ? undefined : withoutSecrets(because, target.url).slice(0, 500);
    } catch (error) {
      return withoutSecrets(explain(error), target.url).slice(0, 500);
    }
  },
  select: async (targets) => {
    const urls = targets.map(({ url }) => url);
    const { known, missing } = await runApprise({ check: urls }, clock.deadline(SEND_WITHIN_MS));
    if (missing === true) throw new CannotStart(messageOf(observerErrors.appriseMissing));
    return targets.filter((_, index) => known?.[index] === true);
  },
});

async function runApprise(asked: object, signal: AbortSignal): Promise<z.infer<typeof Answer>> {
  const child = spawn("python3", ["-I", RUNNER], {
    stdio: ["pipe", "pipe", "pipe"],
    signal,
    killSignal: "SIGKILL",
  });
  let output = "";
  let errors = "";
  child.stdout.on("data", (part: Buffer) => (output = (output + part.toString()).slice(0, MAX_OUTPUT)));
  child.stderr.on("data", (part: Buffer) => (errors = (errors + part.toString()).slice(-2000)));
  child.stdin.on("error", () => undefined); // it ended before it read all
  child.stdin.end(JSON.stringify(asked));
  try {
    await once(child, "close");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return { missing: true };
    throw signal.aborted ? new Error(TOO_LONG) : error;
  }
  const answer = Answer.safeParse(parseJson(output)).data;
  if (answer === undefined) throw new Error(lastLine(errors) || "Apprise ended without an answer");
  return answer;
}

const lastLine = (text: string): string => text.trim().split("\n").at(-1) ?? "";

/** By apprise-api's stateless call: `POST /notify` with the URL and the message. It answers 200 where it was delivered. */
export const appriseApi = (base: string, clock: Clock): Sender => ({
  send: async (target, { title, body, type }, signal) => {
    const clean = (text: string): string =>
      withoutSecrets(withoutSecrets(text, target.url), base).slice(0, 500);
    try {
      const response = await fetch(new URL("notify/", base.endsWith("/") ? base : `${base}/`), {
        method: "POST",
        redirect: "manual",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ urls: target.url, title, body, type, format: "text" }),
        signal: clock.deadline(SEND_WITHIN_MS, signal),
      });
      const said = (await response.text()).slice(0, MAX_OUTPUT);
      if (response.status === 200) return undefined;
      return clean(`apprise-api answered ${response.status}: ${lastLine(said)}`);
    } catch (error) {
      return clean(`apprise-api: ${explain(error)}`);
    }
  },
  select: (targets) => Promise.resolve(targets),
});
