import assert from "node:assert/strict";
import { describe, it } from "mocha";
import {
  commandFrom,
  configFrom,
  endpointsInCreate,
  healthcheckFrom,
} from "../../../../services/updater/create/create-config.ts";
import type { Config, Healthcheck } from "../../../../services/updater/create/inspect.ts";
import { type RecreationInput, ID, NEW_IMAGE, recreation, sent } from "./create-scene.ts";

type Row = readonly [sentence: string, given: RecreationInput, expected: Readonly<Record<string, unknown>>];

/** Each field of `expected` is so; undefined: it is not sent. */
const tell = (rows: readonly Row[]): void => {
  for (const [sentence, given, expected] of rows)
    it(sentence, () => {
      const made = sent(configFrom(recreation(given))) as Record<string, unknown>;
      for (const [field, value] of Object.entries(expected)) assert.deepEqual(made[field], value, field);
    });
};

describe("the Config of a successor", () => {
  describe("of single values", () => {
    tell([
      [
        "leaves user, folder and stop signal to the new image where they are the old image's",
        {
          config: { User: "app", WorkingDir: "/app", StopSignal: "SIGUSR1" },
          image: { User: "app", WorkingDir: "/app", StopSignal: "SIGUSR1" },
        },
        { User: undefined, WorkingDir: undefined, StopSignal: undefined },
      ],
      [
        "keeps the user's",
        {
          config: { User: "1:2", WorkingDir: "/w", StopSignal: "SIGINT" },
          image: { User: "app", StopSignal: "SIGUSR1" },
        },
        { User: "1:2", WorkingDir: "/w", StopSignal: "SIGINT" },
      ],
      [
        "leaves empty ones out where the image has none either",
        { config: { User: "", WorkingDir: "" } },
        { User: undefined, WorkingDir: undefined },
      ],
      [
        "keeps an empty one where the image has one",
        { config: { User: "" }, image: { User: "app" } },
        { User: "" },
      ],
      [
        "copies what images do not have",
        {
          config: {
            Domainname: "example.org",
            StopTimeout: 33,
            Tty: true,
            OpenStdin: true,
            StdinOnce: true,
            AttachStdin: true,
            NetworkDisabled: true,
            ArgsEscaped: true,
          },
        },
        {
          Domainname: "example.org",
          StopTimeout: 33,
          Tty: true,
          OpenStdin: true,
          StdinOnce: true,
          AttachStdin: true,
          NetworkDisabled: true,
          ArgsEscaped: true,
        },
      ],
      [
        "copies shell and triggers, which the Engine never takes from the image",
        {
          config: { Shell: ["/bin/sh", "-ec"], OnBuild: ["RUN x"] },
          image: { Shell: ["/bin/sh", "-ec"], OnBuild: ["RUN x"] },
        },
        { Shell: ["/bin/sh", "-ec"], OnBuild: ["RUN x"] },
      ],
      [
        "names the image by its reference",
        { config: { Image: "registry.lab:5000/app:1" } },
        { Image: "registry.lab:5000/app:1" },
      ],
      [
        "reads an image without a configuration as one without defaults",
        { config: { User: "1", Env: ["A=1"] }, image: null, next: null },
        { User: "1", Env: ["A=1"] },
      ],
    ]);
  });

  describe("of the environment", () => {
    tell([
      [
        "drops exactly the old image's entries, and keeps the order",
        {
          config: { Env: ["B=mine", "PATH=/bin", "A=1", "V=1"] },
          image: { Env: ["PATH=/bin", "B=img", "V=1"] },
        },
        { Env: ["B=mine", "A=1"] },
      ],
      [
        "keeps entries without a value as they are",
        { config: { Env: ["BARE", "EMPTY=", "EQ=a=b"] } },
        { Env: ["BARE", "EMPTY=", "EQ=a=b"] },
      ],
      ["sends an empty list where there is none", { config: { Env: null } }, { Env: [] }],
      [
        "keeps what the old image sets otherwise",
        { config: { Env: ["V=1"] }, image: { Env: ["V=2"] } },
        { Env: ["V=1"] },
      ],
    ]);
  });

  describe("of labels", () => {
    tell([
      [
        "drops those of the old image with the same value",
        { config: { Labels: { a: "1", b: "2", c: "" } }, image: { Labels: { a: "1", b: "3" } } },
        { Labels: { b: "2", c: "" } },
      ],
      ["reads null as none", { config: { Labels: null }, image: { Labels: null } }, { Labels: {} }],
      [
        "gives compose the new image's id, and keeps all else of compose",
        {
          config: {
            Labels: {
              "com.docker.compose.image": "sha256:old",
              "com.docker.compose.config-hash": "c0ffee",
              "com.docker.compose.oneoff": "False",
            },
          },
        },
        {
          Labels: {
            "com.docker.compose.image": NEW_IMAGE,
            "com.docker.compose.config-hash": "c0ffee",
            "com.docker.compose.oneoff": "False",
          },
        },
      ],
      [
        "gives compose's label to no one who had it not",
        { config: { Labels: { "com.docker.compose.project": "p" } } },
        { Labels: { "com.docker.compose.project": "p" } },
      ],
    ]);
  });

  describe("of exposed ports", () => {
    tell([
      [
        "drops the old image's",
        {
          config: { ExposedPorts: { "80/tcp": {}, "81/tcp": {} } },
          image: { ExposedPorts: { "80/tcp": {} } },
        },
        { ExposedPorts: { "81/tcp": {} } },
      ],
      [
        "exposes every published one, whatever the images say",
        {
          config: { ExposedPorts: { "80/tcp": {} } },
          image: { ExposedPorts: { "80/tcp": {} } },
          host: { PortBindings: { "80/tcp": [{ HostPort: "1" }], "53/udp": null } },
        },
        { ExposedPorts: { "80/tcp": {}, "53/udp": {} } },
      ],
      [
        "names none in another container's network, where the Engine refuses them",
        { config: { ExposedPorts: { "80/tcp": {} } }, host: { NetworkMode: `container:${ID}` } },
        { ExposedPorts: undefined },
      ],
    ]);
  });

  describe("of volumes", () => {
    tell([
      [
        "drops the old image's",
        { config: { Volumes: { "/a": {}, "/b": {} } }, image: { Volumes: { "/a": {} } } },
        { Volumes: { "/b": {} } },
      ],
      ["reads null as none", { config: { Volumes: null } }, { Volumes: {} }],
    ]);
  });

  describe("of the host name", () => {
    tell([
      [
        "is made anew where the Engine made it",
        { config: { Hostname: ID.slice(0, 12) } },
        { Hostname: undefined },
      ],
      ["is kept where the user chose it", { config: { Hostname: "web1" } }, { Hostname: "web1" }],
      [
        "is left out in another container's network",
        { config: { Hostname: "parent" }, host: { NetworkMode: `container:${ID}` } },
        { Hostname: undefined },
      ],
      [
        "is left out with the host's UTS namespace",
        { config: { Hostname: "engine1" }, host: { UTSMode: "host" } },
        { Hostname: undefined },
      ],
      [
        "is left out in the host's network where it is the Engine's",
        { config: { Hostname: "engine1" }, host: { NetworkMode: "host" } },
        { Hostname: undefined },
      ],
      [
        "is kept in the host's network where it is another",
        { config: { Hostname: "web1" }, host: { NetworkMode: "host" } },
        { Hostname: "web1" },
      ],
      [
        "is kept in other networks, also where it is the Engine's",
        { config: { Hostname: "engine1" } },
        { Hostname: "engine1" },
      ],
    ]);
  });

  describe("of the hardware address", () => {
    const MacAddress = "02:42:0a:00:00:07";
    tell([
      ["stands there before API 1.44", { config: { MacAddress }, api: "1.43" }, { MacAddress }],
      [
        "belongs to the endpoint from API 1.44 on",
        { config: { MacAddress }, api: "1.44" },
        { MacAddress: undefined },
      ],
      [
        "is left out where it is empty",
        { config: { MacAddress: "" }, api: "1.41" },
        { MacAddress: undefined },
      ],
      [
        "is left out in another container's network",
        { config: { MacAddress }, api: "1.41", host: { NetworkMode: `container:${ID}` } },
        { MacAddress: undefined },
      ],
    ]);
  });

  describe("of what podman adds by itself", () => {
    const Env = ["PATH=/bin", "container=podman", "TERM=xterm", "HOME=/root", `HOSTNAME=${ID.slice(0, 12)}`];
    const podman = { Env, Hostname: ID.slice(0, 12) };
    tell([
      [
        "drops its variables",
        { config: { ...podman, Env: [...Env, "A=1"] }, image: { Env: ["PATH=/bin"] } },
        { Env: ["A=1"] },
      ],
      [
        "keeps a home of the user's",
        { config: { ...podman, Env: [...Env.slice(0, 3), "HOME=/mine"] } },
        { Env: ["PATH=/bin", "HOME=/mine"] },
      ],
      [
        "drops its folder where the image names none",
        { config: { ...podman, WorkingDir: "/" } },
        { WorkingDir: undefined },
      ],
      [
        "drops its signal where the image names none",
        { config: { ...podman, StopSignal: "15" } },
        { StopSignal: undefined },
      ],
      [
        "drops the image's signal, which it tells by number",
        { config: { ...podman, StopSignal: "10" }, image: { StopSignal: "SIGUSR1" } },
        { StopSignal: undefined },
      ],
      ["keeps a signal of the user's", { config: { ...podman, StopSignal: "10" } }, { StopSignal: "10" }],
      [
        "drops nothing of the kind elsewhere",
        { config: { Env: ["TERM=xterm", "HOME=/"], WorkingDir: "/", StopSignal: "15" } },
        { Env: ["TERM=xterm", "HOME=/"], WorkingDir: "/", StopSignal: "15" },
      ],
    ]);
  });

  it("never edits its input", () => {
    const given = recreation({
      config: {
        Env: ["A=1"],
        Labels: { "com.docker.compose.image": "sha256:old" },
        Hostname: ID.slice(0, 12),
        ExposedPorts: { "1/tcp": {} },
      },
      image: { Env: ["A=1"] },
      host: { PortBindings: { "2/tcp": [] } },
    });
    const before = structuredClone(given);
    configFrom(given);
    assert.deepEqual(given, before);
  });
});

