import { describeOnEach } from "./copied-in.ts";

const containerd = ["28.5", "--feature=containerd-snapshotter=true"];

describeOnEach([{ title: "28.5 with containerd's images", number: 31, boot: containerd }], 120_000);
