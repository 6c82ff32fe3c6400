import { describeKilledOn } from "./killed/describe-killed-on.ts";

describeKilledOn("20.10", 2);
