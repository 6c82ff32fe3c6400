// The steps between the creation of the successor and the first stop. They have nothing to undo; each is a step of its
// own so that its wait counts as no other step's time.
import type { SwapStep } from "./swap-state.ts";

/** A later process neither waits for a slot nor records again what was begun. */
const isBegun: SwapStep["isDone"] = ({ successor }) => successor !== "none";

export const awaitTurn: SwapStep = {
  name: "wait for its turn",
  isDone: isBegun,
  do: ({ beforeStop }) => beforeStop.awaitTurn(),
};

export const recordIntent: SwapStep = {
  name: "record that it is begun",
  isDone: isBegun,
  do: ({ beforeStop, successor, name }) => beforeStop.recordIntent(successor ?? name),
};

export const checkLock: SwapStep = {
  name: "check the lock",
  isDone: isBegun,
  do: ({ beforeStop }) => beforeStop.checkLock(),
};
