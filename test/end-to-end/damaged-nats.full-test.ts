// Every way to damage the store of the private NATS.
import { damages, describeDamages, losses } from "../support/damaged-nats-store.ts";

describeDamages([...losses, ...damages]);
