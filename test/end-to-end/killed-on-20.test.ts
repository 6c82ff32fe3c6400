import { describeKilledOn } from "./killed/on-engine.ts";

describeKilledOn("20.10", 2);