describe("the command of a successor", () => {
  const image = { Entrypoint: ["/ep"], Cmd: ["serve"] };
  const rows: readonly [
    string,
    Partial<Pick<Config, "Cmd" | "Entrypoint">>,
    typeof image | object,
    object,
  ][] = [
    ["both as in the image: neither is sent", { Entrypoint: ["/ep"], Cmd: ["serve"] }, image, {}],
    [
      "another command: the command alone",
      { Entrypoint: ["/ep"], Cmd: ["mine", ""] },
      image,
      { Cmd: ["mine", ""] },
    ],
    [
      "no command where the image has one: the entrypoint was given, which drops it",
      { Entrypoint: ["/ep"], Cmd: null },
      image,
      { Entrypoint: ["/ep"] },
    ],
    [
      "another entrypoint: both, also a command like the image's",
      { Entrypoint: ["/mine"], Cmd: ["serve"] },
      image,
      { Entrypoint: ["/mine"], Cmd: ["serve"] },
    ],
    [
      "another entrypoint and no command: an empty command",
      { Entrypoint: ["/mine"], Cmd: null },
      image,
      { Entrypoint: ["/mine"], Cmd: [] },
    ],
    [
      "the entrypoint was reset, inspect says null: reset again",
      { Entrypoint: null, Cmd: ["sh"] },
      image,
      { Entrypoint: [""], Cmd: ["sh"] },
    ],
    [
      "the entrypoint was reset, inspect leaves it out: reset again",
      { Cmd: ["sh"] },
      image,
      { Entrypoint: [""], Cmd: ["sh"] },
    ],
    [
      "the entrypoint was reset, inspect says []: so again",
      { Entrypoint: [], Cmd: ["sh"] },
      image,
      { Entrypoint: [], Cmd: ["sh"] },
    ],
    [
      "an image without an entrypoint, its own command: neither",
      { Entrypoint: null, Cmd: ["serve"] },
      { Cmd: ["serve"] },
      {},
    ],
    [
      "an image without an entrypoint, another command: the command alone",
      { Entrypoint: null, Cmd: ["mine"] },
      { Entrypoint: [], Cmd: ["serve"] },
      { Cmd: ["mine"] },
    ],
    [
      "an image with neither, and neither given",
      { Entrypoint: null, Cmd: null },
      { Entrypoint: null, Cmd: null },
      {},
    ],
    [
      "words that only differ where they are split are others",
      { Entrypoint: ["/ep"], Cmd: ["a b"] },
      { Entrypoint: ["/ep"], Cmd: ["a", "b"] },
      { Cmd: ["a b"] },
    ],
  ];
  for (const [sentence, own, from, expected] of rows)
    it(sentence, () =>
      assert.deepEqual(commandFrom({ Cmd: undefined, Entrypoint: undefined, ...own }, from), expected),
    );
});

