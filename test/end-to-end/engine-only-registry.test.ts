// What the poller cannot ask itself, the Engine asks for it: behind the proxy of the Engine's own settings, whose password
// nobody else knows, and at a registry whose name the Engine alone resolves.
import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { bed, bedCommand, engine } from "../bed/bed.ts";
import { overview, release } from "../support/containers.ts";
import { startForwardProxy } from "../support/forward-proxy.ts";
import { createInstance } from "../support/ouroboros-instance.ts";

const NUMBER = 32;
const SECRET = "ghcr.io/acme/private/reached";
const FAR = "far.lab/acme/reached";
const LOGIN = { username: "ann", password: "secret", serveraddress: "ghcr.io" };

describe("what only the Engine reaches is updated", () => {
  it("a private image behind the Engine's proxy, and one of a registry whose name it alone resolves", async () => {
    const { net } = bed();
    await using proxy = await startForwardProxy("me:hush", `${net}.1`);
    const through = proxy.url.replace("//", "//me:hush@");
    const own = [`HTTPS_PROXY=${through}`, "NO_PROXY=far.lab,registry.lab"];
    await bedCommand("boot", `${NUMBER}`, "28.5", ...own);
    try {
      await using host = engine(NUMBER);
      await bedCommand("on", `${NUMBER}`, "sh", "-c", `echo ${net}.2 far.lab >> /etc/hosts`);
      for (const [name, image] of Object.entries({ secret: SECRET, far: FAR })) {
        await release(image, "1");
        const pulled = await host.docker.pull(`${image}:latest`, { authconfig: LOGIN });
        await new Promise((resolve) => host.docker.modem.followProgress(pulled, resolve));
        await (await host.docker.createContainer({ name, Image: `${image}:latest` })).start();
        await release(image, "2");
      }
      const before = proxy.seen.length;
      const login = { REPO_USER: LOGIN.username, REPO_PASS: LOGIN.password, REPO_REGISTRY: "ghcr.io" };
      await using once = await createInstance({ ...login, DOCKER_SOCKETS: `unix://${host.socket}` });
      const ran = once.start();
      assert.equal(await ran.exited, 0, ran.log());
      assert.deepEqual(await overview(host), ["far running 2", "secret running 2"], ran.log());
      assert.ok(proxy.seen.slice(before).includes("CONNECT ghcr.io:443"));
      assert.ok(!proxy.seen.some((one) => one.includes("far.lab")), "the Engine's NO_PROXY counts");
      for (const secret of ["hush", "secret:", "annsecret"]) assert.ok(!ran.log().includes(secret), secret);
    } finally {
      await bedCommand("cut", `${NUMBER}`);
    }
  });
});
