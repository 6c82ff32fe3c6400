import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { reduceWait } from "../../../../services/updater/gate/gate-wait.ts";
import { encodeToken } from "../../../../shared/contract/subject-tokens.ts";
import { type Happening, askedParticipant, playWait } from "../../../support/gate-wait-player.ts";

const OUT_OF_TIME = { verdict: "defer", timed_out: true } as const;
const hub = { trouble: "the hub is out of reach" };

const signal = (voter: string, at: number): Happening => ({
  ...{ at, kind: "news", news: { kind: "signal", token: encodeToken(voter) } },
});
const progress = (voter: string, at: number): Happening => ({
  ...{ at, kind: "news", news: { kind: "progress", token: encodeToken(voter) } },
});
/** A message on the voter's subject, without a signal; junk where there is no verdict. */
const stored = (voter: string, at: number, verdict?: "proceed" | "defer" | "refuse"): Happening => ({
  ...{ at, kind: "stored", voter, ...(verdict && { verdict: { verdict } }) },
});
const recorded = (voter: string, at: number, verdict: "proceed" | "defer" | "refuse"): Happening => ({
  ...{ at, kind: "recorded", voter, verdict: { verdict } },
});
const says = (voter: string, at: number, verdict?: "proceed" | "defer" | "refuse"): Happening[] => [
  stored(voter, at, verdict),
  signal(voter, at),
];

