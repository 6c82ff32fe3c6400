import { describeKilledOn } from "./killed/describe-killed-on.ts";

describeKilledOn("26.1", 3);
