import assert from "node:assert/strict";
import { redactLocals } from "../../../shared/containers/event-redaction.ts";
import { matchesContainer } from "../../../shared/contract/participants.ts";
import { container, image } from "../../services/hook-executor/scene.ts";

type Labels = Readonly<Record<string, string>>;
const H = "(hidden)";
const tellOf = (labels: Labels, shown: readonly string[] = ["*"], bytes = 200_000) =>
  redactLocals({ old_container: { ...container("web"), labels } }, shown, bytes).old_container;

/** A label, and whether its value is told. */
const labels: readonly [string, string, boolean][] = [
  ["org.opencontainers.image.version", "1.2.3", true],
  ["org.opencontainers.image.authors", "ann@example.com", true],
  ["com.docker.compose.project.environment_file", "/srv/.env", true],
  ["traefik.http.routers.web.rule", "Host(`web.example.com`)", true],
  ["homepage.widget.username", "ann", true],
  ["author", "ann", true],
  ["keyboard", "de", true],
  ["traefik.http.middlewares.auth.basicauth.users", "ann:x", false],
  ["caddy.basic_auth.ann", "x", false],
  ["homepage.widget.key", "0123456789abcdef", false],
  ["homepage.widget.password", "x", false],
  ["dashboard.apiKey", "x", false],
  ["client_secret", "x", false],
  ["ACCESS-TOKEN", "x", false],
  ["any", "ann:$apr1$H6uskkkW$IgXLP6ewTrSuBkTrqE8wj/", false],
  ["any", "ann:$2y$05$c4WoMPo3SXsafkva.HHa6uXQZWr7oboPiC2bT/r7q1BB8I2s0BRqC", false],
  ["any", "https://ann:pw@example.com", false],
  ["any", "ghp_16C7e42F292c6912E7710c838347Ae178B4a", false],
  ["any", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.x", false],
  ["any", "-----BEGIN PRIVATE KEY-----", false],
];

describe("labels in events", () => {
  for (const [name, value, isTold] of labels)
    it(`${isTold ? "tell" : "hide"} ${name}=${value}`, () => {
      const { labels: told, truncated } = tellOf({ [name]: value });
      assert.deepEqual([told, truncated], [{ [name]: isTold ? value : H }, undefined]);
    });

  it("are those that EVENT_LABELS names; one named in full is never hidden", () => {
    const own = { "a.x": "1", "a.token": "2", b: "3", "c.token": "4" };
    const { labels: told, truncated } = tellOf(own, ["a.*", "c.token"]);
    assert.deepEqual([told, truncated], [{ "a.x": "1", "a.token": H, "c.token": "4" }, true]);
    assert.deepEqual(tellOf(own, []).labels, {});
  });

  it("are cut to size, the long ones first, with a mark; in no time", () => {
    const long = tellOf({ short: "1", big: "x".repeat(300 * 1024) });
    assert.deepEqual([long.labels["short"], long.labels["big"]?.length, long.truncated], ["1", 1024, true]);
    const many = Object.fromEntries(Array.from({ length: 30_000 }, (_, n) => [`l${n}`, "eyJ-eyJ-eyJ-"]));
    const began = process.cpuUsage();
    const told = tellOf({ ...many, ["k".repeat(100_000)]: "eyJ-".repeat(75_000) });
    assert.ok(process.cpuUsage(began).user < 2e6); // microseconds of the processor: others may want it, too
    assert.ok(JSON.stringify(told).length < 20_000);
  });

  it("give way where an event would not fit, then long lists do", () => {
    const wide = {
      ...container("web"),
      labels: Object.fromEntries(Array.from({ length: 15 }, (_, n) => [`l${n}`, "x".repeat(1000)])),
      ports: Object.fromEntries(Array.from({ length: 9000 }, (_, n) => [`${n}/tcp`, []])),
    };
    const old = { ...image("a"), tags: Array.from({ length: 5000 }, (_, n) => `app:${n}`) };
    const locals = { updateable: [{ container: wide, current_image: old, latest_image: image("b") }] };
    const told = redactLocals(locals, ["*"], 10_000);
    assert.ok(JSON.stringify(told).length < 10_000);
    assert.deepEqual(told.updateable[0]?.container.truncated, true);
    assert.equal(told.updateable[0]?.current_image.tags.length, 20);
  });

  it("that were left out, cut or hidden may be those that a participant chose: it is asked", () => {
    const chooser = { hooks: ["before_update" as const], hosts: ["*"], labels: ["tier=db", "pw.key=x"] };
    const rest = { timeout_ms: 1, max_ms: 1, on_timeout: "defer" as const };
    const asked = (it: { labels: Labels; truncated?: true | undefined }): boolean =>
      matchesContainer({ ...chooser, ...rest }, { name: "web", ...it });
    assert.ok(!asked({ labels: { tier: "web" } }));
    assert.ok(asked({ labels: { tier: "web" }, truncated: true }));
    assert.ok(asked(tellOf({ "pw.key": "x" })));
  });
});
