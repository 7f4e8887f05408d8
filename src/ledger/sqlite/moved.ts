/** A ledger that carries on somewhere else says so, and is left alone. */
import { CrmledgerError } from "../../domain/errors.ts";
import type { Move } from "../care.ts";
import type { Store } from "./store.ts";

const PLACE = "moved_to";
const DONE = "moved";

export function moveOf(store: Store): Move | null {
  const rows = store.all<{ name: string; value: string }>(
    "SELECT name, value FROM meta WHERE name IN (?, ?)",
    PLACE,
    DONE,
  );
  const place = rows.find(({ name }) => name === PLACE)?.value;
  return place === undefined ? null : { place, done: rows.some(({ name }) => name === DONE) };
}

export function retire(store: Store, move: Move | null): void {
  store.write(() => {
    store.run("DELETE FROM meta WHERE name IN (?, ?)", PLACE, DONE);
    const insert = "INSERT INTO meta (name, value) VALUES (?, ?)";
    if (move !== null) store.run(insert, PLACE, move.place);
    if (move?.done) store.run(insert, DONE, "1");
  });
}

/** Throws `ledgerMoved`. `evenMoving`: only where the move is done. */
export function refuseMoved(store: Store, evenMoving: boolean): void {
  const move = moveOf(store);
  if (move === null || (evenMoving && !move.done)) return;
  const { place, done } = move;
  throw new CrmledgerError(
    "ledgerMoved",
    done
      ? `The ledger ${store.path} was moved to ${place}.`
      : `The ledger ${store.path} is being moved to ${place}, or its move was broken off.`,
    {
      hint: done
        ? "Name the new place as `ledger` in crmledger.yaml, or with --ledger. Nothing was taken in or sent here."
        : `Nothing was taken in or sent. Where no move is going on: crmledger backup ${place} --move ends it.`,
      details: { place },
    },
  );
}
