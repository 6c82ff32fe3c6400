import assert from "node:assert/strict";
import "../../bed/bed.ts"; // It starts python3.
import type { Locals } from "../../../shared/contract/hooks.ts";
import {
  type HooksFolder,
  cloudEvent,
  container,
  hookEvent,
  hooksFolder,
  image,
  linesOf,
  remoteImage,
  runScripts,
  service,
} from "./scene.ts";

describe("Python scripts", () => {
  let folder: HooksFolder;
  beforeEach(async () => {
    folder = await hooksFolder();
  });
  afterEach(() => folder[Symbol.asyncDispose]());
  const py = (name: string, text: string) => folder.put(`before_update/${name}`, text, 0o644);
  const reasonOf = async (env?: NodeJS.ProcessEnv) => {
    const { verdict } = await runScripts(folder, env);
    return `${verdict.verdict}: ${verdict.reason ?? ""}`;
  };
  /** What the one script printed. */
  const printed = async (text: string) => {
    await py("x.py", text);
    return linesOf(await runScripts(folder));
  };

  it("are run as Ouroboros does: as __main__, with a __file__, in globals of their own", async () => {
    await py("1.py", `a = 1\nglobals()["g"] = 1\nprint(__name__, __file__.split("/")[-1], "g" in globals())`);
    await py("2.py", `print(__name__, __file__.split("/")[-1], "g" in globals())`);
    assert.deepEqual(linesOf(await runScripts(folder)), ["__main__ 1.py True", "__main__ 2.py False"]);
  });

  it("share their locals, also when another kind of script runs in between", async () => {
    await py("1.py", "told = ['one']\nold_container = 'mine'");
    await folder.put("before_update/2.sh", "#!/bin/sh\nexit 0\n");
    await py("3.py", "told.append('three'); print(told, old_container, sorted(locals()))");
    assert.deepEqual(linesOf(await runScripts(folder)), [
      "['one', 'three'] mine ['new_image', 'old_container', 'old_image', 'told']",
    ]);
  });

  it("may use those, and what they import, in functions", async () => {
    const lines = await printed(`
import json
unit = "MB"
def describe(size):
    return json.dumps([old_container.name, f"{size} {unit}"])
print(describe(3), [old_container.name for _ in range(1) if unit])
`);
    assert.deepEqual(lines, [`["app", "3 MB"] ['app']`]);
  });

  it("may import modules that lie beside them", async () => {
    await folder.put("before_update/lib/.keep", "");
    await folder.put("before_update/.helper/phrases.py", "hello = 'hello from a module'");
    await py(
      "x.py",
      "import sys; sys.path.insert(0, '.helper'); import phrases; print(phrases.hello, sys.argv)",
    );
    assert.deepEqual(linesOf(await runScripts(folder)), [
      `hello from a module ['${folder.path}/before_update/x.py']`,
    ]);
  });

  describe("that use Python's logging", () => {
    const SCRIPT = `import logging
log = logging.getLogger(__name__)
log.debug("looked at %s", old_container.name)
log.info("saved %s", old_container.name)
logging.warning("two\\nlines")
try:
    1 / 0
except ZeroDivisionError:
    logging.getLogger("any").exception("failed")
`;
    /** `level text` of each line. */
    const logged = async (level: string) => {
      await py("save.py", SCRIPT);
      const { log, verdict } = await runScripts(folder, { LOG_LEVEL: level });
      assert.deepEqual(verdict, { verdict: "proceed" });
      return log.flatMap((it) =>
        typeof it["line"] === "string" ? [`${String(it["level"])} ${it["line"]}`] : [],
      );
    };

    it("are heard at LOG_LEVEL, in the format of Ouroboros 1, each line at its own level", async () => {
      const lines = await logged("info");
      for (const line of lines) assert.match(line, /^\d0 \d{4}-\d\d-\d\d \d\d:\d\d:\d\d : [A-Z]+ : save : /);
      const texts = lines.map((line) => line.replace(/^(\d0) .* : ([A-Z]+) : save : /, "$1 $2 ")).sort();
      assert.deepEqual(
        texts.filter((text) => !text.includes("  ")),
        [
          "30 INFO saved app",
          "40 WARNING lines",
          "40 WARNING two",
          "50 ERROR Traceback (most recent call last):",
          "50 ERROR ZeroDivisionError: division by zero",
          "50 ERROR failed",
        ],
      );
    });

    it("are not heard below it", async () => {
      assert.ok((await logged("error")).every((line) => /^50 .* : ERROR : /.test(line)));
      assert.deepEqual(await logged("critical"), []);
    });

    it("say why they fail by what they warned of, not by what they told", async () => {
      await py("x.py", "import logging, sys; logging.info('busy'); logging.error('no room'); sys.exit(1)");
      assert.match(await reasonOf(), /^refuse: x\.py: failed: exit code 1: \S+ \S+ : ERROR : x : no room$/);
    });
  });

  it("that raise something are told with their traceback, and the update goes on", async () => {
    await py("1.py", "def f():\n  raise KeyError('gone')\nf()");
    await py("2.py", "this is no Python");
    await py("3.py", "print('still here')");
    const ran = await runScripts(folder);
    assert.equal(ran.verdict.verdict, "proceed");
    assert.equal(
      ran.verdict.reason,
      "1.py: raised KeyError: 'gone'\n2.py: raised SyntaxError: invalid syntax",
    );
    const lines = linesOf(ran);
    assert.ok(lines.includes("still here"));
    assert.ok(lines.includes(`  File "${folder.path}/before_update/1.py", line 2, in f`), lines.join("\n"));
    assert.ok(!lines.some((line) => line.includes("run-python.py")), lines.join("\n"));
  });

  it("that refuse or defer end there; whatever swallows that, the verdict stands", async () => {
    await py("1.py", "defer('too busy', 90)\nopen('OUT/after', 'w')");
    await py("2.py", "try:\n  refuse('no')\nexcept BaseException:\n  pass\nopen('OUT/swallowed', 'w')");
    const { verdict } = await runScripts(folder);
    assert.deepEqual(verdict, { verdict: "refuse", reason: "2.py: no" });
    assert.equal(await folder.left("after"), undefined);
    assert.equal(await folder.left("swallowed"), "");
    await py("2.py", "");
    assert.deepEqual((await runScripts(folder)).verdict, {
      verdict: "defer",
      reason: "1.py: too busy",
      retry_after_s: 90,
    });
  });

  const exits: readonly [string, string][] = [
    ["sys.exit()", "proceed: "],
    ["sys.exit(0)", "proceed: "],
    ["sys.exit(75)", "defer: x.py: exit code 75"],
    ["print('soon', file=sys.stderr); sys.exit(21)", "defer: x.py: soon"],
    ["sys.exit(2)", "refuse: x.py: failed: exit code 2"],
    ["sys.exit('disk full')", "refuse: x.py: failed: exit code 1: disk full"],
    ["import os; os._exit(4)", "refuse: x.py: failed: exit code 4"],
    ["import os; os.kill(os.getpid(), 9)", "refuse: x.py: failed: killed by SIGKILL"],
    ["import os; os.closerange(3, 9); sys.exit(0)", "refuse: x.py: failed: exit code 1"],
    ["refuse(Exception('why'))", "refuse: x.py: why"],
    ["defer('x', -1)", "refuse: x.py: failed: it returned no verdict: retry_after_s"],
  ];
  for (const [text, expected] of exits)
    it(`end with a verdict: ${text}`, async () => {
      await py("x.py", `import sys; ${text}`);
      const reason = await reasonOf();
      assert.equal(reason.slice(0, expected.length), expected);
    });

  it("that end the process or run out of time do not keep the others from running", async () => {
    await py("1.py", "kept = 1\nimport os; os._exit(3)");
    await py("2.py", "import time; time.sleep(300)");
    await py("3.py", "print('kept' in locals(), old_container.name)");
    const ran = await runScripts(folder, { HOOK_TIMEOUT: "6s" });
    assert.deepEqual(linesOf(ran), ["False app"]);
    assert.equal(ran.verdict.reason, "1.py: failed: exit code 3\n2.py: failed: still running after 6 s");
  });

  it("may fork: the child is not taken for the script", async () => {
    await py("1.py", "import os, sys\nif os.fork() == 0: sys.exit(1)\nos.wait(); print('parent')");
    await py("2.py", "print('second')");
    const ran = await runScripts(folder);
    assert.deepEqual(ran.verdict, { verdict: "proceed" });
    assert.deepEqual(linesOf(ran), ["parent", "second"]);
  });

  it("may leave threads and exit functions: they get a moment at the end of the event", async () => {
    await py("1.py", "import atexit; atexit.register(lambda: open('OUT/exit', 'w'))");
    await py("2.py", "import threading, time; threading.Thread(target=time.sleep, args=(300,)).start()");
    const began = performance.now();
    assert.equal(await reasonOf(), "proceed: ");
    assert.ok(performance.now() - began < 30_000);
  });

  it("fail with a clear reason where there is no python3", async () => {
    await py("x.py", "");
    const reason = await reasonOf({ PATH: "/no/such/folder" });
    assert.match(reason, /^refuse: x\.py: failed: .*(python3|ENOENT)/);
  });

  describe("without a Docker socket see plain objects", () => {
    it("with what the event tells, under docker-py's names", async () => {
      const lines = await printed(`
c = old_container
print(c.id[:4], c.short_id, c.name, c.status, c.labels, c.image.tags, c.image.id[:10], c.health)
print(c.attrs['Name'], c.attrs['Config']['Image'], c.attrs['State']['Running'], list(c.attrs['NetworkSettings']['Networks']))
print(c.ports, c.attrs['Mounts'][0]['Name'], c.attrs['Mounts'][0]['Destination'])
print(old_image.short_id, new_image.tags, new_image.labels, new_image.attrs['Size'], [c, new_image])
`);
      assert.deepEqual(lines, [
        "cccc cccccccccccc app running {'tier': 'front'} ['registry.lab:5000/app:1'] sha256:aaa unknown",
        "/app registry.lab:5000/app:1 True ['front']",
        "{'80/tcp': [{'HostIp': '0.0.0.0', 'HostPort': '8080'}], '443/tcp': None} data /data",
        "sha256:aaaaaaaaaaaa ['registry.lab:5000/app:1'] {'version': 'b'} 1000 [<Container: cccccccccccc>, <Image: 'registry.lab:5000/app:1'>]",
      ]);
    });

    it("and for everything else are told to mount the socket", async () => {
      await py("1.py", "old_container.exec_run('true')");
      await py("2.py", "old_container.attrs['HostConfig']");
      const reason = await reasonOf();
      assert.match(
        reason,
        /^proceed: 1\.py: raised AttributeError: 'exec_run' is not known of container app: mount the Docker socket into the hook-executor/,
      );
      assert.match(reason, /2\.py: raised KeyError: .*'HostConfig'.*mount the Docker socket/);
    });

    it("also where what is mounted is no Engine", async () => {
      await py("x.py", "print(type(old_container).__module__)");
      const ran = await runScripts(folder, { DOCKER_HOST: "unix:///dev/null" });
      assert.deepEqual(ran.verdict, { verdict: "proceed" });
      assert.equal(linesOf(ran).at(-1), "__main__");
    });

    it("a service of a swarm like docker-py's", async () => {
      await folder.put(
        "before_service_update/x.py",
        `print(service.name, service.version, service.attrs["Spec"]["Mode"]["Replicated"]["Replicas"], new_image.tags)
print(service.attrs["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"][:30], service.attrs["UpdateStatus"])
service.tasks()`,
      );
      const locals = {
        service: service("web"),
        old_image: remoteImage("a"),
        new_image: remoteImage("b"),
      };
      const event = cloudEvent("before_service_update", locals);
      const ran = await runScripts(folder, {}, hookEvent("before_service_update", event));
      assert.deepEqual(linesOf(ran).slice(0, 2), [
        "web 12 3 ['registry.lab:5000/app:1']",
        "nginx:1.29@sha256:aaaaaaaaaaaa {}",
      ]);
      assert.match(ran.verdict.reason ?? "", /'tasks' is not known of service web: mount the Docker socket/);
    });

    it("updateable as a list of (container, current_image, latest_image)", async () => {
      await folder.put(
        "updates_enumerated/x.py",
        `for c, old, new in updateable: print(c.name, old.short_id, new.short_id, new.tags)
print(depends_on_containers, [c.name for c in hard_depends_on_containers], len(updateable))
updateable[0][2].labels`,
      );
      const locals: Locals<"updates_enumerated"> = {
        updateable: [
          { container: container("app"), current_image: image("a"), latest_image: remoteImage("b") },
        ],
        depends_on_containers: [],
        hard_depends_on_containers: [container("db")],
      };
      const ran = await runScripts(
        folder,
        {},
        hookEvent("updates_enumerated", cloudEvent("updates_enumerated", locals)),
      );
      assert.deepEqual(linesOf(ran).slice(0, 2), [
        "app sha256:aaaaaaaaaaaa sha256:bbbbbbbbbbbb ['registry.lab:5000/app:1']",
        "[] ['db'] 1",
      ]);
      assert.match(
        ran.verdict.reason ?? "",
        /'labels' is not known of image .*: the image is not pulled yet$/,
      );
    });
  });
});
