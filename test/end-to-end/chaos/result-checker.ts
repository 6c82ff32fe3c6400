// Is each end that is told true? It is compared with the Engine at the moment it is heard; where somebody else was at work
// in the same moment, nothing can be said of it.
import { setTimeout as sleep } from "node:timers/promises";
import type { ContainerInspectInfo } from "dockerode";
import { ifExists } from "../../../shared/docker/engine.ts";
import type { UpdateResult, ResultRecord, RunRecord } from "../../../shared/contract/run-records.ts";
import type { Engine } from "../../bed/bed.ts";
import type { Stack } from "../../support/stack.ts";
import { otherName } from "./services.ts";

type EndedRecord = ResultRecord & RunRecord;

/** How long after its date an end that is heard is the news of the moment. Milliseconds. */
const FRESH_MS = 1500;
const LOOK_MS = 20;

/** Which image the container must have after an end; `null`: the end says nothing of that. */
const imageAfter: Readonly<Record<UpdateResult, "from" | "to" | null>> = {
  updated: "to",
  current: null,
  refused: "from",
  deferred: "from",
  rolled_back: "from",
  failed: "from",
  expired: null,
  stuck: null,
  noted: null,
};

/** An Engine that was killed may keep a container that nobody can stop or remove until it starts again. */
const ENGINE_IS_STUCK = /did not receive an exit event/;

export class ResultChecker implements AsyncDisposable {
  readonly #h: Engine;
  readonly #stack: Stack;
  readonly #listening: Promise<void>;
  #isOver = false;
  #seen = 0;
  #acting = 0;
  #lastActed = 0;
  readonly counts = new Map<UpdateResult, number>();
  /** How many of them could be compared. */
  judged = 0;
  #wrong: string[] = [];
  #stuck: string[] = [];

  constructor(h: Engine, stack: Stack) {
    this.#h = h;
    this.#stack = stack;
    this.#listening = this.#listen();
  }

  /** While `work` goes on, nothing that is heard can be compared. */
  async suspendWhile<T>(work: () => Promise<T>): Promise<T> {
    this.#acting++;
    try {
      return await work();
    } finally {
      this.#acting--;
      this.#lastActed = Date.now();
    }
  }

  /** What was untrue since this was asked last, a sentence each. */
  takeWrong(): string[] {
    const wrong = this.#wrong;
    this.#wrong = [];
    return wrong;
  }

  /** What ended stuck since this was asked last. */
  takeStuck(): string[] {
    const stuck = this.#stuck;
    this.#stuck = [];
    return stuck;
  }

  /** Those of them that end so because the Engine neither stops nor removes a container. */
  takeStuckByEngine(): string[] {
    const found = this.#stuck.filter((sentence) => ENGINE_IS_STUCK.test(sentence));
    this.#stuck = this.#stuck.filter((sentence) => !found.includes(sentence));
    return found;
  }

  async #listen(): Promise<void> {
    while (!this.#isOver) {
      const fresh = this.#stack.records.slice(this.#seen);
      this.#seen += fresh.length;
      for (const record of fresh) if (record.kind === "ended") await this.#compare(record);
      await sleep(LOOK_MS);
    }
  }

  async #compare(record: EndedRecord): Promise<void> {
    const { end, container, because, at } = record;
    this.counts.set(end, (this.counts.get(end) ?? 0) + 1);
    if (end === "stuck") this.#stuck.push(`${container}: ${because}`);
    const key = imageAfter[end];
    const wanted = key === null ? undefined : record[key];
    if (wanted === undefined) return;
    const isAlone = () => this.#acting === 0 && this.#lastActed < Date.parse(at) - FRESH_MS;
    if (!isAlone() || Date.now() - Date.parse(at) > FRESH_MS) return;
    const inspect = await this.#find(container).catch(() => null);
    if (!isAlone() || inspect === null) return; // the Engine is away
    this.judged++;
    const told = `${container} was said to be ${end} (${because}), and`;
    if (inspect === undefined) this.#wrong.push(`${told} there is none`);
    else if (inspect.Image !== wanted) this.#wrong.push(`${told} runs ${inspect.Image} instead of ${wanted}`);
    else if (end !== "failed" && !inspect.State.Running)
      this.#wrong.push(`${told} is ${inspect.State.Status}`);
  }

  /** Its owner may have renamed it a moment ago. */
  async #find(container: string): Promise<ContainerInspectInfo | undefined> {
    const named = (name: string) => ifExists(this.#h.docker.getContainer(name).inspect());
    return (await named(container)) ?? named(otherName(container));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    await this.#listening;
  }
}
