/** What an object used as a map holds under a name that others choose: of `constructor` or `toString`, too, only its own. */
export const lookUp = <T>(
  map: Readonly<Record<string, T>> | null | undefined,
  name: string,
): T | undefined => (map !== null && map !== undefined && Object.hasOwn(map, name) ? map[name] : undefined);
