// The list of a repository's tags: pages, what is kept of them, and registries that answer badly.
import assert from "node:assert/strict";
import { once } from "node:events";
import { type IncomingMessage, type ServerResponse, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { TagList } from "../../../../services/poller/tags/tag-lists.ts";
import { ref, registries } from "../registry-client.ts";

type Behave = (request: IncomingMessage, response: ServerResponse) => void;

async function listsFrom(behave: Behave, recentMs: readonly number[] = [0]) {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.headers["if-none-match"] ?? ""}${request.url ?? ""}`);
    behave(request, response);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const app = ref(`127.0.0.1:${(server.address() as AddressInfo).port}/team/app:1.0`);
  using all = registries({});
  const lists: (TagList | undefined)[] = [];
  for (const ms of recentMs) {
    const found = await all.tagsOf([app, app], { signal: new AbortController().signal, recentMs: ms });
    lists.push(found.get(app.name));
  }
  server.closeAllConnections();
  server.close();
  await once(server, "close");
  return { lists, asked };
}

const send = (response: ServerResponse, body: unknown, headers: Record<string, string> = {}): void => {
  response.writeHead(200, { "content-type": "application/json", ...headers }).end(JSON.stringify(body));
};
const becauseOf = (list: TagList | undefined): string => (list?.kind === "unknown" ? list.because : "");
const PATH = "/v2/team/app/tags/list";

describe("the tags of a repository", () => {
  it("are read page by page, as the registry links them, and what is no tag is left out", async () => {
    const { lists, asked } = await listsFrom((request, response) =>
      request.url?.includes("last=b") === true
        ? send(response, { tags: ["c", "x y", 7, "-d", "e".repeat(129)] })
        : send(response, { tags: ["a", "b"] }, { link: `<${PATH}?n=2&last=b>; rel="next"` }),
    );
    assert.deepEqual(lists, [{ kind: "tags", tags: ["a", "b", "c"] }]);
    assert.deepEqual(asked, [`${PATH}?n=1000`, `${PATH}?n=2&last=b`]);
  });

  it("are asked for once while the list is recent, and then only whether it has changed", async () => {
    const { lists, asked } = await listsFrom(
      (request, response) => {
        if (request.headers["if-none-match"] === '"v1"') response.writeHead(304).end();
        else send(response, { tags: ["a"] }, { etag: '"v1"' });
      },
      [0, 60_000, 0],
    );
    assert.deepEqual(lists, Array(3).fill({ kind: "tags", tags: ["a"] }));
    assert.deepEqual(asked, [`${PATH}?n=1000`, `"v1"${PATH}?n=1000`]);
  });

  it("of another server or repository are not asked for: of a link only the query counts", async () => {
    const { asked } = await listsFrom((request, response) =>
      send(
        response,
        { tags: [] },
        request.url?.includes("page=2") === true
          ? {}
          : { link: `<http://192.0.2.1/v2/other/tags/list?page=2>; rel=next` },
      ),
    );
    assert.deepEqual(asked, [`${PATH}?n=1000`, `${PATH}?page=2`]);
  });

  const bad: readonly [string, Behave, RegExp][] = [
    [
      "that lead in a circle",
      (_, response) => send(response, { tags: ["a"] }, { link: `<${PATH}?n=1000>; rel="next"` }),
      /lead in a circle/,
    ],
    [
      "of more than a hundred pages",
      ({ url = "" }, response) => {
        const page = Number(/page=(\d+)/.exec(url)?.[1] ?? 0) + 1;
        send(response, { tags: ["a"] }, { link: `<?page=${page}>; rel="next"` });
      },
      /more than 100 pages/,
    ],
    [
      "that are too many",
      (_, response) => send(response, { tags: Array.from({ length: 50_001 }, (__, n) => `t${n}`) }),
      /more than 50000 tags/,
    ],
    [
      "longer than 4 MiB",
      (_, response) => send(response, { tags: ["a".repeat(5 << 20)] }),
      /longer than 4194304 bytes/,
    ],
    [
      "that are no list",
      (_, response) => send(response, { tags: "all" }),
      /something else than a list of tags/,
    ],
    [
      "that are no JSON",
      (_, response) => response.writeHead(200).end("<html>"),
      /something else than a list of tags/,
    ],
    ["that are denied", (_, response) => response.writeHead(403).end(), /denies access/],
  ];
  for (const [sentence, behave, expected] of bad)
    it(`${sentence} are none`, async () => {
      const { lists } = await listsFrom(behave);
      assert.match(becauseOf(lists[0]), /^the tags of 127\.0\.0\.1:\d+\/team\/app cannot be listed: /);
      assert.match(becauseOf(lists[0]), expected);
    });
});
