/** What a user may set of a container itself. */
import assert from "node:assert/strict";
import { host, singleContainer } from "../case.ts";

const SECOND = 1e9;
const FOREVER = 'trap "exit 0" TERM INT HUP USR1 USR2; sleep 100000 & wait';
/** Runs on an image that says nothing. */
const SERVED = { Entrypoint: ["/bin/sh", "/bin/serve"], Cmd: ["mine"] };

export const configCases = {
  plain: singleContainer(
    "a container without options follows the new image in everything",
    {},
    {
      check: async ({ inspect }) => {
        const { Id, Config } = await inspect();
        assert.equal(Config.Hostname, Id.slice(0, 12));
      },
    },
  ),
  environment: singleContainer(
    "variables: one overridden, one new, one empty, one with = in it, one that the old image had",
    {
      Env: ["KEEP=mine", "FOO=1", "EMPTY=", "EQ=a=b=c", "ONLY_V1=forced"],
    },
  ),
  "environment-bare": singleContainer("a variable without a value, which removes the image's", {
    Env: ["ONLY_V2", "BARE", "LAST=1"],
  }),
  "environment-order": singleContainer("variables in their order", {
    Env: ["Z=1", "A=2", "PATH=/bin:/sbin", "M=3"],
  }),
  labels: singleContainer("labels: the image's overridden, own ones, empty ones", {
    Labels: { "img.keep": "mine", own: "1", empty: "", "a.b/c": 'x=y, "z"' },
  }),
  "compose-labels": singleContainer("labels as compose sets them", {
    Labels: {
      "com.docker.compose.project": "shop",
      "com.docker.compose.service": "web",
      "com.docker.compose.container-number": "1",
      "com.docker.compose.oneoff": "False",
      "com.docker.compose.config-hash": "c0ffee",
      "com.docker.compose.depends_on": "db:service_started:false",
      "com.docker.compose.project.working_dir": "/srv/shop",
    },
  }),
  command: singleContainer("a command", { Cmd: ["hello", "wor ld", ""] }),
  "entrypoint-and-command": singleContainer("an entrypoint and a command", {
    Entrypoint: ["/bin/sh", "-c"],
    Cmd: [FOREVER],
  }),
  "entrypoint-alone": singleContainer("an entrypoint alone, which drops the image's command", {
    Entrypoint: ["/bin/sh", "-c", FOREVER],
  }),
  "entrypoint-reset": singleContainer("an entrypoint reset with an empty one", {
    Entrypoint: [""],
    Cmd: ["/bin/sh", "-c", FOREVER],
  }),
  "user-workdir-stop": singleContainer("working directory, user, stop signal and stop timeout", {
    WorkingDir: "/w",
    User: "1234:5678",
    StopSignal: "SIGTERM",
    StopTimeout: 33,
  }),
  healthcheck: singleContainer("a healthcheck of its own", {
    Healthcheck: {
      Test: ["CMD", "/bin/true", "x"],
      Interval: 3 * SECOND,
      Timeout: 2 * SECOND,
      StartPeriod: SECOND,
      Retries: 7,
    },
  }),
  "healthcheck-retries": singleContainer("one number of the healthcheck, the rest from the image", {
    Healthcheck: { Retries: 9 },
  }),
  "healthcheck-test": singleContainer("another test, with the image's times", {
    Healthcheck: { Test: ["CMD-SHELL", "true"] },
  }),
  "healthcheck-none": singleContainer("no healthcheck", { Healthcheck: { Test: ["NONE"] } }),
  "healthcheck-appears": singleContainer(
    "a healthcheck that only the new image has",
    {},
    {
      image: "healthAppears",
      check: async ({ inspect }) => assert.equal((await inspect()).State.Health?.Status, "healthy"),
    },
  ),
  "healthcheck-vanishes": singleContainer(
    "a number for a healthcheck that the new image no longer has",
    {},
    { image: "healthVanishes" },
  ),
  hostname: singleContainer("host name and domain name", { Hostname: "web1", Domainname: "example.org" }),
  "hostname-its-name": singleContainer("a host name equal to the container's name", {
    Hostname: "hostname-its-name",
  }),
  tty: singleContainer("a terminal and an open standard input", {
    Tty: true,
    OpenStdin: true,
    StdinOnce: true,
    AttachStdin: true,
  }),
  "equal-to-new": singleContainer("values that are the new image's already", {
    Env: ["KEEP=img2", "ONLY_V2=yes"],
    Labels: { "img.keep": "img2", "img.onlyv2": "yes" },
    WorkingDir: "/w2",
    StopSignal: "SIGUSR2",
    User: "1002",
    ExposedPorts: { "8082/tcp": {} },
    Volumes: { "/imgvol2": {} },
    Healthcheck: { Retries: 2 },
  }),
  mild: singleContainer(
    "options of all kinds, where nothing but a file changes in the image",
    {
      Env: ["A=1"],
      Labels: { a: "1" },
      Cmd: ["other"],
      User: "12",
      WorkingDir: "/w",
      StopSignal: "SIGINT",
      Healthcheck: { Test: ["CMD", "/bin/true"], Interval: SECOND },
      Hostname: "mild",
      ExposedPorts: { "1/tcp": {} },
      Volumes: { "/data": {} },
    },
    { image: "mild" },
  ),
  twice: singleContainer(
    "a second update: what the user set, and nothing of the images before",
    {
      Env: ["KEEP=mine", "A=1"],
      Labels: { "img.keep": "mine" },
      Volumes: { "/data": {} },
      Hostname: "twice",
    },
    { image: "again", times: 2 },
  ),
  "twice-plain": singleContainer(
    "a second update of a container without options",
    {},
    { image: "again", times: 2 },
  ),
  thrice: singleContainer(
    "a third update, on two networks, with volumes",
    { Volumes: { "/data": {} }, ...host({ Binds: ["thrice-named:/named"] }) },
    {
      image: "mildAgain",
      times: 3,
      endpoints: { lan: { Aliases: ["thrice"] }, dmz: { IPAMConfig: { IPv4Address: "10.213.2.93" } } },
    },
  ),
  bare: singleContainer("an image without a configuration", SERVED, { image: "bare" }),
  "config-appears": singleContainer("a configuration that only the new image has", SERVED, {
    image: "configAppears",
  }),
  "config-vanishes": singleContainer("a configuration that only the old image has", SERVED, {
    image: "configVanishes",
  }),
  "user-appears": singleContainer("a user that only the new image names", {}, { image: "userAppears" }),
  "user-vanishes": singleContainer(
    "a user that the new image no longer knows",
    {},
    { image: "userVanishes" },
  ),
  "entrypoint-appears": singleContainer(
    "an entrypoint that only the new image has",
    {},
    { image: "entrypointAppears" },
  ),
  "entrypoint-vanishes": singleContainer(
    "an entrypoint that the new image no longer has",
    {},
    { image: "entrypointVanishes" },
  ),
  "entrypoint-appears-own": singleContainer(
    "a user's entrypoint, where the new image has one too",
    { Entrypoint: ["/bin/serve", "mine"] },
    { image: "entrypointAppears" },
  ),
  "entrypoint-vanishes-reset": singleContainer(
    "a reset entrypoint, where the new image has none",
    { Entrypoint: [""], Cmd: ["/bin/serve"] },
    { image: "entrypointVanishes" },
  ),
  "command-appears": singleContainer(
    "a command that only the new image has",
    {},
    { image: "commandAppears" },
  ),
  "command-vanishes": singleContainer(
    "a command that the new image no longer has",
    {},
    { image: "commandVanishes" },
  ),
  "command-vanishes-own": singleContainer(
    "a user's command, where the new image has none",
    { Cmd: ["mine"] },
    { image: "commandVanishes" },
  ),
};
