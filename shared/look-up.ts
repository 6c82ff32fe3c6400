/**
 * Looks up a name that others choose in an object used as a map. Only own properties count, so `constructor` and
 * `toString` do not reach the prototype.
 */
export const lookUp = <T>(
  map: Readonly<Record<string, T>> | null | undefined,
  name: string,
): T | undefined => (map !== null && map !== undefined && Object.hasOwn(map, name) ? map[name] : undefined);
