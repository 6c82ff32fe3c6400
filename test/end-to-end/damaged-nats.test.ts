// The private NATS after its files were damaged while it was down: by a full disk, a power cut, a person.
import { describeDamages, losses } from "../support/damaged-nats-store.ts";

describeDamages(losses.slice(1, 3)); // all: damaged-nats.full-test.ts
