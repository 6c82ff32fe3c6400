import { describeKilledOn } from "./killed/on-engine.ts";

describeKilledOn("28.5", 1);
