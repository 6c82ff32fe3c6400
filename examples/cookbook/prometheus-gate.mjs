// Puts an update off while Prometheus has a critical alert that fires: one for this container (label `name` or
// `container`), or one for no container in particular. A Prometheus that gives no answer counts as an alert.
// Name PROMETHEUS_URL in HOOK_ENV.
const { PROMETHEUS_URL = "http://prometheus:9090", PROMETHEUS_LOOK_AGAIN_S = "300" } = process.env;

export default async ({ subject }, { signal }) => {
  const later = (reason) => ({ verdict: "defer", reason, retry_after_s: Number(PROMETHEUS_LOOK_AGAIN_S) });
  let answer;
  try {
    const url = `${PROMETHEUS_URL}/api/v1/alerts`;
    const response = await fetch(url, { signal: AbortSignal.any([signal, AbortSignal.timeout(10_000)]) });
    answer = await response.json();
  } catch (error) {
    return later(`Prometheus gives no answer: ${error.cause?.message ?? error.message}`);
  }
  if (answer.status !== "success") return later(`Prometheus says ${answer.error ?? answer.status}`);
  const alerts = answer.data.alerts.filter(({ state, labels }) => {
    const about = labels.container ?? labels.name ?? subject;
    return state === "firing" && labels.severity === "critical" && about === subject;
  });
  if (alerts.length > 0)
    return later(`alerts fire: ${alerts.map(({ labels }) => labels.alertname).join(", ")}`);
};
