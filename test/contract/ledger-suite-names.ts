import { describe, expect, test } from "vitest";
import type { Catalog, FieldDef } from "../../src/domain/catalog.ts";
import { incoming, START_MS, take } from "../support/ledger-fixture.ts";
import type { Subject } from "./ledger-suite.ts";

const SOURCE: FieldDef = {
  entity: "deal",
  code: "abc",
  name: "Source",
  type: "enum",
  custom: true,
  writable: true,
  required: false,
  options: [
    { id: "1", label: "Website" },
    { id: "2", label: "Webinar" },
  ],
};

const MEMBER = {
  path: "contact.phone",
  type: "text" as const,
  count: 20,
  firstNo: 1,
  lastNo: 20,
  mapped: true,
  lastKey: "r20",
};
const DRIFT = {
  ...{ path: "contact.phone", drift: "vanished" as const, begunNo: 20, count: 20, since: 5, before: null, after: null },
  ...{ mapped: true, lastKey: "r20", foundAtMs: START_MS, overAtMs: null },
};

export function nameTests(subject: Subject): void {
  describe("the shape of a source", () => {
    const ledger = () => subject.bench.ledger;

    test("is kept by layout; what is saved again takes the place of what was, and the rest stays", async () => {
      expect(await ledger().sourceShape("website", "tree")).toEqual({
        records: 0,
        tooMany: false,
        members: [],
        drifts: [],
      });
      const shape = { records: 25, tooMany: false, members: [MEMBER], drifts: [DRIFT] };
      await ledger().saveSourceShape("website", "tree", shape);
      await ledger().saveSourceShape("website", "flat", { ...shape, drifts: [] });
      const other = { ...MEMBER, path: "id" };
      await ledger().saveSourceShape("website", "tree", { records: 26, tooMany: true, members: [other], drifts: [] });
      const kept = { records: 26, tooMany: true, members: [MEMBER, other], drifts: [DRIFT] };
      expect(await ledger().sourceShape("website", "tree")).toEqual(kept);
    });

    test("tells what is open and was found lately, of all sources", async () => {
      const over = { ...DRIFT, path: "email", overAtMs: START_MS + 1 };
      const shape = { records: 25, tooMany: false, members: [], drifts: [DRIFT, over] };
      await ledger().saveSourceShape("website", "tree", shape);
      const { overAtMs: _, ...open } = DRIFT;
      expect(await ledger().sourceDrifts(START_MS)).toEqual([{ ...open, source: "website", layout: "tree" }]);
      expect(await ledger().sourceDrifts(START_MS + 1)).toEqual([]);
    });
  });

  describe("measurements", () => {
    test("the newest counts, and test records stay until they are gone", async () => {
      const { ledger, account } = subject.bench;
      expect(await ledger.lastMeasurement(account)).toBeNull();
      for (const atMs of [START_MS, START_MS + 1]) await ledger.saveMeasurement(account, { atMs, lags: [] } as never);
      expect(await ledger.lastMeasurement(account)).toEqual({ atMs: START_MS + 1, lags: [] });
      const record = {
        stamp: "crmledger-measure/a-1-person",
        entity: "person" as const,
        crmId: null,
        begunAtMs: START_MS,
      };
      await ledger.saveTestRecord(account, record);
      await ledger.saveTestRecord(account, { ...record, crmId: "7" as never });
      await ledger.saveTestRecord(account, record);
      expect(await ledger.testRecords(account)).toEqual([{ ...record, crmId: "7" }]);
      await ledger.forgetTestRecord(account, record.stamp);
      expect(await ledger.testRecords(account)).toEqual([]);
    });
  });

  describe("names of the CRM", () => {
    const ledger = () => subject.bench.ledger;
    let day = 0;
    const save = async (part: string, catalog: Partial<Catalog>): Promise<void> => {
      day += 1;
      await ledger().saveCatalog(subject.bench.account, part, catalog, START_MS + day);
    };
    const deal = (...fields: FieldDef[]) => save("fields:deal", { fields: { deal: fields } });
    const changes = async (sinceMs = 0) => {
      const found = await ledger().crmChanges(subject.bench.account, sinceMs, 100);
      return found.map(({ kind, id, change, before, after }) => `${kind} ${id} ${change} ${before} ${after}`);
    };
    const OTHER: FieldDef = { ...SOURCE, code: "other", name: "Other", options: [] };

    test("what is seen for the first time, seen again or written otherwise in case and spaces is no change", async () => {
      await deal(SOURCE);
      await deal({ ...SOURCE, name: " source" }, OTHER);
      await save("fields:person", { fields: { person: [{ ...SOURCE, entity: "person", name: "Elsewhere" }] } });
      await save("lastAtWork", {});
      expect(await changes()).toEqual([]);
    });

    test("a new name, another type, a new duty and an end are told, of a field and of its options", async () => {
      await deal(SOURCE, OTHER);
      const [website] = SOURCE.options;
      await deal({ ...SOURCE, name: "Lead source", options: [{ ...website!, label: "Web page" }] }, OTHER);
      expect(await changes()).toEqual([
        "option 2 removed Webinar null",
        "option 1 renamed Website Web page",
        "field abc renamed Source Lead source",
      ]);
      const soFar = START_MS + day + 1;
      await deal({ ...SOURCE, name: "Lead source", type: "varchar", required: true, options: [] });
      expect(await changes(soFar)).toEqual([
        "option 1 removed Web page null",
        "field other removed Other null",
        "field abc required null null",
        "field abc retyped enum varchar",
      ]);
      expect(await ledger().crmChanges(subject.bench.account, 0, 1)).toMatchObject([
        { kind: "option", entity: "deal", parent: "abc", id: "1", name: "Web page" },
      ]);
    });

    test("pipelines and stages are known by their ids", async () => {
      await save("pipelines", { pipelines: [{ id: "1", name: "Sales" }] });
      await save("stages", { stages: [{ id: "11", name: "New", pipelineId: "1" }] });
      await save("pipelines", { pipelines: [{ id: "1", name: "New business" }] });
      await save("stages", { stages: [{ id: "12", name: "New", pipelineId: "1" }] });
      const found = await ledger().crmChanges(subject.bench.account, 0, 100);
      expect(found.map(({ kind, parent, id, change }) => ({ kind, parent, id, change }))).toEqual([
        { kind: "stage", parent: "1", id: "11", change: "removed" },
        { kind: "pipeline", parent: null, id: "1", change: "renamed" },
      ]);
    });

    test("a list without anything is not believed", async () => {
      await deal(SOURCE);
      await deal();
      await deal(SOURCE);
      expect(await changes()).toEqual([]);
    });

    test("contents of what is not in the CRM yet come oldest first", async () => {
      await take(subject.bench, incoming({ key: "late", submittedAtMs: START_MS }));
      await take(
        subject.bench,
        incoming({ key: "early", submittedAtMs: START_MS - 1, content: { deal: { title: "Early" } } }),
      );
      expect((await ledger().openContents(1)).map(({ content }) => content)).toEqual([{ deal: { title: "Early" } }]);
      expect(await ledger().openContents(10)).toHaveLength(2);
    });
  });
}
