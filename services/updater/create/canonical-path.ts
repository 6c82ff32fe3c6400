// Normalizes a path in a container as the Engine does before it compares paths: Go's path.Clean. Pure.

/** `/srv//x/./y/` → `/srv/x/y` */
export function canonicalPath(path: string): string {
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return `/${parts.join("/")}`;
}
