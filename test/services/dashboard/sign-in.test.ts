// Who is let in by a proxy's headers and by an OpenID Connect provider, and under a path prefix.
import assert from "node:assert/strict";
import { type IncomingMessage, type Server, type ServerResponse, createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { after, before, describe, it } from "mocha";
import { type DashboardScene, EVENT, HOST, hostEntry, openScene, waiting } from "./scene.ts";

interface AskOptions {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly redirect?: "manual";
}

describe("the dashboard behind a proxy that signs people in", () => {
  let scene: DashboardScene;
  const ask = (path: string, user?: string, groups = "", more: AskOptions = {}) =>
    fetch(`${scene.url}${path}`, {
      ...more,
      headers: {
        ...(user !== undefined && { "remote-user": user, "remote-groups": groups }),
        ...more.headers,
      },
    });

  before(async () => {
    scene = await openScene();
    await scene.putHost(HOST, hostEntry(["web"]));
    await scene.record(waiting());
  });
  after(() => scene[Symbol.asyncDispose]());

  it("believes the listed addresses alone, gives roles by group and name, and keeps the prefix", async () => {
    const env = { DASHBOARD_AUTH: "forward-auth", DASHBOARD_URL: "https://example.org/ouroboros/" };
    {
      await using _elsewhere = await scene.start({ ...env, DASHBOARD_PROXIES: "10.0.0.0/8" });
      const answer = await ask("/api/me", "eve", "admins");
      assert.equal(answer.status, 403);
      assert.match(await answer.text(), /only the proxies/);
    }
    await using _service = await scene.start({
      ...env,
      DASHBOARD_PROXIES: "127.0.0.0/8 ::1",
      DASHBOARD_ROLES: "viewer=staff approver=user:ann operator=admins",
    });
    const roles: [string | undefined, string, number, string?][] = [
      ["joe", "staff", 200, "viewer"],
      ["ann", "staff", 200, "approver"],
      ["ann", "staff, admins", 200, "operator"],
      ["admins", "", 403],
      ["Zoë", "staff", 200, "viewer"],
      ["user:ann", "", 403],
      ["  \u200b ", "admins", 401],
      [undefined, "", 401],
    ];
    for (const [user, groups, status, role] of roles) {
      const answer = await ask("/api/me", user === undefined ? undefined : encodeLatin(user), groups);
      assert.equal(answer.status, status, String(user));
      if (role !== undefined) {
        const me = (await answer.json()) as { name: string; role: string };
        assert.deepEqual([me.name, me.role], [user, role]);
      }
    }
    const prefixed = await ask("/ouroboros/api/me", "joe", "staff");
    const { csrf } = (await prefixed.json()) as { csrf: string };
    assert.equal((await ask("/ouroboros/", "joe", "staff")).status, 200);
    const bare = await ask("/ouroboros", "joe", "staff", { redirect: "manual" });
    assert.deepEqual([bare.status, bare.headers.get("location")], [308, "/ouroboros/"]);
    const post = (user: string, token: string, origin: string) =>
      ask("/ouroboros/api/verdict", user, "staff", {
        method: "POST",
        headers: { "content-type": "application/json", "x-csrf-token": token, origin },
        body: JSON.stringify({ host: HOST, event: EVENT, verdict: "refuse", reason: "no" }),
      });
    assert.equal((await post("ann", csrf, "https://example.org")).status, 403, "joe's token");
    const anns = ((await (await ask("/api/me", "ann", "staff")).json()) as { csrf: string }).csrf;
    assert.equal((await post("ann", anns, "https://elsewhere.example")).status, 403);
    assert.equal((await post("joe", csrf, "https://example.org")).status, 403, "a viewer");
  });

  it("needs what its way of signing in needs, or says so and ends", async () => {
    const cases: [Readonly<Record<string, string>>, RegExp][] = [
      [{ DASHBOARD_TOKENS: "" }, /DASHBOARD_TOKENS is not set.*openssl rand/],
      [{ DASHBOARD_AUTH: "forward-auth" }, /DASHBOARD_PROXIES is not set/],
      [
        { DASHBOARD_AUTH: "oidc", DASHBOARD_OIDC_CLIENT: "o" },
        /needs DASHBOARD_URL, DASHBOARD_OIDC_ISSUER, DASHBOARD_OIDC_SECRET/,
      ],
      [{ DASHBOARD_ADDR: "192.0.2.1" }, /cannot be served on 192\.0\.2\.1/],
    ];
    for (const [env, says] of cases) {
      const service = await scene.start(env);
      assert.equal(await service.exited, 1);
      assert.match(service.stderrText(), says);
    }
  });
});

/** A header has bytes: what is beyond ASCII arrives as UTF-8 read as Latin-1. */
const encodeLatin = (text: string): string => Buffer.from(text).toString("latin1");

interface Provider extends AsyncDisposable {
  readonly issuer: string;
  /** Claims of whoever signs in next. */
  claims: Readonly<Record<string, unknown>>;
  /** Makes the nonce of the ID token another one. */
  isForged: boolean;
}

/** An OpenID Connect provider that signs everybody in who comes. */
async function startProvider(client: string): Promise<Provider> {
  const { publicKey, privateKey } = await generateKeyPair("RS256");
  const jwk = { ...(await exportJWK(publicKey)), kid: "1", alg: "RS256", use: "sig" };
  const nonces = new Map<string, string>();
  const provider = { claims: {}, isForged: false, issuer: "" };
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(request.url ?? "", provider.issuer);
    const json = (body: object): void => {
      response.setHeader("content-type", "application/json").end(JSON.stringify(body));
    };
    if (url.pathname === "/.well-known/openid-configuration") {
      json({
        issuer: provider.issuer,
        authorization_endpoint: `${provider.issuer}/authorize`,
        token_endpoint: `${provider.issuer}/token`,
        jwks_uri: `${provider.issuer}/jwks`,
        response_types_supported: ["code"],
        subject_types_supported: ["public"],
        id_token_signing_alg_values_supported: ["RS256"],
      });
      return;
    }
    if (url.pathname === "/jwks") {
      json({ keys: [jwk] });
      return;
    }
    if (url.pathname === "/authorize") {
      const code = String(nonces.size + 1);
      nonces.set(code, url.searchParams.get("nonce") ?? "");
      const back = new URL(url.searchParams.get("redirect_uri") ?? "");
      back.search = String(new URLSearchParams({ code, state: url.searchParams.get("state") ?? "" }));
      response.writeHead(302, { location: back.href }).end();
      return;
    }
    let body = "";
    for await (const chunk of request) body += String(chunk);
    const nonce = provider.isForged ? "another" : nonces.get(new URLSearchParams(body).get("code") ?? "");
    const token = await new SignJWT({ ...provider.claims, nonce })
      .setProtectedHeader({ alg: "RS256", kid: "1" })
      .setIssuer(provider.issuer)
      .setAudience(client)
      .setSubject("1")
      .setIssuedAt()
      .setExpirationTime("5m")
      .sign(privateKey);
    json({ access_token: "a", token_type: "Bearer", id_token: token });
  };
  const server: Server = createServer((request, response) => void answer(request, response));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  provider.issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return Object.assign(provider, {
    [Symbol.asyncDispose]: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  });
}

