import { describeKilledOn } from "./killed/on-engine.ts";

describeKilledOn("26.1", 3);
