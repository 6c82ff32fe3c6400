// Declares every hook. Types, subjects, JSON Schemas and docs/hooks.md derive from this table; a new hook is one row.
// The names in `locals` are those that hook scripts see. The notices, events at which no participant is asked, follow
// below.
import * as z from "zod";
import {
  containerPayload,
  imagePayload,
  servicePayload,
  StepTime,
  UpdateResult,
  updateable,
  updateableService,
  updateableWorkload,
} from "./payloads.ts";

export interface Hook {
  readonly says: string;
  /** What `refuse` (or `defer`) does; null where the work continues anyway and the verdict only causes a warning. */
  readonly refusal: string | null;
  /** At an `after` hook a participant that times out counts as `proceed`, with a warning. */
  readonly phase: "before" | "after" | "notice";
  /** Whether one event concerns the whole run (subject token `_`) or one container. */
  readonly about: "run" | "container";
  readonly fired: boolean;
  /** Built when it is asked for: a schema takes time, and every program loads this table at its start. */
  readonly locals: z.ZodObject;
}

export const hooks = {
  updates_enumerated: {
    says: "The list of updates is ready; nothing has been touched.",
    refusal: "nothing (or not the named containers) is touched",
    phase: "before",
    about: "run",
    fired: true,
    get locals() {
      return z.object({
        updateable: z.array(updateable()),
        depends_on_containers: z.array(containerPayload()),
        hard_depends_on_containers: z.array(containerPayload()),
        updateable_services: z
          .array(updateableService())
          .optional()
          .describe("With SWARM: the services that would be updated."),
      });
    },
  },
  before_stop_depends_container: {
    says: "Before a container named in depends_on or hard_depends_on is stopped.",
    refusal: "the updates of its group are left alone",
    phase: "before",
    about: "container",
    fired: true,
    get locals() {
      return z.object({ container: containerPayload() });
    },
  },
  dry_run_update: {
    says: "Dry run: this container, or service, would be updated.",
    refusal: null,
    phase: "notice",
    about: "container",
    fired: true,
    get locals() {
      return updateableWorkload();
    },
  },
  notify_update: {
    says: "Monitor only: this container, or service, has an update.",
    refusal: null,
    phase: "notice",
    about: "container",
    fired: true,
    get locals() {
      return updateableWorkload();
    },
  },
  before_update: {
    says: "The new image is here; before the new container is created and the old one stopped.",
    refusal: "this container stays on its image",
    phase: "before",
    about: "container",
    fired: true,
    get locals() {
      return z.object({
        old_container: containerPayload(),
        old_image: imagePayload(),
        new_image: imagePayload(),
      });
    },
  },
  after_update: {
    says: "The new container runs and has proved itself; the old one is kept, stopped, until the answer.",
    refusal: "the old container is put back, and what was updated with it",
    phase: "after",
    about: "container",
    fired: true,
    get locals() {
      return z.object({
        old_container: containerPayload(),
        old_image: imagePayload(),
        new_image: imagePayload(),
        new_container: containerPayload(),
      });
    },
  },
  before_image_cleanup: {
    says: "CLEANUP: before the outdated image is removed.",
    refusal: "the image is kept",
    phase: "before",
    about: "container",
    fired: true,
    get locals() {
      return z.object({ image: imagePayload() });
    },
  },
  before_start_depends_container: {
    says: "Before a container named in depends_on is started again.",
    refusal: null,
    phase: "before",
    about: "container",
    fired: true,
    get locals() {
      return z.object({ container: containerPayload() });
    },
  },
  before_recreate_hard_depends_container: {
    says: "Before a container named in hard_depends_on is recreated on its own image.",
    refusal:
      "it is started again as it is, unless it refers to the replaced container (then it is recreated, with a warning)",
    phase: "before",
    about: "container",
    fired: true,
    get locals() {
      return z.object({ old_container: containerPayload() });
    },
  },
  after_recreate_hard_depends_container: {
    says: "After a container named in hard_depends_on was recreated.",
    refusal: "its previous container is put back where that is still possible, else a warning",
    phase: "after",
    about: "container",
    fired: true,
    get locals() {
      return z.object({ old_container: containerPayload(), new_container: containerPayload() });
    },
  },
  before_service_update: {
    says: "SWARM: before the Engine is asked to update a service; none of its tasks has been touched.",
    refusal: "this service stays on its image",
    phase: "before",
    about: "container",
    fired: true,
    get locals() {
      return z.object({ service: servicePayload(), old_image: imagePayload(), new_image: imagePayload() });
    },
  },
  after_service_update: {
    says: "SWARM: the Engine has completed the update of a service, and its tasks run with the new image.",
    refusal: "the Engine rolls the service back to its previous spec",
    phase: "after",
    about: "container",
    fired: true,
    get locals() {
      return z.object({ service: servicePayload(), old_image: imagePayload(), new_image: imagePayload() });
    },
  },
  before_self_update: {
    says: "Before a container of Ouroboros itself is replaced.",
    refusal: "this service stays on its image",
    phase: "before",
    about: "container",
    fired: true,
    get locals() {
      return z.object({
        self_name: z.string(),
        old_container: containerPayload(),
        new_image: imagePayload(),
      });
    },
  },
  after_self_update: {
    says: "The new container of Ouroboros itself was started.",
    refusal: "the new one is removed",
    phase: "after",
    about: "container",
    fired: true,
    get locals() {
      return z.object({
        self_name: z.string(),
        old_container: containerPayload(),
        new_image: imagePayload(),
        new_container: containerPayload(),
      });
    },
  },
  before_self_cleanup: {
    says: "In the new Ouroboros, before the old container is removed.",
    refusal: "the old container is kept, stopped",
    phase: "before",
    about: "container",
    fired: true,
    get locals() {
      return z.object({ old_container: containerPayload(), new_container: containerPayload() });
    },
  },
  after_self_cleanup: {
    says: "In the new Ouroboros, after the old container was removed.",
    refusal: null,
    phase: "after",
    about: "container",
    fired: true,
    get locals() {
      return z.object({ old_container: containerPayload(), new_container: containerPayload() });
    },
  },
} as const satisfies Record<string, Hook>;

