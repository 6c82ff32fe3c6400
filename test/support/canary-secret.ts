// A secret that every test plants: the services' password at NATS, and the environment of every container that a test
// deploys. Whoever wrote it anywhere fails the test (stack.ts).

export const CANARY = "planted-by-each-test";

/** For the environment of a container. */
export const CANARY_ENV = `PLANTED_SECRET=${CANARY}`;

/** What services are given that need no password; a server without users takes any. */
export const CANARY_SETTINGS = { NATS_USER: "anybody", NATS_PASSWORD: CANARY } as const;

export const containsCanary = (said: Uint8Array | string): boolean =>
  (typeof said === "string" ? said : Buffer.from(said)).includes(CANARY);
