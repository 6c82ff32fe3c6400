// The application of the demo: three containers, their images in the bed's registry, and which version is which.
import type Docker from "dockerode";
import type { Engine, ImageOptions } from "../../test/bed/bed.ts";
import { deploy, overview, release } from "../../test/support/containers.ts";
import type { Tell } from "./happenings.ts";

interface Part {
  readonly name: string;
  readonly says: string;
  readonly create?: Docker.ContainerCreateOptions;
  readonly check?: string;
}

const parts = [
  {
    name: "db",
    says: "a healthcheck, and com.ouroboros.depends_on=web: web is stopped meanwhile",
    create: { Labels: { "com.ouroboros.depends_on": "web" } },
    check: "wget -q -O /dev/null http://127.0.0.1:8080/",
  },
  {
    name: "web",
    says: "publishes port 8080",
    create: { HostConfig: { PortBindings: { "8080/tcp": [{ HostPort: "8080" }] } } },
  },
  { name: "worker", says: "stands alone" },
] as const satisfies readonly Part[];

export type PartName = (typeof parts)[number]["name"];
export const partNames = parts.map(({ name }) => name);

const SECOND = 1e9;
const NETWORK = "shop";

export class App {
  readonly #engine: Engine;
  readonly #versions = new Map<string, string>();

  private constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** Version 1 of everything. */
  static async deploy(engine: Engine, tell: Tell): Promise<App> {
    const app = new App(engine);
    await engine.docker.createNetwork({ Name: NETWORK });
    for (const part of parts as readonly Part[]) {
      const id = await deploy(engine, part.name, {
        image: imageOf(part.name),
        imageOptions: optionsFor("1", part.check),
        create: {
          ...part.create,
          HostConfig: {
            ...part.create?.HostConfig,
            NetworkMode: NETWORK,
            RestartPolicy: { Name: "unless-stopped" },
          },
        },
      });
      app.#versions.set((await engine.docker.getContainer(id).inspect()).Image, "1");
      tell({ event: "deployed", container: part.name, version: "1", says: part.says });
    }
    return app;
  }

  /** Moves the tag `latest` of these containers' images. `check`: another command for their healthcheck. */
  async push(version: string, names: readonly PartName[], check?: string): Promise<void> {
    for (const name of names) {
      const part: Part | undefined = parts.find((one) => one.name === name);
      const options = optionsFor(version, check ?? part?.check);
      this.#versions.set((await release(imageOf(name), version, options)).configDigest, version);
    }
  }

  versionOf(imageId: string | undefined): string {
    return this.#versions.get(imageId ?? "") ?? "?";
  }

  /** What the Engine has, as `db running 1`. */
  async asItIs(): Promise<string[]> {
    return overview(this.#engine);
  }
}

const imageOf = (name: string): string => `shop/${name}`;

const optionsFor = (version: string, check: string | undefined): ImageOptions => ({
  labels: { "org.opencontainers.image.version": version },
  ...(check !== undefined && {
    healthcheck: { Test: ["CMD-SHELL", check], Interval: SECOND, Timeout: 5 * SECOND, Retries: 2 },
  }),
});
