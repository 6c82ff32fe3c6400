/** Calls `make` when the result is first asked for: a schema takes time to build, and few programs need all of them. */
export function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}
