// The dashboard: a page on which people see which update waits for whom, and decide. An observer with the commands of an
// operator: it has no state but its sessions, calls no Engine, and there is no way round the gate.
import { messageOf } from "../../shared/catalogue/entry.ts";
import { observerErrors } from "../../shared/catalogue/start-errors.ts";
import { STREAMS } from "../../shared/contract/subjects.ts";
import { CannotStart, Suspended } from "../../shared/errors.ts";
import { retryUntilAnswered } from "../../shared/nats/jetstream.ts";
import { type Observing, follow, observerService } from "../../shared/runtime/run-observer.ts";
import type { Service } from "../../shared/runtime/run-service.ts";
import type { Settings } from "../../shared/settings/settings.ts";
import { Attempts } from "../../shared/runtime/attempts.ts";
import { Identification } from "./auth/identify.ts";
import { OidcSignIn } from "./auth/oidc.ts";
import { Sessions } from "./auth/sessions.ts";
import { makeApp } from "./http/app.ts";
import { loadAssets } from "./http/assets.ts";
import { serveApp } from "./http/serve.ts";
import { LiveFleet } from "./read/live-fleet.ts";

export const runDashboard: Service = async (context) => {
  requireSignIn(context.settings);
  return observerService("dashboard", serveDashboard)(context);
};

/** @throws CannotStart where nobody could sign in. */
function requireSignIn(settings: Settings): void {
  switch (settings.DASHBOARD_AUTH) {
    case "token":
      if (settings.DASHBOARD_TOKENS.length === 0)
        throw new CannotStart(messageOf(observerErrors.dashboardTokens));
      return;
    case "forward-auth":
      if (settings.DASHBOARD_PROXIES.length === 0)
        throw new CannotStart(messageOf(observerErrors.dashboardProxies));
      return;
    case "oidc": {
      const needed = [
        "DASHBOARD_URL",
        "DASHBOARD_OIDC_ISSUER",
        "DASHBOARD_OIDC_CLIENT",
        "DASHBOARD_OIDC_SECRET",
      ] as const;
      const missing = needed.filter((name) => settings[name] === "");
      if (missing.length > 0)
        throw new CannotStart(messageOf(observerErrors.dashboardOidc, { missing: missing.join(", ") }));
    }
  }
}

async function serveDashboard(observing: Observing): Promise<void> {
  const { settings, log, clock, nats, signal } = observing;
  const sessions = new Sessions(observing);
  await retryUntilAnswered(observing, () => sessions.load()).catch((error: unknown) => {
    if (!(error instanceof Suspended)) throw error;
  });
  if (signal.aborted) return;
  const fleet = new LiveFleet(observing);
  const attempts = new Attempts(clock);
  const app = makeApp({
    ...{ observing, fleet, sessions, attempts },
    identification: new Identification(settings, sessions, attempts),
    oidc: settings.DASHBOARD_AUTH === "oidc" ? new OidcSignIn(settings, clock) : undefined,
    assets: await loadAssets(),
  });
  await using _server = await serveApp(app, settings);
  log.info({ address: settings.DASHBOARD_ADDR, port: settings.DASHBOARD_PORT }, "serving the dashboard");
  const verdicts = nats.subscribe("ouroboros.verdict.*.*.*", { callback: () => fleet.wake() });
  void followConnection(nats, fleet);
  try {
    await Promise.all([
      fleet.run(),
      follow(observing, STREAMS.runs, () => {
        fleet.wake();
        return Promise.resolve();
      }),
    ]);
  } finally {
    verdicts.unsubscribe();
  }
}

/** Ends with the connection. */
async function followConnection(nats: Observing["nats"], fleet: LiveFleet): Promise<void> {
  for await (const { type } of nats.status()) {
    if (type === "disconnect") fleet.cutOff();
    if (type === "reconnect") fleet.wake();
  }
}
