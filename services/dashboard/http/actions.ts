// What people do: each needs a role, and the token of the page.
import type { Hono } from "hono";
import type * as z from "zod";
import { parseJson } from "../../../shared/contract/messages.ts";
import {
  type ActionResult,
  CheckRequest,
  ContainerRequest,
  SnoozeRequest,
  VerdictRequest,
  checkNow,
  giveVerdict,
  requestRun,
  snooze,
} from "../decisions.ts";
import { type AppContext, type AppEnv, type AppParts, needs } from "./app-context.ts";

export function addActions(app: Hono<AppEnv>, { observing, fleet }: AppParts): void {
  const context = (c: AppContext) => ({ observing, view: fleet.view, person: c.get("person") });

  app.post("/api/verdict", needs("approver"), (c) =>
    act(c, VerdictRequest, (wanted) => giveVerdict(context(c), wanted)),
  );
  app.post("/api/check", needs("operator"), (c) =>
    act(c, CheckRequest, (wanted) => checkNow(context(c), wanted)),
  );
  for (const command of ["update", "rollback"] as const)
    app.post(`/api/${command}`, needs("operator"), (c) =>
      act(c, ContainerRequest, (wanted) => requestRun(context(c), command, wanted)),
    );
  app.post("/api/snooze", needs("operator"), (c) =>
    act(c, SnoozeRequest, (wanted) => snooze(context(c), wanted)),
  );
}

async function act<T>(
  c: AppContext,
  schema: z.ZodType<T>,
  work: (wanted: T) => Promise<ActionResult>,
): Promise<Response> {
  if (!/^application\/json\b/.test(c.req.header("content-type") ?? ""))
    return c.json({ because: "send JSON" }, 415);
  const wanted = schema.safeParse(parseJson(await c.req.text()));
  if (!wanted.success)
    return c.json(
      { because: wanted.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`).join("; ") },
      400,
    );
  const result = await work(wanted.data);
  return result.ok ? c.json(result) : c.json(result.refused, 409);
}