describe("a wait", () => {
  it("publishes the event, reads all subjects from their start, and decides when all have answered", () => {
    const { effects, end } = playWait({}, [...says("a", 10, "proceed"), ...says("b", 20, "defer")]);
    const all = ["a", "b", "operator"].map((voter) => ({ voter, from: 1 }));
    assert.deepEqual(effects.slice(0, 2), [{ kind: "publish" }, { kind: "read", subjects: all }]);
    assert.deepEqual([end.kind, end.at, end.words], ["decided", 20, { a: "proceed", b: "defer" }]);
  });

  it("that publishes the event for the first time reads nothing until somebody signals", () => {
    const { effects, end } = playWait({ isNew: true }, [
      ...says("a", 10, "proceed"),
      ...says("b", 20, "proceed"),
    ]);
    const read = effects.flatMap((effect) => (effect.kind === "read" ? [effect.subjects] : []));
    assert.deepEqual(read, [[{ voter: "a", from: 1 }], [{ voter: "b", from: 1 }]]);
    assert.equal(end.at, 20);
  });

  it("takes what was answered before, without a signal", () => {
    const { end } = playWait({}, [stored("a", 0, "proceed"), stored("b", 0, "proceed")]);
    assert.equal(end.at, 0);
  });

  it("is over with the first refusal where a refusal counts, and only there", () => {
    const happenings = [...says("a", 10, "refuse"), ...says("b", 20, "proceed")];
    const ends = (["before_update", "before_start_depends_container"] as const).map(
      (hook) => playWait({ hook }, happenings).end.at,
    );
    assert.deepEqual(ends, [10, 20]);
  });

  it("takes what was recorded for the digest for the answer of who recorded it, at the next tick", () => {
    const long = { asked: [askedParticipant("a", 10_000), askedParticipant("b", 10_000)] };
    const { end } = playWait(long, [recorded("a", 0, "proceed"), recorded("b", 10, "refuse")]);
    assert.deepEqual([end.at, end.words], [3000, { a: "proceed", b: "refuse" }]);
  });

  it("takes what was recorded for an event that is published for the first time without reading anything", () => {
    const { end, effects } = playWait({ isNew: true }, [
      recorded("a", 0, "defer"),
      recorded("b", 0, "proceed"),
    ]);
    assert.deepEqual([end.at, end.words], [0, { a: "defer", b: "proceed" }]);
    assert.ok(!effects.some(({ kind }) => kind === "read"));
  });

  it("takes an answer to the event before what was recorded", () => {
    const { end } = playWait({}, [
      ...[stored("a", 0, "proceed"), recorded("a", 0, "refuse"), recorded("b", 0, "proceed")],
    ]);
    assert.deepEqual([end.at, end.words], [0, { a: "proceed", b: "proceed" }]);
  });

  it("takes nothing that was recorded by who is not asked, but for the operator's", () => {
    const { end } = playWait({}, [
      recorded("c", 0, "refuse"),
      ...says("a", 10, "proceed"),
      ...says("b", 10, "defer"),
    ]);
    assert.deepEqual(end.words, { a: "proceed", b: "defer" });
    const { end: refused } = playWait({ asked: [] }, [recorded("operator", 0, "refuse")]);
    assert.deepEqual([refused.at, refused.words], [0, { operator: "refuse" }]);
  });

  for (const verdict of ["proceed", "defer", "refuse"] as const)
    it(`is over with the operator's ${verdict}, who is never waited for`, () => {
      const { end } = playWait({}, [...says("operator", 10), ...says("operator", 20, verdict)]);
      assert.deepEqual([end.at, end.words], [20, { operator: verdict }]);
    });

  it("takes the first valid verdict and reads past junk, each message once", () => {
    const happenings = [
      ...says("a", 10),
      ...says("a", 20),
      ...says("a", 30, "proceed"),
      ...says("a", 30, "refuse"),
    ];
    const { end, read } = playWait({}, [...happenings, ...says("b", 40, "proceed")]);
    assert.deepEqual([end.at, end.words], [40, { a: "proceed", b: "proceed" }]);
    assert.deepEqual(read["a"], [1, 2, 3]);
  });

  it("keeps the first verdict of a voter, whatever it is told", () => {
    const { state } = playWait({}, [...says("a", 10, "defer"), ...says("b", 20, "proceed")]);
    const again = {
      kind: "message",
      voter: "a",
      sequence: 7,
      verdict: { verdict: "refuse" },
      now: 30,
    } as const;
    assert.equal(reduceWait(state, again).state.received.get("a")?.verdict, "defer");
  });

  const both = (at: number): Happening[] => [progress("a", at), progress("b", at)];
  const times: [string, Parameters<typeof playWait>[0], Happening[], number][] = [
    ["ends after the participant's time", {}, [], 1000],
    ["is longer by progress", {}, both(900), 1900],
    ["but never longer than the most it may take", {}, [900, 1800, 2700, 2900].flatMap(both), 3000],
    ["is shorter while something is stopped", { atMost: 400 }, [], 400],
    ["leaves ten seconds after a restart", { elapsed: 5000 }, [], 10_000],
    [
      "takes what is left after a restart",
      { elapsed: 500, asked: [askedParticipant("a", 20_000)] },
      [],
      19_500,
    ],
  ];
  for (const [sentence, question, happenings, end] of times)
    it(sentence, () => {
      const played = playWait(question, happenings);
      assert.equal(played.end.at, end);
      for (const { verdict, timed_out } of played.end.received)
        assert.deepEqual({ verdict, timed_out }, OUT_OF_TIME);
    });

  for (const on_timeout of ["proceed", "defer", "refuse"] as const)
    it(`takes silence for the ${on_timeout} that was chosen, and after the fact for proceed`, () => {
      const asked = [{ ...askedParticipant("a"), on_timeout }];
      const ends = (["before_update", "after_update"] as const).map(
        (hook) => playWait({ hook, asked }, []).end.words,
      );
      assert.deepEqual(ends, [{ a: on_timeout }, { a: "proceed" }]);
    });

  it("waits for each participant as long as it has", () => {
    const asked = [askedParticipant("a", 1000), askedParticipant("b", 5000)];
    const { end } = playWait({ asked }, says("b", 4000, "proceed"));
    assert.deepEqual([end.at, end.words], [4000, { a: "defer", b: "proceed" }]);
    assert.deepEqual(end.received[0]?.ms, 1000);
  });

  it("is not for a hook-executor that was turned off meanwhile, but for what it had answered", () => {
    const off = { own: "a", isOwnOff: true, elapsed: 5000 };
    const silent = playWait(off, says("b", 20, "proceed")).end;
    assert.deepEqual([silent.at, silent.words], [20, { a: "defer", b: "proceed" }]);
    assert.equal(silent.received[0]?.reason, "a had not answered when HOOK_EXECUTOR was turned off");
    const answered = playWait(off, [stored("a", 0, "refuse")]).end;
    assert.deepEqual([answered.at, answered.words], [0, { a: "refuse" }]);
  });

  it("looks in the end for the verdicts of those whose time was over while others were waited for", () => {
    const asked = [askedParticipant("a", 1000), askedParticipant("b", 5000)];
    const { effects } = playWait({ asked }, [...says("a", 2000, "refuse"), ...says("b", 4000, "proceed")]);
    const last = effects.at(-1);
    assert.ok(last?.kind === "decide" && last.late.includes("a"));
  });

  it("counts the time of an answer from the first process on", () => {
    const { end } = playWait({ elapsed: 700, asked: [askedParticipant("a")] }, says("a", 50, "proceed"));
    assert.equal(end.received[0]?.ms, 750);
  });

  it("puts off at once where the only entry cannot be understood, and goes on after the fact", () => {
    const asked = [{ ...askedParticipant("a"), unreadable: "who knows" }];
    for (const [hook, verdict] of [
      ["before_update", "defer"],
      ["after_update", "proceed"],
    ] as const) {
      const { end } = playWait({ hook, asked }, []);
      assert.deepEqual(
        [end.at, end.received[0]?.verdict, end.received[0]?.reason],
        [0, verdict, "who knows"],
      );
      assert.equal(end.received[0]?.full.retry_after_s, verdict === "defer" ? 600 : undefined);
    }
  });
});