export type HookName = keyof typeof hooks;
export type Locals<N extends HookName> = z.infer<(typeof hooks)[N]["locals"]>;
export const hookNames = Object.keys(hooks) as readonly HookName[];
export const isHookName = (text: string): text is HookName => Object.hasOwn(hooks, text);

export interface NoticeRow {
  readonly says: string;
  readonly about: Hook["about"] | "image";
  readonly by: "poller" | "updater";
  readonly data: z.ZodObject;
}

/**
 * Events that report that something has happened, on the same stream as the hooks. Scripts and participants may hear them;
 * nobody is asked or awaited.
 */
export const notices = {
  update_finished: {
    says: "A container's part of a run is over, whatever its end.",
    about: "container",
    by: "updater",
    get data() {
      return z.object({
        name: z.string().describe("The container's name."),
        image: z.string().nullable().describe("The image reference it follows, or did before the update."),
        to_image: z
          .string()
          .optional()
          .describe("The image reference that the update gives it, where that is another."),
        end: UpdateResult,
        because: z.string(),
        by: z
          .string()
          .nullable()
          .describe(
            "Who or what decided it: a participant, `updater`, or `operator`. `updated` by `operator` is a rollback that the operator asked for.",
          ),
        from: z.string().nullable().describe("Image id before."),
        to: z.string().nullable().describe("Image id after, or that was tried."),
        from_digest: z.string().nullable().describe("repository@digest of the image before."),
        to_digest: z.string().nullable().describe("repository@digest of the image after, or that was tried."),
        from_version: z
          .string()
          .nullable()
          .optional()
          .describe("Version of the image before (its label org.opencontainers.image.version)."),
        to_version: z
          .string()
          .nullable()
          .optional()
          .describe("Version of the image after, or of the one that was tried."),
        downtime_ms: z
          .number()
          .nullable()
          .describe(
            "How long the container was down; null where it was not, or where an earlier process was killed meanwhile.",
          ),
        ms: z.number().nullable().describe("From the start of the run to this end."),
        steps: z.array(StepTime).describe("What was done for it, and how long each took."),
      });
    },
  },
  run_finished: {
    says: "A run is over: how it ended for each of its containers.",
    about: "run",
    by: "updater",
    get data() {
      return z.object({
        ends: z.array(z.object({ name: z.string(), end: UpdateResult, because: z.string() })),
        ms: z.number().describe("How long it took, since the last start of the updater."),
      });
    },
  },
  tag_moved: {
    says: "A tag names another image than before, as this host's poller sees it; whether an update follows, and when, is open.",
    about: "image",
    by: "poller",
    get data() {
      return z.object({
        image: z.string().describe("The image reference whose tag has moved."),
        platform: z.string().describe("`os/architecture` of the host's Engine."),
        from_digest: z.string().describe("What the tag named before."),
        to_digest: z.string().describe("What it names now."),
        from_since: z.string().describe("When the tag was first seen to name the digest before, RFC 3339."),
        from_until: z.string().describe("When it was last seen to name that one."),
        containers: z
          .array(z.object({ name: z.string() }))
          .describe("The containers, or services, of the host that follow the tag."),
      });
    },
  },
} as const satisfies Record<string, NoticeRow>;

