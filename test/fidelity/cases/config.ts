/** What a user may set of a container itself. */
import assert from "node:assert/strict";
import { host, one } from "../case.ts";

const SECOND = 1e9;
const FOREVER = 'trap "exit 0" TERM INT HUP USR1 USR2; sleep 100000 & wait';
/** Runs on an image that says nothing. */
const SERVED = { Entrypoint: ["/bin/sh", "/bin/serve"], Cmd: ["mine"] };

export const configCases = {
  plain: one(
    "a container without options follows the new image in everything",
    {},
    {
      check: async ({ inspect }) => {
        const { Id, Config } = await inspect();
        assert.equal(Config.Hostname, Id.slice(0, 12));
      },
    },
  ),
  environment: one(
    "variables: one overridden, one new, one empty, one with = in it, one that the old image had",
    {
      Env: ["KEEP=mine", "FOO=1", "EMPTY=", "EQ=a=b=c", "ONLY_V1=forced"],
    },
  ),
  "environment-bare": one("a variable without a value, which removes the image's", {
    Env: ["ONLY_V2", "BARE", "LAST=1"],
  }),
  "environment-order": one("variables in their order", { Env: ["Z=1", "A=2", "PATH=/bin:/sbin", "M=3"] }),
  labels: one("labels: the image's overridden, own ones, empty ones", {
    Labels: { "img.keep": "mine", own: "1", empty: "", "a.b/c": 'x=y, "z"' },
  }),
  "compose-labels": one("labels as compose sets them", {
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
  command: one("a command", { Cmd: ["hello", "wor ld", ""] }),
  "entrypoint-and-command": one("an entrypoint and a command", {
    Entrypoint: ["/bin/sh", "-c"],
    Cmd: [FOREVER],
  }),
  "entrypoint-alone": one("an entrypoint alone, which drops the image's command", {
    Entrypoint: ["/bin/sh", "-c", FOREVER],
  }),
  "entrypoint-reset": one("an entrypoint reset with an empty one", {
    Entrypoint: [""],
    Cmd: ["/bin/sh", "-c", FOREVER],
  }),
  "user-workdir-stop": one("working directory, user, stop signal and stop timeout", {
    WorkingDir: "/w",
    User: "1234:5678",
    StopSignal: "SIGTERM",
    StopTimeout: 33,
  }),
  healthcheck: one("a healthcheck of its own", {
    Healthcheck: {
      Test: ["CMD", "/bin/true", "x"],
      Interval: 3 * SECOND,
      Timeout: 2 * SECOND,
      StartPeriod: SECOND,
      Retries: 7,
    },
  }),
  "healthcheck-retries": one("one number of the healthcheck, the rest from the image", {
    Healthcheck: { Retries: 9 },
  }),
  "healthcheck-test": one("another test, with the image's times", {
    Healthcheck: { Test: ["CMD-SHELL", "true"] },
  }),
  "healthcheck-none": one("no healthcheck", { Healthcheck: { Test: ["NONE"] } }),
  "healthcheck-appears": one(
    "a healthcheck that only the new image has",
    {},
    {
      image: "healthAppears",
      check: async ({ inspect }) => assert.equal((await inspect()).State.Health?.Status, "healthy"),
    },
  ),
  "healthcheck-vanishes": one(
    "a number for a healthcheck that the new image no longer has",
    {},
    { image: "healthVanishes" },
  ),
  hostname: one("host name and domain name", { Hostname: "web1", Domainname: "example.org" }),
  "hostname-its-name": one("a host name equal to the container's name", { Hostname: "hostname-its-name" }),
  tty: one("a terminal and an open standard input", {
    Tty: true,
    OpenStdin: true,
    StdinOnce: true,
    AttachStdin: true,
  }),
  "equal-to-new": one("values that are the new image's already", {
    Env: ["KEEP=img2", "ONLY_V2=yes"],
    Labels: { "img.keep": "img2", "img.onlyv2": "yes" },
    WorkingDir: "/w2",
    StopSignal: "SIGUSR2",
    User: "1002",
    ExposedPorts: { "8082/tcp": {} },
    Volumes: { "/imgvol2": {} },
    Healthcheck: { Retries: 2 },
  }),
  mild: one(
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
  twice: one(
    "a second update: what the user set, and nothing of the images before",
    {
      Env: ["KEEP=mine", "A=1"],
      Labels: { "img.keep": "mine" },
      Volumes: { "/data": {} },
      Hostname: "twice",
    },
    { image: "again", times: 2 },
  ),
  "twice-plain": one("a second update of a container without options", {}, { image: "again", times: 2 }),
  thrice: one(
    "a third update, on two networks, with volumes",
    { Volumes: { "/data": {} }, ...host({ Binds: ["thrice-named:/named"] }) },
    {
      image: "mildAgain",
      times: 3,
      endpoints: { lan: { Aliases: ["thrice"] }, dmz: { IPAMConfig: { IPv4Address: "10.213.2.93" } } },
    },
  ),
  bare: one("an image without a configuration", SERVED, { image: "bare" }),
  "config-appears": one("a configuration that only the new image has", SERVED, { image: "configAppears" }),
  "config-vanishes": one("a configuration that only the old image has", SERVED, { image: "configVanishes" }),
  "user-appears": one("a user that only the new image names", {}, { image: "userAppears" }),
  "user-vanishes": one("a user that the new image no longer knows", {}, { image: "userVanishes" }),
  "entrypoint-appears": one("an entrypoint that only the new image has", {}, { image: "entrypointAppears" }),
  "entrypoint-vanishes": one(
    "an entrypoint that the new image no longer has",
    {},
    { image: "entrypointVanishes" },
  ),
  "entrypoint-appears-own": one(
    "a user's entrypoint, where the new image has one too",
    { Entrypoint: ["/bin/serve", "mine"] },
    { image: "entrypointAppears" },
  ),
  "entrypoint-vanishes-reset": one(
    "a reset entrypoint, where the new image has none",
    { Entrypoint: [""], Cmd: ["/bin/serve"] },
    { image: "entrypointVanishes" },
  ),
  "command-appears": one("a command that only the new image has", {}, { image: "commandAppears" }),
  "command-vanishes": one("a command that the new image no longer has", {}, { image: "commandVanishes" }),
  "command-vanishes-own": one(
    "a user's command, where the new image has none",
    { Cmd: ["mine"] },
    { image: "commandVanishes" },
  ),
};