describe("a signal", () => {
  it("has its subject read again at growing pauses until the message is there", () => {
    const asked = [askedParticipant("a", 60_000)];
    const { end, effects } = playWait({ asked }, [signal("a", 100), stored("a", 110, "proceed")]);
    assert.equal(end.at, 100 + 1 + 2 + 4 + 8);
    const timers = effects.flatMap((effect) => (effect.kind === "set timer" ? [effect.ms] : []));
    assert.deepEqual(timers, [3000, 1, 2, 4, 8]);
  });

  it("of nothing is given up, and the tick reads", () => {
    const asked = [askedParticipant("a", 60_000)];
    const { end, effects } = playWait({ asked }, [signal("a", 100), stored("a", 700, "proceed")]);
    const timers = effects.flatMap((effect) => (effect.kind === "set timer" ? [effect.ms] : []));
    assert.deepEqual(timers, [3000, 1, 2, 4, 8, 16, 32, 64, 128, 256, 3000]);
    assert.equal(end.at, 100 + 511 + 3000);
  });

  it("that comes while others are read has its subject read right after", () => {
    const { end, effects } = playWait({ isNew: true }, [signal("a", 0), stored("a", 0, "proceed")]);
    const timers = effects.filter(({ kind }) => kind === "set timer");
    assert.deepEqual([end.words["a"], timers[0]], ["proceed", { kind: "set timer", ms: 1000 }]);
  });

  it("of progress has nothing read", () => {
    const { effects } = playWait({ isNew: true }, [progress("a", 100), progress("b", 200)]);
    const [publish, hub, timer] = effects;
    assert.deepEqual(
      [publish?.kind, hub?.kind, timer],
      ["publish", "check the hub", { kind: "set timer", ms: 1000 }],
    );
  });

  it("has only its own subject read", () => {
    const { effects } = playWait({}, says("a", 100, "proceed"));
    const read = effects.flatMap((effect) => (effect.kind === "read" ? [effect.subjects] : []));
    assert.deepEqual(read[1], [{ voter: "a", from: 1 }]);
  });

  it("whose message is junk has it read once, and that of one who has answered nothing", () => {
    const { effects } = playWait({}, [
      ...says("a", 100),
      ...says("b", 200, "proceed"),
      ...says("b", 300, "refuse"),
    ]);
    const rounds = effects.flatMap((effect): (string | number)[] => {
      if (effect.kind === "set timer") return [effect.ms];
      return effect.kind === "read" ? [effect.subjects.map(({ voter }) => voter).join(" ")] : [];
    });
    const first = ["a b operator", 1000, "a", 900, "b", 800];
    assert.deepEqual(rounds, [...first, "", 700, "a operator"]);
  });

  it("of somebody who was not asked changes nothing", () => {
    const strangers = [signal("stranger", 150), progress("stranger", 160)];
    assert.deepEqual(
      playWait({}, [signal("a", 100), ...strangers]).effects,
      playWait({}, [signal("a", 100)]).effects,
    );
  });

  it("that comes all the time keeps nobody else's message from being read at the tick", () => {
    const asked = [askedParticipant("a", 60_000), askedParticipant("b", 60_000)];
    const noise = Array.from({ length: 600 }, (_, n) => says("a", 10 * n)).flat();
    const { end } = playWait(
      { asked },
      [...noise, stored("b", 1000, "refuse")].sort((x, y) => x.at - y.at),
    );
    assert.equal(end.words["b"], "refuse");
    assert.ok(end.at >= 3000 && end.at <= 3010, String(end.at));
  });

  it("during the decision is handed on: its verdict may be a late one", () => {
    const { state } = playWait({}, [...says("a", 10, "refuse"), signal("b", 10)]);
    assert.ok(state.signaled.has("b"));
  });
});

