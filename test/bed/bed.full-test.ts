/** The stand-in for our image's base, which takes some seconds to import. */
import { match } from "node:assert/strict";
import { bedCommand } from "./bed.ts";

describe("the test bed's base image", () => {
  it("has Node 24 with npm and what our Dockerfile adds", async () => {
    await bedCommand("base-image", "1");
    const ask =
      "node --version; npm --version; python3 -c 'import docker'; nats-server --version; id node; which tini";
    const said = await bedCommand("docker", "1", "run", "--rm", "node:24-trixie-slim", "sh", "-ec", ask);
    match(said, /^v24\..*\n11\..*\nnats-server: v2\.10.*\nuid=1000\(node\).*\n\/usr\/bin\/tini$/);
  });
});
