// The images of the project's services, as their makers release them: good ones, and three kinds of bad ones.
import { ifExists } from "../../../shared/docker/engine.ts";
import { type Engine, type ImageOptions, pushApp } from "../../bed/bed.ts";
import { pull } from "../../support/containers.ts";
import { type ServiceName, repositoryOf, serviceNames, services } from "./services.ts";

const WAITS = `trap "exit 0" TERM; sleep 100000 & wait`;

export const qualities = {
  good: { says: "a good image", options: { cmd: WAITS } },
  ends: { says: "an image that ends at once", options: { cmd: ["false"] } },
  loops: { says: "an image that ends after half a second", options: { cmd: "sleep 0.5; exit 3" } },
  unhealthy: {
    says: "an image that never becomes healthy",
    options: { cmd: WAITS, health: "false" },
  },
} as const satisfies Record<string, { says: string; options: ImageOptions }>;
export type Quality = keyof typeof qualities;

export interface Released {
  readonly service: ServiceName;
  readonly quality: Quality;
  readonly version: number;
}

export class Images {
  readonly #h: Engine;
  readonly #released = new Map<string, Released>();
  /** What `latest` is in the registry. */
  readonly #latest = new Map<ServiceName, Quality>();
  #version = 0;

  constructor(h: Engine) {
    this.#h = h;
  }

  /** Moves `latest`, and for a good one `stable`, which is never a bad one. */
  async release(service: ServiceName, quality: Quality): Promise<void> {
    const version = ++this.#version;
    const options = {
      ...(services[service].isChecked && { health: "true" }),
      ...qualities[quality].options,
      env: [`VERSION=${version}`],
      body: `${service} ${version}`,
      volumes: Object.keys(services[service].volumes),
      created: new Date().toISOString(),
    };
    for (const tag of quality === "good" ? ["stable", "latest"] : ["latest"]) {
      const { configDigest } = await pushApp(repositoryOf(this.#h.name, service), tag, options);
      this.#released.set(configDigest, { service, quality, version });
    }
    this.#latest.set(service, quality);
  }

  releaseAll = (): Promise<unknown> =>
    Promise.all(serviceNames.map((service) => this.release(service, "good")));

  /** Where `latest` is a bad image now. */
  bad = (): ServiceName[] => serviceNames.filter((service) => this.#latest.get(service) !== "good");

  /** By the image's id on the Engine; undefined for one that is none of the project's. */
  of = (id: string): Released | undefined => this.#released.get(id);

  /** An owner does not bring up what they know to be bad: then they take the last good one for `latest`. */
  async haveGood(service: ServiceName): Promise<void> {
    const { docker } = this.#h;
    const repo = `registry.lab:5000/${repositoryOf(this.#h.name, service)}`;
    const here = await ifExists(docker.getImage(`${repo}:latest`).inspect());
    if (here !== undefined && this.of(here.Id)?.quality === "good") return;
    await pull(this.#h, `${repo}:stable`);
    await docker.getImage(`${repo}:stable`).tag({ repo, tag: "latest" });
  }
}
