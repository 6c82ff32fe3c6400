// The view Images: what the ledger of digests says, over all hosts.
import type { Hono } from "hono";
import { compress } from "hono/compress";
import { explain } from "../../../shared/errors.ts";
import { ImageLedger } from "../read/image-ledger.ts";
import { refusal } from "../refusals.ts";
import type { AppContext, AppEnv, AppParts } from "./app-context.ts";

const MAX_REFERENCE = 500;

export function addImageViews(app: Hono<AppEnv>, { observing, fleet }: AppParts): void {
  const ledger = new ImageLedger(observing);
  const compressed = compress();
  app.get("/api/images", compressed, (c) => answer(c, () => ledger.list(fleet.view.hosts, fleet.id.epoch)));
  app.get("/api/image", compressed, async (c): Promise<Response> => {
    const { image = "" } = c.req.query();
    if (image === "" || image.length > MAX_REFERENCE) return c.json({ because: "name an image" }, 400);
    return answer(c, () => ledger.history(image));
  });
}

async function answer(c: AppContext, read: () => Promise<object>): Promise<Response> {
  try {
    return c.json(await read());
  } catch (error) {
    return c.json(refusal("ledgerAway", { because: explain(error) }), 503);
  }
}