export type NoticeName = keyof typeof notices;
export type NoticeData<N extends NoticeName> = z.infer<(typeof notices)[N]["data"]>;
export const noticeNames = Object.keys(notices) as readonly NoticeName[];
export const isNoticeName = (text: string): text is NoticeName => Object.hasOwn(notices, text);

/** Names of all events on the hook stream. */
export type EventName = HookName | NoticeName;
export const eventNames: readonly EventName[] = [...hookNames, ...noticeNames];
export const isEventName = (text: string): text is EventName => isHookName(text) || isNoticeName(text);

export const Mode = z.enum(["update", "dry_run", "monitor"]);
export type Mode = z.infer<typeof Mode>;

/** A decision made earlier in the same run. */
export const EarlierVerdict = z.object({
  hook: z.string(),
  container: z.string().nullable(),
  verdict: z.enum(["proceed", "refuse", "defer"]),
  by: z.string().optional().describe("Who decided it, unless all proceed."),
  reason: z.string().optional().describe("At most 200 characters."),
});
export type EarlierVerdict = z.infer<typeof EarlierVerdict>;

/** The fields that every event carries beside its locals. */
export const EventContext = z.object({
  host: z.string().describe("Name of the host, as its owner gave it."),
  engine_id: z.string().describe("`info.ID` of the host's Engine."),
  run: z
    .string()
    .describe(
      "Id of the run; the same in all events of it. In `tag_moved`, which is of no run, an id of its own.",
    ),
  mode: Mode.describe("In dry_run and monitor nothing is touched and verdicts are only recorded."),
  reason: z.string().describe("Why this event happens, in words for people."),
  rollback: z
    .boolean()
    .optional()
    .describe(
      "In `updates_enumerated` and `run_finished`: the operator asked to go back to the image before; what is `updated` then was rolled back.",
    ),
  passed_over: z
    .record(z.string(), z.string())
    .optional()
    .describe(
      "In `updates_enumerated`: by container, the digest that its tag names, where a cooldown chose an older one. That is pulled by its digest.",
    ),
  asked: z
    .array(z.string())
    .optional()
    .describe("Who is asked; not in `updates_enumerated`, which is published before that is known."),
  verdicts: z
    .array(EarlierVerdict)
    .optional()
    .describe("The last 20 decisions of the run; not in `updates_enumerated`."),
});
export type EventContext = z.infer<typeof EventContext>;

/**
 * The schema of an event's `data`: its own fields and the context. Fields may be added, as optional ones, because the
 * services of an earlier version do not send them; none is removed.
 */
export function dataSchema(name: EventName): z.ZodObject {
  return (isHookName(name) ? hooks[name].locals : notices[name].data).extend(EventContext.shape);
}
