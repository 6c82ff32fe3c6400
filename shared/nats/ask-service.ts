// Asks a service of a host something, as the commands of `ouroboros` do.
import { type NatsConnection, NoRespondersError, RequestError, TimeoutError } from "nats";
import { makeCommandBody, parseJson } from "../contract/messages.ts";
import { subjects } from "../contract/subjects.ts";

export interface AskOptions {
  readonly more?: object;
  /** Milliseconds. */
  readonly timeout?: number;
}

/**
 * Sends a command to a service of a host and returns its answer: undefined where the service does not answer, null where
 * the answer is no JSON.
 * @throws the NATS client's error
 */
export async function askService(
  { nats }: { readonly nats: NatsConnection },
  host: string,
  [service, command]: readonly [service: string, command: string],
  { more = {}, timeout = 5000 }: AskOptions = {},
): Promise<unknown> {
  try {
    const subject = subjects.command(host, service, command);
    const answer = await nats.request(subject, makeCommandBody(command, more), { timeout });
    return parseJson(answer.string()) ?? null;
  } catch (error) {
    if ([NoRespondersError, RequestError, TimeoutError].some((kind) => error instanceof kind))
      return undefined;
    throw error;
  }
}
