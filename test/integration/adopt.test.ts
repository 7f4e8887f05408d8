/** An earlier script lost some, doubled some and did some by halves: its audit says which, and after it each is there once. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { type CliWorld, createCliWorld, type Ran, WEBSITE } from "../support/cli-world.ts";
import { deliver, type Export, exported } from "../support/old-script.ts";

const HOUR_MS = 3_600_000;
let world: CliWorld;

beforeEach(async () => {
  world = await createCliWorld();
  world.config(WEBSITE);
});
afterEach(() => world.close());

const give = (all: readonly Export[]): void =>
  void world.write("export.jsonl", all.map((one) => `${JSON.stringify(one)}\n`).join(""));

const verdicts = ({ json }: Ran): Record<string, string> =>
  Object.fromEntries(json.items.map((item: { key: string; verdict: string }) => [item.key, item.verdict]));

const live = <T extends { is_deleted: boolean }>(records: readonly T[]): T[] =>
  records.filter((one) => !one.is_deleted);

/** Thirty submissions of the last hours, and what the script made of them. */
function oldDays(): Export[] {
  const { simulator } = world;
  const startMs = Date.now() - 20 * HOUR_MS;
  const all = Array.from({ length: 30 }, (_, number) => exported(`s${number}`, startMs + number * 600_000));
  for (const [number, one] of all.entries()) {
    if (number === 3 || number === 17) continue;
    if (number === 5) deliver(simulator, one, { stopsBefore: "deal" });
    else if (number === 8) deliver(simulator, one, { stopsBefore: "note" });
    else if (number === 11) deliver(simulator, one, { title: "Web enquiry s11" });
    else deliver(simulator, one);
    if (number === 20) deliver(simulator, one, { stopsBefore: "note" });
  }
  return all;
}

test("the audit names what was lost, halved and doubled, and writes nothing", async () => {
  give(oldDays());
  const before = JSON.stringify(world.simulator.records);
  const audit = await world.run("adopt", "--dry-run", "--json", "export.jsonl");
  expect(audit.code).toBe(3);
  expect(audit.json.counts).toEqual({
    matched: 25,
    probably: 1,
    half: 2,
    missing: 2,
    known: 0,
    doubles: 1,
    rejected: 0,
  });
  expect(verdicts(audit)).toMatchObject({ s3: "missing", s17: "missing", s5: "half", s8: "half", s11: "probably" });
  expect(audit.json).toMatchObject({ dryRun: true, takenOver: 0, queued: 0, stopped: null, hold: null });
  const double = audit.json.items.find((item: { key: string }) => item.key === "s20");
  expect(double).toMatchObject({ verdict: "matched", action: "left" });
  expect(double.doubles).toHaveLength(1);
  expect(double.crm.map((record: { type: string }) => record.type)).toEqual(["person", "deal", "note"]);
  expect(double.crm[1].link).toContain(`/deal/${double.crm[1].id}`);
  expect(JSON.stringify(world.simulator.records)).toBe(before);
  const text = await world.run("adopt", "--dry-run", "export.jsonl");
  expect(text.out).toContain(
    "Of 30 submissions your script delivered 26 (1 of them probably), 2 are half there, 2 are not in the CRM. 1 deal is there once too often.",
  );
  // All by pages: thirty persons, deals and notes cost a handful of requests.
  expect(audit.json.requests.total).toBeLessThan(15);
});

test("after adopt, --send-missing and a sync each is there once, stamped, and nothing is new or wrong", async () => {
  give(oldDays());
  const { records, stampField } = world.simulator;
  const adopted = await world.run("adopt", "--send-missing", "--json", "export.jsonl");
  expect(adopted.code).toBe(3);
  expect(adopted.json).toMatchObject({ takenOver: 25, queued: 29 });
  const open = adopted.json.items.filter(({ action }: { action: string }) => action === "kept");
  expect(open).toMatchObject([{ key: "s11", verdict: "probably" }]);
  expect((await world.run("sync", "--json")).json).toMatchObject({ drained: { done: 29, failed: 0 }, remaining: 0 });
  const code = stampField("deal")!;
  const stamps = live(records.deals).map((deal) => deal.custom_fields[code] ?? null);
  const expected = Array.from({ length: 30 }, (_, number) => `website/s${number}`).filter(
    (name) => name !== "website/s11",
  );
  expect(stamps.filter((stamp) => stamp !== null).sort()).toEqual([...expected].sort());
  // The one that nobody was asked about, and the double that the script made.
  expect(stamps.filter((stamp) => stamp === null)).toHaveLength(2);
  expect(live(records.persons)).toHaveLength(30);
  expect(live(records.notes)).toHaveLength(30);
  const again = await world.run("import", "--source", "website", "--json", "export.jsonl");
  expect(again.json).toMatchObject({ new: 0, duplicate: 30 });
});

test("a person at a terminal may take over the probable ones too; then the export holds nothing new", async () => {
  give(oldDays());
  const ran = await world.runWith({ answers: ["y"] }, "adopt", "--send-missing", "export.jsonl");
  expect(ran.code).toBe(0);
  expect(ran.err).toContain("s11");
  await world.run("sync");
  expect((await world.run("import", "--source", "website", "--json", "export.jsonl")).json).toMatchObject({
    new: 0,
    duplicate: 30,
  });
  expect((await world.run("adopt", "--dry-run", "--json", "export.jsonl")).json.counts).toMatchObject({
    known: 30,
    missing: 0,
  });
  const check = await world.run("reconcile", "--json");
  expect(check.json).toMatchObject({ checked: 30, matched: 30, counts: {}, edits: {} });
  expect(check.code).toBe(0);
  const before = live(world.simulator.records.deals).length;
  await world.run("sync");
  expect(live(world.simulator.records.deals)).toHaveLength(before);
});
