import { describeOnEach } from "./copied-in.ts";

const containerd = ["28.5", "--feature=containerd-snapshotter=true"];

describeOnEach(
  [
    { title: "20.10", number: 2 },
    { title: "28.5 with containerd's images", number: 31, boot: containerd },
  ],
  180_000,
);