describe("the healthcheck of a successor", () => {
  const test = ["CMD", "true"];
  const whole: Healthcheck = {
    Test: test,
    Interval: 11,
    Timeout: 12,
    StartPeriod: 13,
    StartInterval: 14,
    Retries: 1,
  };
  const rows: readonly [
    string,
    Healthcheck | null | undefined,
    Healthcheck | null | undefined,
    Healthcheck | null | undefined,
    object,
  ][] = [
    ["is the new image's where it is the old image's", whole, whole, { Test: ["CMD", "new"] }, {}],
    ["is none where there is none", undefined, undefined, undefined, {}],
    ["is none where inspect says null", null, null, null, {}],
    ["is the user's where the image has none", whole, undefined, undefined, { Healthcheck: whole }],
    [
      "keeps each number of its own, and leaves the rest to the new image",
      { ...whole, Retries: 9, StartInterval: 5 },
      whole,
      whole,
      { Healthcheck: { Retries: 9, StartInterval: 5 } },
    ],
    [
      "keeps a test of its own, with the new image's numbers",
      { ...whole, Test: ["CMD", "mine"] },
      whole,
      whole,
      { Healthcheck: { Test: ["CMD", "mine"] } },
    ],
    [
      "is dropped where the new image has none and only numbers are its own",
      { ...whole, Retries: 9 },
      whole,
      undefined,
      {},
    ],
    [
      "is kept with a test of its own where the new image has none",
      { ...whole, Test: ["CMD", "mine"] },
      whole,
      null,
      { Healthcheck: { Test: ["CMD", "mine"] } },
    ],
    [
      "stays switched off, and says no more than that",
      { Test: ["NONE"], Interval: 11, Retries: 1 },
      whole,
      whole,
      { Healthcheck: { Test: ["NONE"] } },
    ],
    [
      "stays switched off where the image has none",
      { Test: ["NONE"] },
      undefined,
      whole,
      { Healthcheck: { Test: ["NONE"] } },
    ],
  ];
  for (const [sentence, own, inherited, next, expected] of rows)
    it(sentence, () => assert.deepEqual(healthcheckFrom(own, inherited, next), expected));
});

describe("the API version from which create takes all endpoints", () => {
  const rows: readonly [string, boolean][] = [
    ["1.41", false],
    ["1.43", false],
    ["1.44", true],
    ["1.51", true],
    ["2.0", true],
  ];
  for (const [api, expected] of rows)
    it(`${api}: ${expected ? "it does" : "it does not"}`, () =>
      assert.equal(endpointsInCreate(api), expected));
});
