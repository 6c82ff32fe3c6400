// The Engine's client: dockerode, with the types of inspect documents that we need.
// An answer that is not JSON, from an Engine or a proxy in front of it, is an error here: dockerode returns it as a
// Buffer.
import type Dockerode from "dockerode";
import type { ContainerInspection, ImageInspection } from "./inspect-documents.ts";
import { PlainDocker } from "./load-dockerode.ts";

type Dial = (request: Request, callback: (error: unknown, answer: unknown) => void) => void;

interface Request {
  readonly method: string;
  readonly path: string;
}

/** A container of the Engine, whose inspect says all that the Engine says. */
export type EngineContainer = {
  inspect(options?: Dockerode.ContainerInspectOptions): Promise<ContainerInspection>;
} & Dockerode.Container;
export type EngineImage = {
  inspect(options?: Dockerode.ImageInspectOptions): Promise<ImageInspection>;
} & Dockerode.Image;

/** The one place where dockerode's types of inspect documents become ours. */
export type DockerClient = {
  getContainer(id: string): EngineContainer;
  getImage(name: string): EngineImage;
  createContainer(options: Dockerode.ContainerCreateOptions): Promise<EngineContainer>;
} & Dockerode;

const TypedDocker = PlainDocker as new (options: Dockerode.DockerOptions) => DockerClient;

export class Docker extends TypedDocker {
  constructor(options: Dockerode.DockerOptions) {
    super(options);
    const modem = this.modem as { dial: Dial };
    const dial = modem.dial.bind(modem);
    modem.dial = (request, callback) => {
      dial(request, (error, answer) => callback(error ?? findNonJsonFault(request, answer), answer));
    };
  }
}

/** An Engine, or a proxy in front of it, answered with something other than JSON. */
export class NotJson extends Error {
  override readonly name = "NotJson";
}

/** The log of a container is bytes. */
const LOG_PATH = /\/containers\/[^/]+\/logs\?/;

/** Bodies of an Engine that has nothing to return; podman answers OK for a network. */
const EMPTY_ANSWERS = ["", "null", "OK"];

/** The error for a complete answer that is not JSON; streams are not checked. */
function findNonJsonFault({ method, path }: Request, answer: unknown): NotJson | null {
  if (!Buffer.isBuffer(answer) || LOG_PATH.test(path)) return null;
  if (EMPTY_ANSWERS.includes(answer.toString().trim())) return null;
  const start = JSON.stringify(answer.toString().slice(0, 40));
  return new NotJson(
    `The Engine's answer to ${method} ${path.replace(/\?.*$/, "")} is not JSON: it begins with ${start}.`,
  );
}
