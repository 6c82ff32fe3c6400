/** Reads what trivy (`--format json`) and grype (`-o json`) report, and compares two images by it. */

const SEVERITIES = ["critical", "high", "medium", "low"];
export const isSeverity = (text) => SEVERITIES.includes(text);

/** The severity of each finding, one for each vulnerability of a package. @throws where it is no whole report. */
export function readReport(text) {
  const report = JSON.parse(text);
  const findings = fromTrivy(report) ?? fromGrype(report);
  if (!findings) throw new Error("neither a report of trivy nor one of grype");
  const severities = new Map(
    findings.map(([id, name, severity]) => [`${id} ${name}`, severity.toLowerCase()]),
  );
  return [...severities.values()];
}

/** Why the new image is worse: more findings of a severity or above it, down to the threshold. Undefined if it is not. */
export function whyWorse(old, now, threshold) {
  const worse = SEVERITIES.slice(0, SEVERITIES.indexOf(threshold) + 1).flatMap((severity, rank) => {
    const count = (all) => all.filter((one) => SEVERITIES.slice(0, rank + 1).includes(one)).length;
    const name = rank === 0 ? severity : `${severity} or worse`;
    return count(now) > count(old) ? [`${count(now)} ${name} instead of ${count(old)}`] : [];
  });
  return worse.length > 0 ? worse.join(", ") : undefined;
}

/** A target without findings has none, or null. */
const fromTrivy = ({ SchemaVersion, Results }) =>
  SchemaVersion === 2
    ? (Results ?? [])
        .flatMap(({ Vulnerabilities }) => Vulnerabilities ?? [])
        .map(({ VulnerabilityID, PkgName, Severity }) => [VulnerabilityID, PkgName, Severity])
    : undefined;

const fromGrype = ({ matches }) =>
  Array.isArray(matches)
    ? matches.map(({ vulnerability, artifact }) => [vulnerability.id, artifact.name, vulnerability.severity])
    : undefined;
