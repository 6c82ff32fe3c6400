// A script cannot look into the hook-executor: neither its environment nor its memory holds a secret for it.
import assert from "node:assert/strict";
import { beforeUpdateEvent, until } from "./scene.ts";
import { openStage } from "./stage.ts";

const SECRET = "s3same-0pen";

/** Every way there is through /proc, of every process; and one that asks the kernel to trace. */
const PRYING = `#!/usr/bin/python3
import ctypes, glob, os, re
found = []
for pid in [p for p in os.listdir("/proc") if p.isdigit() and int(p) != os.getpid()]:
    for name in ("environ", "cmdline"):
        try:
            if b"${SECRET}" in open(f"/proc/{pid}/{name}", "rb").read(): found.append(f"{name} of {pid}")
        except OSError: pass
parent = PID
try:
    maps = open(f"/proc/{parent}/maps").read()
    memory = open(f"/proc/{parent}/mem", "rb", 0)
    for start, end in re.findall(r"^([0-9a-f]+)-([0-9a-f]+) rw", maps, re.M):
        try:
            memory.seek(int(start, 16))
            if b"${SECRET}" in memory.read(int(end, 16) - int(start, 16)): found.append(f"memory of {parent}")
        except (OSError, ValueError, OverflowError): pass
except OSError: pass
if ctypes.CDLL(None).ptrace(16, parent, None, None) == 0: found.append("ptrace")
open("OUT/found", "w").write("; ".join(found) + ".\\n")
`;

describe("a script", () => {
  it("cannot read the hook-executor's secrets, in whatever way it looks into it", async () => {
    await using stage = await openStage();
    await stage.makeConsumer();
    await using executor = stage.start({ REPO_PASS: SECRET });
    await until("it waits", () => executor.output().includes("waiting for hook events"));
    const pid = /"pid":(\d+)/.exec(executor.output())?.[1] ?? "";
    await stage.folder.put("before_update/pry", PRYING.replace("PID", pid));
    const event = beforeUpdateEvent();
    await stage.publish(event);
    assert.deepEqual(await stage.verdictOn(event), { verdict: "proceed" });
    assert.equal(await stage.folder.left("found"), ".\n");
    assert.doesNotMatch(executor.output(), /scripts can read the secrets/);
  });

  it("that could is told of: without capabilities there is nothing that keeps them apart", async () => {
    await using stage = await openStage();
    await stage.makeConsumer();
    await using executor = stage.start({ REPO_PASS: SECRET, PATH: "/nowhere" });
    await until("it says so", () =>
      executor.output().includes("scripts can read the secrets of this process"),
    );
  });
});
