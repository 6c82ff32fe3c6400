/** When to mute what watches a container or service, and when to unmute it: from before its update to the end of it. */
import { numberOf, participate, workloadOf } from "./participant.mjs";

/** No mute lasts longer, whoever died meanwhile. */
const MUTE_S = numberOf("MUTE_S", 1800);

/**
 * `mute({ host, run, container, endsAt })` must do nothing the second time for the same run and container: an event can
 * be delivered again. `unmute({ host, run, container })` without a container is about all of that run.
 */
export const muteDuringUpdates = ({ mute, unmute }) =>
  participate(
    async ({ data }, hook) => {
      const { host, run } = data;
      const container = workloadOf(data).name;
      if (hook.startsWith("after_"))
        return { verdict: "proceed", reason: await problemOf(unmute, { host, run, container }) };
      await mute({ host, run, container, endsAt: new Date(Date.now() + MUTE_S * 1000).toISOString() });
      return { verdict: "proceed" };
    },
    {
      onNotice: async ({ data }, notice) => {
        const { mode, host, run, name } = data;
        if (mode === "update")
          await unmute({ host, run, ...(notice === "update_finished" && { container: name }) });
      },
    },
  );

/** After an update a `defer` would put the old container back: that is no reason for it. */
async function problemOf(unmute, about) {
  try {
    await unmute(about);
  } catch (error) {
    return `not unmuted: ${error.message}`;
  }
}
