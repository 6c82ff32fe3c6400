import { describeKilledOn } from "./killed/describe-killed-on.ts";

describeKilledOn("28.5", 1);
