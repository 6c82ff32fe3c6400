// Versions as the Engine API and nats-server write them: `1.51`, `2.10.27`. Pure.

/** Compares major and minor numbers only. */
export function isOlder(version: string, than: string): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const [thanMajor = 0, thanMinor = 0] = than.split(".").map(Number);
  return major < thanMajor || (major === thanMajor && minor < thanMinor);
}
