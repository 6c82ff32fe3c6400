// The hooks: the only place one is declared. Types, subjects, JSON Schemas and docs/hooks.md follow from this table;
// a new hook is one row. The local names are those that Ouroboros' hook scripts see.
import { z } from "zod";
import { ContainerPayload, ImagePayload, Updateable } from "./payloads.ts";

export interface Hook {
  readonly says: string;
  /** What `refuse` (or `defer`) does; null where the work goes on all the same and the verdict is only a warning. */
  readonly refusal: string | null;
  /** `after` hooks whose participant runs out of time proceed with a warning. */
  readonly phase: "before" | "after" | "notice";
  /** Whether one event concerns the whole run (subject token `_`) or one container. */
  readonly about: "run" | "container";
  readonly fired: boolean;
  readonly locals: z.ZodObject;
}

export const hooks = {
  updates_enumerated: {
    says: "The list of updates was made; nothing has been touched.",
    refusal: "nothing (or not the named containers) is touched",
    phase: "before",
    about: "run",
    fired: true,
    locals: z.object({
      updateable: z.array(Updateable),
      depends_on_containers: z.array(ContainerPayload),
      hard_depends_on_containers: z.array(ContainerPayload),
    }),
  },
  before_stop_depends_container: {
    says: "Before a container named in depends_on or hard_depends_on is stopped.",
    refusal: "the updates of its group are left alone",
    phase: "before",
    about: "container",
    fired: true,
    locals: z.object({ container: ContainerPayload }),
  },
  dry_run_update: {
    says: "Dry run: this container would be updated.",
    refusal: null,
    phase: "notice",
    about: "container",
    fired: true,
    locals: Updateable,
  },
  notify_update: {
    says: "Monitor only: this container has an update.",
    refusal: null,
    phase: "notice",
    about: "container",
    fired: true,
    locals: Updateable,
  },
  before_update: {
    says: "The new image is here; before the new container is created and the old one stopped.",
    refusal: "this container stays on its image",
    phase: "before",
    about: "container",
    fired: true,
    locals: z.object({ old_container: ContainerPayload, old_image: ImagePayload, new_image: ImagePayload }),
  },
  after_update: {
    says: "The new container runs and has proved itself; the old one is kept, stopped, until the answer.",
    refusal: "the old container is put back",
    phase: "after",
    about: "container",
    fired: true,
    locals: z.object({
      old_container: ContainerPayload,
      old_image: ImagePayload,
      new_image: ImagePayload,
      new_container: ContainerPayload,
    }),
  },
  before_image_cleanup: {
    says: "CLEANUP: before the outdated image is removed.",
    refusal: "the image is kept",
    phase: "before",
    about: "container",
    fired: true,
    locals: z.object({ image: ImagePayload }),
  },
  before_start_depends_container: {
    says: "Before a container named in depends_on is started again.",
    refusal: null,
    phase: "before",
    about: "container",
    fired: true,
    locals: z.object({ container: ContainerPayload }),
  },
  before_recreate_hard_depends_container: {
    says: "Before a container named in hard_depends_on is recreated on its own image.",
    refusal:
      "it is started again as it is, unless it refers to the replaced container (then it is recreated, with a warning)",
    phase: "before",
    about: "container",
    fired: true,
    locals: z.object({ old_container: ContainerPayload }),
  },
  after_recreate_hard_depends_container: {
    says: "After a container named in hard_depends_on was recreated.",
    refusal: "its previous container is put back where that is still possible, else a warning",
    phase: "after",
    about: "container",
    fired: true,
    locals: z.object({ old_container: ContainerPayload, new_container: ContainerPayload }),
  },
  before_self_update: {
    says: "Before a container of Ouroboros itself is replaced.",
    refusal: "this service stays on its image",
    phase: "before",
    about: "container",
    fired: true,
    locals: z.object({ self_name: z.string(), old_container: ContainerPayload, new_image: ImagePayload }),
  },
  after_self_update: {
    says: "The new container of Ouroboros itself was started.",
    refusal: "the new one is removed",
    phase: "after",
    about: "container",
    fired: true,
    locals: z.object({
      self_name: z.string(),
      old_container: ContainerPayload,
      new_image: ImagePayload,
      new_container: ContainerPayload,
    }),
  },
  before_self_cleanup: {
    says: "In the new Ouroboros, before the old container is removed.",
    refusal: "the old container is kept, stopped",
    phase: "before",
    about: "container",
    fired: true,
    locals: z.object({ old_container: ContainerPayload, new_container: ContainerPayload }),
  },
  after_self_cleanup: {
    says: "In the new Ouroboros, after the old container was removed.",
    refusal: null,
    phase: "after",
    about: "container",
    fired: true,
    locals: z.object({ old_container: ContainerPayload, new_container: ContainerPayload }),
  },
} as const satisfies Record<string, Hook>;

export type HookName = keyof typeof hooks;
export type Locals<N extends HookName> = z.infer<(typeof hooks)[N]["locals"]>;
export const hookNames = Object.keys(hooks) as readonly HookName[];
export const isHookName = (text: string): text is HookName => Object.hasOwn(hooks, text);

export const Mode = z.enum(["update", "dry_run", "monitor"]);
export type Mode = z.infer<typeof Mode>;

/** A decision of the run that this event follows. */
export const EarlierVerdict = z.object({
  hook: z.string(),
  container: z.string().nullable(),
  verdict: z.enum(["proceed", "refuse", "defer"]),
  by: z.string().optional().describe("Who decided it, unless all proceed."),
  reason: z.string().optional().describe("At most 200 characters."),
});
export type EarlierVerdict = z.infer<typeof EarlierVerdict>;

/** What every event says beside its locals. */
export const EventContext = z.object({
  host: z.string().describe("Name of the host, as its owner gave it."),
  engine_id: z.string().describe("`info.ID` of the host's Engine."),
  run: z.string().describe("Id of the run; the same in all events of it."),
  mode: Mode.describe("In dry_run and monitor nothing is touched and verdicts are only recorded."),
  reason: z.string().describe("Why this event happens, in words for people."),
  asked: z
    .array(z.string())
    .optional()
    .describe("Who is waited for; not in `updates_enumerated`, which is published before that is known."),
  verdicts: z
    .array(EarlierVerdict)
    .optional()
    .describe("What was decided earlier in the run, the last 20; not in `updates_enumerated`."),
});
export type EventContext = z.infer<typeof EventContext>;

/** The schema of an event's `data`: the hook's locals and the context. Fields may be added; none is taken away. */
export function dataSchema(hook: HookName): z.ZodObject {
  return hooks[hook].locals.extend(EventContext.shape);
}
