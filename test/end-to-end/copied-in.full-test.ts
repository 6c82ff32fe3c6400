import { describeOnEach } from "./copied-in.ts";

describeOnEach(
  [
    { title: "28.5", number: 1 },
    { title: "20.10", number: 2 },
    { title: "26.1", number: 31, boot: ["26.1"] },
  ],
  400_000,
);
