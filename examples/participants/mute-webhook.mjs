#!/usr/bin/env node
/**
 * Tells any monitoring by HTTP when to look away from a container, and when to look again.
 *
 *     npm install nats@npm:@nats-io/transport-node @nats-io/jetstream
 *     ouroboros participant add mute --hooks before_stop_depends_container,before_update \
 *       --hears update_finished,run_finished
 *     NATS_URL=nats://nats.example.com:4222 MUTE_URL=http://127.0.0.1:8080/mute \
 *       UNMUTE_URL=http://127.0.0.1:8080/unmute node mute-webhook.mjs mute
 *
 * Both are sent a POST with JSON: `{ "id", "host", "run", "container", "ends_at" }`. The same id can come again and
 * means the same; `ends_at` is when to look again in any case. Unmuting has no `ends_at`, and without a container it is
 * about all of that run. Any status of 200 to 299 says that it is done. MUTE_AUTHORIZATION is sent as that header.
 */
import { muteDuringUpdates } from "./lib/muting.mjs";
import { ask, urlOf } from "./lib/participant.mjs";

const { MUTE_AUTHORIZATION: authorization } = process.env;
const MUTE_URL = urlOf("MUTE_URL");
const UNMUTE_URL = urlOf("UNMUTE_URL");

const tell = (setting, url, { host, run, container, endsAt }) => {
  const id = container ? `${run}-${container}` : run;
  return ask(setting, url, {
    method: "POST",
    body: { id, host, run, container, ends_at: endsAt },
    authorization,
  });
};

await muteDuringUpdates({
  mute: (about) => tell("MUTE_URL", MUTE_URL, about),
  unmute: (about) => tell("UNMUTE_URL", UNMUTE_URL, about),
});
