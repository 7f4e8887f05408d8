import type { Clock } from "../domain/clock.ts";
import type { Now } from "../ledger/rows.ts";

/** The present, as the ledger's verbs take it. */
export function instant(clock: Clock): Now {
  return { wallMs: clock.wallMs(), monoMs: clock.monoMs(), bootId: clock.bootId };
}