describe("the event of a wait", () => {
  const asked = [askedParticipant("a", 60_000)];
  const publications = (happenings: Happening[]): readonly number[] => {
    const { published } = playWait({ asked }, happenings);
    return published;
  };

  it("is published again every ten seconds, at the tick", () => {
    assert.deepEqual(publications([]), [0, 12_000, 24_000, 36_000, 48_000, 60_000].slice(0, 5));
  });

  it("is published again once when NATS is back", () => {
    const back: Happening = { at: 100, kind: "news", news: { kind: "reconnected" } };
    assert.deepEqual(publications([back, signal("a", 200), ...says("a", 4000, "proceed")]), [0, 200]);
  });
});

describe("a wait whose service stops", () => {
  const stop = (at: number): Happening => ({ at, kind: "news", news: { kind: "stopped" } });

  it("is suspended at once", () => {
    const { end } = playWait({}, [stop(100), ...says("a", 200, "refuse")]);
    assert.deepEqual([end.kind, end.at], ["suspended", 100]);
  });

  it("is decided all the same where the verdicts are there", () => {
    const { end } = playWait({ asked: [askedParticipant("a")] }, [stored("a", 100, "proceed"), stop(100)]);
    assert.deepEqual([end.kind, end.at], ["decided", 100]);
  });
});

describe("a wait of a host that is cut off from its hub", () => {
  it("is put off at once where nothing was begun, and has its time where something was", () => {
    const cut = { ...hub, away: "stop" } as const;
    const before = playWait({}, [], cut).end;
    assert.deepEqual(
      [before.at, before.received.map(({ verdict, reason }) => [verdict, reason])],
      [0, [["defer", hub.trouble]]],
    );
    assert.equal(before.received[0]?.full.retry_after_s, 300);
    for (const hook of ["after_update", "before_start_depends_container"] as const)
      assert.equal(playWait({ hook }, [], cut).end.at, 1000);
  });

  it("goes on with its own host's verdict where the owner wants that", () => {
    const cut = { ...hub, away: "local" } as const;
    const { end } = playWait({ own: "a" }, says("a", 20, "refuse"), cut);
    assert.deepEqual([end.at, end.words], [20, { b: "proceed", a: "refuse" }]);
    assert.equal(end.received[0]?.timed_out, true);
  });
});
