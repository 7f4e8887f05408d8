/**
 * A ledger that was cut off or whose bits were turned is refused or works; it is never begun afresh, never makes the program
 * break, and never makes it send anything twice. Samples of what `npm run damaged-ledger` does.
 */
import { beforeAll, describe, expect, it } from "vitest";
import {
  calmMoment,
  type Damage,
  type DamageTry,
  killedMoment,
  type Moment,
  tryDamage,
} from "../support/damaged-world.ts";
import { cuts, LEDGER_FILE, LOG_FILE, ledgerFlips, logFlips, lostFrames } from "../support/damages.ts";

let calm: Moment;
let killed: Moment;
beforeAll(async () => {
  [calm, killed] = await Promise.all([calmMoment(), killedMoment()]);
}, 180_000);

async function tryAll(moment: Moment, damages: readonly Damage[], args?: readonly string[]): Promise<DamageTry[]> {
  const tries: DamageTry[] = [];
  for (const damage of damages) tries.push(await tryDamage(moment, damage, args));
  expect(tries.flatMap(({ name, found }) => (found.length > 0 ? [{ name, found }] : []))).toEqual([]);
  return tries;
}

const refused = (tries: readonly DamageTry[]): number => tries.filter(({ end }) => end.startsWith("74 ")).length;

/** Turning it makes the number smaller: the schema is then a newer one than it says. */
const highestBit = (byte: number): number => 31 - Math.clz32(byte);

describe("sync on a damaged ledger", () => {
  it("that was cut off, at bytes, sectors and pages, is refused, and with the file put back goes on", async () => {
    const tries = await tryAll(calm, cuts(calm, LEDGER_FILE, 4, 1));
    expect(refused(tries)).toBeGreaterThan(tries.length * 0.9);
    expect(tries.filter(({ lost }) => lost.length > 0)).toEqual([]);
  }, 240_000);

  it("of which a bit was turned is refused or works, and sends nothing twice", async () => {
    const tries = await tryAll(calm, ledgerFlips(calm, { stride: 9, count: 6, seed: 2 }));
    expect(refused(tries)).toBeGreaterThan(3);
  }, 240_000);

  it("whose log was damaged before its end is refused: what was committed behind it would be sent again", async () => {
    const tries = await tryAll(killed, logFlips(killed, { stride: 7, count: 6, seed: 3 }));
    expect(refused(tries)).toBeGreaterThan(tries.length * 0.6);
    expect(tries.filter(({ lost }) => lost.length > 0)).toEqual([]);
  }, 240_000);

  it("whose log was cut off sends nothing twice, and is noticed by its first run, also where the queue is empty without it", async () => {
    const tries = await tryAll(killed, cuts(killed, LOG_FILE, 3, 4));
    expect(tries.find(({ name }) => name.includes("cut to 0 "))).toMatchObject({ end: "75" });
    expect(tries.filter(({ end }) => end === "75").length).toBeGreaterThan(tries.length / 3);
  }, 240_000);

  it("whose log lost the end of a run that was killed minutes after an orderly one sends nothing twice", async () => {
    const moment = await killedMoment(15, ["p1", "p2"]);
    const tries = await tryAll(moment, lostFrames(moment, 12, 8));
    expect(tries.filter(({ end }) => end === "75").length).toBeGreaterThan(2);
    expect(tries.filter(({ end }) => end === "0").length).toBeGreaterThan(2);
  }, 240_000);

  it("whose version is another than its schema's, whose format is unknown, or whose texts are none any more, is refused", async () => {
    const text = calm.files.get(LEDGER_FILE)!.indexOf('{"fields":');
    const tries = await tryAll(calm, [
      { name: "its version", file: LEDGER_FILE, flip: [63 * 8 + highestBit(calm.files.get(LEDGER_FILE)![63]!)] },
      { name: "its format", file: LEDGER_FILE, flip: [47 * 8] },
      { name: "a text", file: LEDGER_FILE, flip: [text * 8] },
    ]);
    expect(tries.map(({ end }) => end)).toEqual(Array(3).fill("74 ledgerDamaged"));
  }, 180_000);

  it("whose log is whole is opened", async () => {
    const [nothing] = await tryAll(killed, [{ name: "nothing", file: LOG_FILE }]);
    expect(nothing).toMatchObject({ end: "0", lost: [], seen: false });
  }, 180_000);
});

it.each([
  [["ingest"]],
  [["import", "crmledger.yaml", "--dry-run"]],
  [["status"]],
  [["failed"]],
  [["retry-failed", "--all"]],
  [["backup", "copy.db"]],
])(
  "%s on a ledger without its second half is refused",
  async (args) => {
    const size = calm.files.get(LEDGER_FILE)!.length;
    const cut = Math.floor(size / 8_192) * 4_096;
    const [half] = await tryAll(calm, [{ name: "half", file: LEDGER_FILE, cut }], args);
    expect(half!.end).toBe("74 ledgerDamaged");
  },
  180_000,
);
