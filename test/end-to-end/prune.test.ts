// What a prune takes while an update is under way, on Engines 28.5 and 20.10 in turn.
import { describeAfterKill } from "./prune/after-kill.ts";
import { describeAfterUpdate } from "./prune/after-update.ts";
import { describeDependency } from "./prune/dependency.ts";

describeAfterKill(0);
describeDependency(0);
describeAfterUpdate(0);
