// All that the demo tells. `--json` prints each as one line with `at`, seconds since the demo began; otherwise
// time-line.ts makes a line for people of it.
import type { HookName } from "../../shared/contract/hooks.ts";
import type { VerdictWord } from "../../shared/contract/messages.ts";
import type { UpdateResult } from "../../shared/contract/run-records.ts";

export interface Outcome {
  readonly container: string;
  /** Versions of the application. */
  readonly from: string;
  readonly to: string;
  readonly end: UpdateResult;
  /** From the old container's stop to the start of what runs now, by the Engine's clock. */
  readonly downtime_ms: number | undefined;
  readonly because: string;
}

interface AtHook {
  readonly hook: HookName;
  /** Null where the hook is about the whole run. */
  readonly container: string | null;
}

export type Happening =
  | { readonly event: "preparing" }
  | { readonly event: "stage"; readonly host: string; readonly engine: string }
  | { readonly event: "process"; readonly name: string; readonly pid: number; readonly says: string }
  | {
      readonly event: "deployed";
      readonly container: string;
      readonly version: string;
      readonly says: string;
    }
  | {
      readonly event: "pushed";
      readonly version: string;
      readonly containers: readonly string[];
      readonly says: string;
    }
  | ({ readonly event: "hook"; readonly reason: string; readonly asked: readonly string[] } & AtHook)
  | { readonly event: "script"; readonly script: string; readonly line: string }
  | ({
      readonly event: "verdict";
      readonly participant: string;
      readonly verdict: VerdictWord;
      readonly reason: string | undefined;
      readonly ms: number;
    } & AtHook)
  | ({ readonly event: "decided"; readonly verdict: VerdictWord; readonly by: string | undefined } & AtHook)
  | {
      readonly event: "step";
      readonly container: string;
      readonly step: string;
      readonly ms: number | undefined;
      readonly down_ms: number | undefined;
    }
  | ({ readonly event: "ended" } & Outcome)
  | { readonly event: "summary"; readonly outcomes: readonly Outcome[]; readonly says: string }
  | { readonly event: "wrong"; readonly what: string }
  | { readonly event: "over"; readonly ok: boolean; readonly seconds: number };

/** `at`: when it happened, milliseconds since 1970; now, where it is not given. */
export type Tell = (happening: Happening, at?: number) => void;
