import assert from "node:assert/strict";
import { jetstreamManager } from "@nats-io/jetstream";
import { Kvm } from "@nats-io/kv";
import { connect } from "nats";
import { ImageApprovals } from "../../../cli/output/image-approvals.ts";
import { readApproval } from "../../../shared/contract/approvals.ts";
import { BUCKETS, approvalKey } from "../../../shared/contract/subjects.ts";
import { ensureTopology } from "../../../shared/nats/topology.ts";
import { type NatsServer, startNats } from "../../bed/bed.ts";
import { writeNatsConfig } from "../../support/nats-config-folder.ts";
import { runOperatorCommand } from "../../support/run-operator-command.ts";

const DIGEST = `sha256:${"1".repeat(64)}`;
const IMAGE = { repository: "ghcr.io/acme/shop", digest: DIGEST };
const TEXT = `ghcr.io/acme/shop@${DIGEST}`;

describe("ouroboros approve and refuse", () => {
  let server: NatsServer;
  const run = (...words: string[]) => runOperatorCommand({ NATS_URL: server.url }, words);
  const listed = async (): Promise<ImageApprovals[]> => {
    const { code, out, err } = await run("approve", "-o", "json");
    assert.deepEqual([code, err], [0, ""]);
    return ImageApprovals.array().parse(JSON.parse(out));
  };
  beforeEach(async () => {
    server = await startNats();
    const nats = await connect({ servers: server.url });
    await ensureTopology(nats, await jetstreamManager(nats));
    await nats.close();
  });
  afterEach(() => server[Symbol.asyncDispose]());

  it("record for the digest what the operator, or a participant, says; the last word counts", async () => {
    const first = await run("approve", TEXT, "--reason", "tested");
    assert.deepEqual([first.code, first.out], [0, `${TEXT}: proceed by operator: tested\n`]);
    await run("approve", `ghcr.io/acme/shop:1.2@${DIGEST}`, "--as", "alice", "--until", "3d");
    await run("refuse", TEXT, "--reason", "it loses orders");
    const [found, ...others] = await listed();
    assert.deepEqual([found?.image, others], [TEXT, []]);
    const said = found?.verdicts.toSorted((a, b) => (a.by < b.by ? -1 : 1)) ?? [];
    assert.deepEqual(
      said.map(({ by, verdict, reason }) => [by, verdict, reason]),
      [
        ["alice", "proceed", null],
        ["operator", "refuse", "it loses orders"],
      ],
    );
    const days = (Date.parse(said[0]?.until ?? "") - Date.now()) / 86_400_000;
    assert.ok(days > 2.9 && days <= 3, String(days));
  });

  it("take back what was said", async () => {
    await run("refuse", TEXT, "--reason", "no");
    const { code, out } = await run("approve", TEXT, "--withdraw");
    assert.deepEqual([code, out], [0, `${TEXT}: what operator had said is withdrawn\n`]);
    assert.deepEqual(await listed(), []);
    const { out: empty } = await run("approve");
    assert.match(empty, /Nothing waits/);
  });

  it("list what waits for an approval of one that answers by digest, as `pending` does", async () => {
    const added = await run("participant", "add", "release", "--hooks", "before_update", "--by-digest");
    assert.equal(added.code, 0, added.err);
    const nats = await connect({ servers: server.url });
    const held = {
      ...{ digest: DIGEST, image: "ghcr.io/acme/shop", because: "", by: "release", until: 1, tries: 1 },
      end: "deferred",
    };
    const bucket = await new Kvm(nats).open(BUCKETS.held);
    await bucket.put("h1.web", JSON.stringify(held));
    await bucket.put("h1.db", JSON.stringify({ ...held, by: "backup" }));
    const hosts = await new Kvm(nats).open(BUCKETS.hosts);
    await hosts.put("h1", "{}");
    await nats.close();
    const waiting = [{ host: "h1", container: "web", by: "release" }];
    assert.deepEqual(await listed(), [{ image: TEXT, verdicts: [], waiting }]);
    assert.match((await run("pending")).out, new RegExp(`Waiting for an approval: ${TEXT}`));
    await run("approve", TEXT);
    assert.deepEqual((await listed())[0]?.waiting, []);
    assert.doesNotMatch((await run("pending")).out, /Waiting for an approval/);
  });

  for (const [words, says] of [
    [["approve", "ghcr.io/acme/shop:1"], /IMAGE@DIGEST/],
    [["approve", TEXT, "--until", "tomorrow"], /allowed is a duration/],
    [["approve", TEXT, "--as", "exec_h1"], /reserved/],
    [["approve", "--reason", "x"], /image is missing/],
    [["refuse", TEXT], /--reason/],
    [
      ["participant", "add", "x", "--hooks", "after_update", "--by-digest"],
      /cannot be asked at after_update/,
    ],
    [
      ["participant", "add", "x", "--hooks", "before_update", "--by-digest", "--advisory"],
      /cannot be advisory/,
    ],
  ] as const)
    it(`refuse the words ${words.join(" ")}`, async () => {
      const { code, err } = await run(...words);
      assert.deepEqual([code, says.test(err)], [2, true], err);
    });
});

describe("a participant's own key", () => {
  it("approves as that participant, and as nobody else", async () => {
    await using keys = await writeNatsConfig("--hosts", "h1", "--participants", "alice,bob");
    await using server = await startNats({ config: keys.config });
    const as = (user: string, ...words: string[]) =>
      runOperatorCommand({ NATS_URL: server.url, ...keys.access(user) }, words);
    assert.equal((await as("operator", "nats-config", "prepare", "--hosts", "h1")).code, 0);
    const own = await as("participant_alice", "approve", TEXT, "--as", "alice");
    assert.deepEqual([own.code, own.err], [0, ""]);
    for (const words of [["--as", "bob"], []]) {
      const { code, err } = await as("participant_alice", "approve", TEXT, ...words);
      assert.deepEqual([code, /NATS did not store it/.test(err)], [1, true], err);
    }
    const nats = await connect({ servers: server.url, ...(await keys.connection("operator")) });
    const bucket = await new Kvm(nats).open(BUCKETS.approvals);
    const entry = await bucket.get(approvalKey("alice", IMAGE));
    const [bobs, operators] = [
      await bucket.get(approvalKey("bob", IMAGE)),
      await bucket.get(approvalKey("operator", IMAGE)),
    ];
    await nats.close();
    const read = readApproval(entry?.string() ?? "", DIGEST);
    assert.deepEqual([read, bobs, operators], [{ verdict: "proceed", digest: DIGEST }, null, null]);
  });
});
