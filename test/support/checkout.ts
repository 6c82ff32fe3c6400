// Where the repository is checked out: tests read its files.
import { realpathSync } from "node:fs";
import { dirname, join } from "node:path";

export const checkout = dirname(realpathSync(join(import.meta.dirname, "../../../package.json")));
