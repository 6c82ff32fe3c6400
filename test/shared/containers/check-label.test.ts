import assert from "node:assert/strict";
import { type Probe, readCheckLabel } from "../../../shared/containers/check-label.ts";
import { type ContainerFacts, whySkipped } from "../../../shared/containers/container-facts.ts";

const LABEL = "com.ouroboros.check";
const http = { kind: "http", tls: false, host: "container", port: 80, path: "/" } as const;

describe("the label com.ouroboros.check", () => {
  const cases: readonly [string, string, Probe][] = [
    ["asks by HTTP", "http://container:8080/health", { ...http, port: 8080, path: "/health" }],
    ["asks by HTTPS", "https://container:8443/", { ...http, tls: true, port: 8443 }],
    ["knows the ports of both", "http://container", http],
    [
      "knows the ports of both, with TLS",
      "HTTPS://container/x",
      { ...http, tls: true, port: 443, path: "/x" },
    ],
    ["keeps a query", "http://container:80/ready?deep=1", { ...http, path: "/ready?deep=1" }],
    ["takes another host as it is", "http://web.lab:81/", { ...http, host: "web.lab", port: 81 }],
    ["takes an IPv6 address", "tcp://[fd00::1]:22", { kind: "tcp", host: "fd00::1", port: 22 }],
    ["asks by TCP", " tcp://container:5432 ", { kind: "tcp", host: "container", port: 5432 }],
    ["asks a command", "exec: pg_isready -U app", { kind: "exec", command: "pg_isready -U app" }],
    ["asks a command of several lines", "exec:a\nb", { kind: "exec", command: "a\nb" }],
  ];
  for (const [sentence, text, check] of cases)
    it(sentence, () =>
      assert.deepEqual(readCheckLabel({ [LABEL]: text }), { kind: "check", check, asked: text.trim() }),
    );

  for (const [sentence, labels] of [
    ["asks for nothing where it is not set", {}],
    ["asks for nothing where it is empty", { [LABEL]: "  " }],
  ] as const)
    it(sentence, () => assert.deepEqual(readCheckLabel(labels), { kind: "none" }));

  for (const text of [
    "true",
    "/health",
    "container:8080",
    "http:container:8080",
    "http://",
    "http://container:70000/",
    "http://container:0/",
    "http://ann:secret@container/",
    "http://container/a b",
    "ftp://container:21",
    "tcp://container",
    "tcp://container:80/path",
    "tcp://:80",
    "exec:",
    "exec: ",
    "Exec:true",
  ])
    it(`cannot be understood as ${JSON.stringify(text)}`, () => {
      const read = readCheckLabel({ [LABEL]: text });
      assert.ok(read.kind === "wrong");
      const start = `its label com.ouroboros.check cannot be understood: ${text.trim()}; allowed are http://`;
      assert.ok(read.because.startsWith(start), read.because);
    });

  it("leaves its container alone while it cannot be understood", () => {
    const web: ContainerFacts = {
      ...{
        id: "1",
        name: "web",
        reference: "nginx:1",
        imageId: "sha256:1",
        status: "running",
        autoRemove: false,
      },
      ...{ dependsOn: [], hardDependsOn: [], refersTo: [], labels: { [LABEL]: "htp://container:80" } },
    };
    assert.match(
      whySkipped(web, [web]) ?? "",
      /^its label com\.ouroboros\.check cannot be understood: htp:\/\/container:80; /,
    );
    const right = { ...web, labels: { [LABEL]: "tcp://container:80" } };
    assert.equal(whySkipped(right, [right]), undefined);
  });
});
