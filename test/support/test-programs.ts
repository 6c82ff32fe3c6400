// The product with a fault of a test in it, bundled as the product is.
import { join } from "node:path";

export const PROGRAMS_FOLDER = join(import.meta.dirname, "../programs");

/** Of a file beside this one. */
export const testProgram = (name: string): string => join(PROGRAMS_FOLDER, `${name}.js`);
