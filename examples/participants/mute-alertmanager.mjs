#!/usr/bin/env node
/**
 * Silences a container's alerts in Prometheus' Alertmanager while it, or what it depends on, is updated.
 *
 *     npm install nats@npm:@nats-io/transport-node @nats-io/jetstream
 *     ouroboros participant add mute --hooks before_stop_depends_container,before_update \
 *       --hears update_finished,run_finished
 *     NATS_URL=nats://nats.example.com:4222 ALERTMANAGER_URL=http://127.0.0.1:9093 node mute-alertmanager.mjs mute
 *
 * ALERT_LABELS says which alerts are about a container. A silence ends with the update, and by itself after MUTE_S
 * seconds (1800). ALERTMANAGER_AUTHORIZATION is sent as that header.
 */
import { muteDuringUpdates } from "./lib/muting.mjs";
import { ask, fail, urlOf } from "./lib/participant.mjs";

const { ALERT_LABELS = "container={container}", ALERTMANAGER_AUTHORIZATION: authorization } = process.env;
const SILENCES = `${urlOf("ALERTMANAGER_URL", "http://127.0.0.1:9093")}/api/v2/silence`;
const AUTHOR = "ouroboros";

const labels = ALERT_LABELS.split(",").map((pair) => /^\s*([a-zA-Z_]\w*)=(.+?)\s*$/.exec(pair)?.slice(1));
if (labels.includes(undefined)) fail(`ALERT_LABELS: "${ALERT_LABELS}": needed is NAME=VALUE, …`, 2);

const askFor = (path, options) => ask("Alertmanager", `${SILENCES}${path}`, { ...options, authorization });

/** Alertmanager chooses the id of a silence; this comment is what we know it by. */
const commentOn = ({ host, run, container }) => `${container} on ${host} is updated, in run ${run}`;

async function listOurs(isMeant) {
  return JSON.parse(await askFor("s")).filter(
    ({ createdBy, comment, status }) =>
      createdBy === AUTHOR && status.state !== "expired" && isMeant(comment),
  );
}

await muteDuringUpdates({
  mute: async ({ endsAt, ...about }) => {
    const comment = commentOn(about);
    if ((await listOurs((other) => other === comment)).length > 0) return;
    const matchers = labels.map(([name, value]) => ({
      name,
      value: value.replaceAll("{container}", about.container).replaceAll("{host}", about.host),
      isRegex: false,
      isEqual: true,
    }));
    const silence = { matchers, startsAt: new Date().toISOString(), endsAt, createdBy: AUTHOR, comment };
    await askFor("s", { method: "POST", body: silence });
  },
  unmute: async (about) => {
    const suffix = commentOn({ ...about, container: about.container ?? "" });
    const isMeant = (comment) => (about.container ? comment === suffix : comment.endsWith(suffix));
    for (const { id } of await listOurs(isMeant)) await askFor(`/${id}`, { method: "DELETE" });
  },
});