describe("the dashboard with OIDC", () => {
  it("signs in whom the provider names, with the role of the group, and nobody by a forged answer", async () => {
    await using scene = await openScene();
    const provider = await startProvider("page");
    await using _provider = provider;
    const service = await scene.start({
      ...{
        DASHBOARD_AUTH: "oidc",
        DASHBOARD_URL: scene.url,
        DASHBOARD_ROLES: "viewer=staff operator=admins",
      },
      ...{ DASHBOARD_OIDC_ISSUER: provider.issuer, DASHBOARD_OIDC_CLIENT: "page" },
      DASHBOARD_OIDC_SECRET: "planted-oidc-secret",
    });
    const follow = async (url: string, cookie = ""): Promise<Response> =>
      fetch(url, { redirect: "manual", headers: { cookie } });
    const cookieOf = (response: Response): string =>
      response.headers
        .getSetCookie()
        .map((one) => one.split(";")[0] ?? "")
        .filter((one) => !one.endsWith("="))
        .join("; ");
    const signIn = async (): Promise<Response> => {
      const begun = await follow(`${scene.url}/auth/start`);
      const authorized = await follow(begun.headers.get("location") ?? "");
      return follow(authorized.headers.get("location") ?? "", cookieOf(begun));
    };
    provider.claims = { preferred_username: "ann", groups: ["staff"] };
    const done = await signIn();
    assert.equal(done.headers.get("location"), "/");
    assert.match(done.headers.getSetCookie().join(), /ouroboros_session=.*SameSite=Lax/);
    const me = await follow(`${scene.url}/api/me`, cookieOf(done));
    assert.deepEqual(
      (({ name, role }) => ({ name, role }))((await me.json()) as { name: string; role: string }),
      { name: "ann", role: "viewer" },
    );
    provider.claims = { email: "joe@example.org", groups: "admins" };
    const roleless = await follow(`${scene.url}/api/me`, cookieOf(await signIn()));
    assert.equal(roleless.status, 403, "a text is no list of groups");
    provider.isForged = true;
    const forged = await signIn();
    assert.equal(forged.headers.get("location"), "/#/sign-in/refused");
    assert.equal(cookieOf(forged), "");
    provider.isForged = false;
    const begun = await follow(`${scene.url}/auth/start`);
    const authorized = await follow(begun.headers.get("location") ?? "");
    const stolen = await follow(authorized.headers.get("location") ?? ""); // in a browser that did not begin it
    assert.equal(stolen.headers.get("location"), "/#/sign-in/refused");
    const tokens = await fetch(`${scene.url}/api/me`, { headers: { authorization: "Bearer x" } });
    assert.equal(tokens.status, 401);
    assert.ok(!service.log().includes("planted-oidc-secret"));
  });
});
