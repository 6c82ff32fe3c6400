import { describe } from "mocha";
import { engine } from "../bed/bed.ts";
import { describeCompose } from "./compose.ts";

describe("a compose project that was updated", () => {
  describeCompose(engine(1), { version: "2.40", program: "docker-compose" });
});
