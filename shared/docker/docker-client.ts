// dockerode without two parts that the product never uses: connections over SSH, and sessions with BuildKit (gRPC).
// Loading them takes longer than all the rest of dockerode, and 14 MB (docs/decisions/0050).
// And what an Engine, or a proxy before it, answers that is no JSON is an error here: dockerode hands it on as a Buffer.
import { Module, createRequire } from "node:module";
import type Dockerode from "dockerode";

const require = createRequire(import.meta.url);
const requireFromDockerode = createRequire(require.resolve("dockerode"));

function stubModule(path: string, what: string): void {
  const stub = new Module(path);
  stub.loaded = true;
  stub.exports = () => {
    throw new Error(`${what} is left out (shared/docker/docker-client.ts).`);
  };
  require.cache[path] = stub;
}
stubModule(requireFromDockerode.resolve("./session"), "A session with BuildKit");
stubModule(requireFromDockerode.resolve("docker-modem/lib/ssh"), "A connection over SSH");

type Dial = (request: Request, callback: (error: unknown, answer: unknown) => void) => void;

interface Request {
  readonly method: string;
  readonly path: string;
}

const Plain = require("dockerode") as typeof Dockerode;

export class Docker extends Plain {
  constructor(options: Dockerode.DockerOptions) {
    super(options);
    const modem = this.modem as { dial: Dial };
    const dial = modem.dial.bind(modem);
    modem.dial = (request, callback) => {
      dial(request, (error, answer) => callback(error ?? findNonJsonFault(request, answer), answer));
    };
  }
}

/** An Engine, or a proxy before it, said something else than an answer. */
export class NotJson extends Error {
  override readonly name = "NotJson";
}

/** What an Engine says where it has nothing to say; podman says OK of a network. */
const EMPTY_ANSWERS = ["", "null", "OK"];

/** Of a whole answer that is no JSON; streams are none of it. */
function findNonJsonFault({ method, path }: Request, answer: unknown): NotJson | null {
  if (!Buffer.isBuffer(answer) || EMPTY_ANSWERS.includes(answer.toString().trim())) return null;
  const begin = JSON.stringify(answer.toString().slice(0, 40));
  return new NotJson(
    `The Engine's answer to ${method} ${path.replace(/\?.*$/, "")} is not JSON: it begins with ${begin}.`,
  );
}
