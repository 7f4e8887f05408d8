/**
 * `npm run damaged-ledger [-- --count 100 --seed 1]`: `sync` on ledgers that were cut off, or of which a bit was turned, in the
 * file or in its write-ahead log. Prints how they ended; leaves with 1 where the program broke or sent anything twice.
 */
import { parseArgs } from "node:util";
import { calmMoment, type Damage, killedMoment, type Moment, tryDamage } from "../support/damaged-world.ts";
import { cuts, LEDGER_FILE, LOG_FILE, ledgerFlips, logFlips, lostFrames } from "../support/damages.ts";

const { values } = parseArgs({
  options: { count: { type: "string", default: "100" }, seed: { type: "string", default: "1" } },
});
const [count, seed] = [Number(values.count), Number(values.seed)];
const calm = await calmMoment();
const killed = await killedMoment();
let bad = 0;
await tell("ledger cut off", calm, cuts(calm, LEDGER_FILE, count, seed));
await tell("bit of the ledger turned", calm, ledgerFlips(calm, { stride: 1, count, seed }));
await tell("log cut off", killed, cuts(killed, LOG_FILE, count, seed));
await tell("bit of the log turned", killed, logFlips(killed, { stride: 1, count, seed }));
for (const nth of [5, 9, 12, 15]) {
  const minutesLater = await killedMoment(nth, ["p1", "p2"]);
  await tell(`end of the log lost, killed at send ${nth}`, minutesLater, lostFrames(minutesLater, count, 1));
}
process.exitCode = bad > 0 ? 1 : 0;

/** Unseen: neither the command nor the ledger's own check noticed anything. */
async function tell(what: string, moment: Moment, damages: readonly Damage[]): Promise<void> {
  const ends: Record<string, number> = {};
  let lost = 0;
  for (const damage of damages) {
    const one = await tryDamage(moment, damage);
    const end = one.end === "0" ? `0 ${one.seen ? "(the check sees it)" : "(unseen)"}` : one.end;
    ends[end] = (ends[end] ?? 0) + 1;
    if (one.lost.length > 0) {
      lost += 1;
      process.stdout.write(`  ${one.name}: ${one.end}, not at the CRM: ${one.lost.join(", ")}\n`);
    }
    if (one.found.length === 0) continue;
    bad += 1;
    process.stdout.write(`  ${one.name}: ${one.end}: ${one.found.join("; ")}\n`);
  }
  process.stdout.write(`${what}: ${damages.length} tries, ${JSON.stringify(ends)}, ${lost} with something missing\n`);
}
