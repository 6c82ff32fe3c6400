// Which containers an event is about, by name and labels, so that a participant is asked about those of its choice only.
import { z } from "zod";
import { type HookName, hooks } from "../../../shared/hooks.ts";

/** As much of a container as participants choose by. */
export const About = z.object({
  name: z.string(),
  labels: z.record(z.string(), z.string()),
  image_id: z.string(),
});
export type About = Pick<z.infer<typeof About>, "name" | "labels">;

const Update = z.object({ container: About });

/** Of one run: `before_image_cleanup` names a container whose labels an earlier event of the run told. */
export class Abouts {
  readonly #known = new Map<string, About>();

  of(hook: HookName, container: string | null, locals: object): About[] {
    const told = Object.values(locals).flatMap(containersIn);
    for (const one of told) this.#known.set(one.name, one);
    if (hooks[hook].about === "run" || container === null) return updatesIn(locals);
    return [this.#known.get(container) ?? { name: container, labels: {} }];
  }
}

const updatesIn = (locals: object): About[] =>
  "updateable" in locals ? containersIn(locals.updateable) : [];

/** A local is a container, an update of one, or a list of either. */
const containersIn = (local: unknown): About[] =>
  Array.isArray(local) ? local.flatMap(containerIn) : containerIn(local);

function containerIn(local: unknown): About[] {
  const update = Update.safeParse(local);
  const one = About.safeParse(update.success ? update.data.container : local);
  return one.success ? [one.data] : [];
}
