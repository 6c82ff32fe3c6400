import { join } from "node:path";
import { describe } from "mocha";
import { engine } from "../bed/bed.ts";
import { describeCompose } from "./compose.ts";

const plugins = join(
  process.env["BED_CACHE"] ?? "/var/cache/ouroboros-bed",
  "26/usr/libexec/docker/cli-plugins",
);

describe("a compose project that was updated", () => {
  describeCompose(engine(1), { version: "2.26", program: join(plugins, "docker-compose") });
});
