// The push endpoint: takes the notifications of registries, and has the pollers of all hosts look at what was pushed. It is a
// service of its own, because it listens where others can reach it: it has neither the Docker socket nor a poller's
// key, and all that it may send is the command `hint`.
import { Collector } from "../../shared/collector.ts";
import type { PushedImage } from "../../shared/contract/pushed-image.ts";
import { nameOf } from "../../shared/contract/pushed-image.ts";
import { CannotStart } from "../../shared/errors.ts";
import { messageOf } from "../../shared/catalogue/entry.ts";
import { observerErrors } from "../../shared/catalogue/start-errors.ts";
import { observerService } from "../../shared/runtime/run-observer.ts";
import { servePush } from "./serve.ts";
import { tellPollers } from "./tell-pollers.ts";

/** Within a second what belongs together has come: a push of several tags, of several platforms. */
const PACE = { quietMs: 1000, mostMs: 5000, gapMs: 10_000, capacity: 1000 };

export const runPush = observerService("push", async (observing) => {
  const { settings, log, clock } = observing;
  const { PUSH_SECRET: secret, PUSH_ADDR: address, PUSH_PORT: port } = settings;
  if (secret === "") throw new CannotStart(messageOf(observerErrors.pushSecret));
  const collector = new Collector<PushedImage>({ ...observing, ...PACE });
  const collect = (image: PushedImage): boolean => collector.add(nameOf(image), image);
  await using _server = await servePush({ log, clock, secret, collect }, { address, port });
  log.info({ address, port }, "waiting for registries to notify");
  await tellPollers(observing, collector);
});
