// What prune.test.ts tries on one of both Engines, on the other one.
import { describeAfterKill } from "./prune/after-kill.ts";
import { describeAfterUpdate } from "./prune/after-update.ts";
import { describeDependency } from "./prune/dependency.ts";

describeAfterKill(1);
describeDependency(1);
describeAfterUpdate(1);
