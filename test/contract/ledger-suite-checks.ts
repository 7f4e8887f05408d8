/** What a check keeps and what it can ask: part of the ledger's suite. */
import { describe, expect, test } from "vitest";
import { allOf, deliver, EVERYTHING, openCheck, see, sighting, stamped } from "../support/check-fixture.ts";
import { begun, claimed, crmRecord, incoming, planned, START_MS, take, turned } from "../support/ledger-fixture.ts";
import type { Subject } from "./ledger-suite.ts";

const HOUR = 3_600_000;

export function checkTests(subject: Subject): void {
  const bench = () => subject.bench;
  const ledger = () => subject.bench.ledger;

  describe("a check", () => {
    test("goes on where one of the same scope was stopped, for a while, and never after it has ended", async () => {
      const first = await openCheck(bench());
      await ledger().saveSightings(first.id, [], { part: "byId" }, bench().now.wallMs);
      bench().pass(HOUR);
      const open = (scope = EVERYTHING, withinMs = HOUR) =>
        ledger().openCheck(bench().account, bench().run, scope, bench().now.wallMs, withinMs);
      expect(await open()).toMatchObject({ id: first.id, progress: { part: "byId" }, summary: null, endedAtMs: null });
      expect((await open({ ...EVERYTHING, source: "website" })).id).not.toBe(first.id);
      expect((await open(EVERYTHING, 0)).id).not.toBe(first.id);
      bench().pass(2 * HOUR);
      const later = await open();
      expect(later.id).not.toBe(first.id);
      await ledger().finishCheck(later.id, { checked: 3 }, bench().now.wallMs);
      expect((await open()).id).not.toBe(later.id);
      expect(await ledger().lastCheck()).toMatchObject({ id: later.id, summary: { checked: 3 }, scope: EVERYTHING });
    });

    test("counts what is in its scope: a record that many wrote to once, and nothing that is never sent", async () => {
      expect(await ledger().lastCheck()).toBeNull();
      await deliver(bench(), { person: "5", deal: "61" });
      await deliver(bench(), { person: { id: "5", action: "match" }, deal: "62" }, { source: "shop" });
      await take(bench(), incoming({ history: true }), incoming({ submittedAtMs: START_MS - HOUR }));
      const sizeOf = async (scope = EVERYTHING) => await ledger().scopeSize(scope);
      expect(await sizeOf()).toEqual({ submissions: 3, records: { organization: 0, person: 1, deal: 2, note: 0 } });
      expect(await sizeOf({ ...EVERYTHING, source: "shop" })).toMatchObject({ submissions: 1, records: { deal: 1 } });
      const old = { source: null, sinceMs: null, untilMs: START_MS };
      expect(await sizeOf(old)).toEqual({ submissions: 1, records: { organization: 0, person: 0, deal: 0, note: 0 } });
    });

    test("asks for the records of done steps in its scope that it has not seen, each once, page by page", async () => {
      await deliver(bench(), { person: "9", deal: "61" });
      await deliver(bench(), { person: { id: "9", action: "match" }, deal: "62" });
      await deliver(bench(), { person: "10", deal: { id: null } }, {}, { to: "waiting", dueAtMs: START_MS + HOUR });
      await deliver(bench(), { person: "12" }, { source: "shop" });
      const check = await openCheck(bench(), { ...EVERYTHING, source: "website" });
      const ask = (entity: "person" | "deal", limit = 100) =>
        allOf((after, most) => ledger().unsighted(check.id, entity, after, most), limit);
      expect(await ask("person")).toEqual(["10", "9"]);
      expect(await ask("person", 1)).toEqual(["10", "9"]);
      expect(await ask("deal")).toEqual(["61", "62"]);
      await see(bench(), check, sighting("person", "9"), sighting("deal", "61", { state: "gone" }));
      expect(await ask("person")).toEqual(["10"]);
      expect(await ask("deal")).toEqual(["62"]);
      const next = await openCheck(bench());
      const all = await ledger().unsighted(next.id, "person", null, 100);
      expect(all).toEqual({ rows: ["10", "12", "9"], next: null });
      await deliver(bench(), { person: "7" }, { submittedAtMs: START_MS - HOUR });
      const old = await openCheck(bench(), { source: null, sinceMs: null, untilMs: START_MS });
      expect(await ledger().unsighted(old.id, "person", null, 100)).toEqual({ rows: ["7"], next: null });
    });

    test("finds the submission of a stamp: with slashes in its key, hashed, or unknown", async () => {
      const long = "k".repeat(300);
      const keys = ["plain", "a/b/c", long, " outer "];
      const made = [];
      for (const key of keys) made.push(await deliver(bench(), { person: "5" }, { key }));
      const stamps = made.map(({ stamp }) => stamp);
      expect(stamps[2]).toMatch(/^website\/sha256:/);
      const found = await ledger().stampedSubmissions([...stamps, "website/other", "no slash"]);
      expect([...found]).toEqual(made.map(({ stamp, id }) => [stamp, id]));
    });

    test("tells what is still to be sent and was never begun, entity by entity", async () => {
      const waiting = { to: "waiting" as const, dueAtMs: START_MS + HOUR };
      const whole = await deliver(bench(), { person: "5", deal: "61" });
      const half = await deliver(bench(), { person: "6", deal: { id: null } }, {}, waiting);
      const matched = await deliver(bench(), { person: { id: "6", action: "match" }, deal: { id: null } }, {}, waiting);
      await take(bench(), incoming({ key: "history", history: true }), incoming({ key: "new" }));
      const named = async (key: string) => (await ledger().findByName(key, []))[0]!.id;
      const ids = [whole.id, half.id, matched.id, await named("history"), await named("new")];
      const unsent = async (entity: "person" | "deal") => new Set(await ledger().neverSent(entity, ids));
      expect(await unsent("person")).toEqual(new Set([await named("new")]));
      expect(await unsent("deal")).toEqual(new Set([half.id, matched.id, await named("new")]));
      expect(await ledger().neverSent("deal", [])).toEqual([]);
    });

    test("tells what was written to a record in the order in which it was written, and what an update really sent", async () => {
      const sent = { values: { name: "Ada" }, organizationId: "3" };
      const late = { submittedAtMs: START_MS + HOUR };
      const first = await deliver(bench(), { person: { id: "5", content: { values: { name: "A" } } } }, late);
      const second = await deliver(bench(), { person: { id: "5", action: "update", sent } });
      const third = await deliver(bench(), { person: { id: "5", action: "match" }, deal: "5" });
      const writes = await ledger().ownWrites("person", ["5", "6", "5"]);
      expect([...writes.keys()]).toEqual(["5"]);
      const rows = writes.get("5")!;
      expect(rows.filter(({ action }) => action !== "match")).toMatchObject([
        {
          submissionId: first.id,
          key: first.key,
          name: "person",
          action: "create",
          content: { values: { name: "A" } },
        },
        { submissionId: second.id, action: "update", sent, writtenAtMs: bench().now.wallMs },
      ]);
      expect(rows[rows.length - 2]).toMatchObject({ sent: null, submittedAtMs: START_MS + HOUR });
      expect(rows.find(({ action }) => action === "match")).toMatchObject({
        submissionId: third.id,
        sent: null,
        writtenAtMs: null,
      });
    });
  });

  describe("lost records", () => {
    const lost = (check: { id: number }) => allOf((after, limit) => ledger().lostRecords(check.id, after, limit), 1);

    test("are named by the step that made them, and remember that they were once seen deleted", async () => {
      const made = await deliver(bench(), { person: "5", deal: "61" });
      await deliver(bench(), { person: { id: "5", action: "match" }, deal: "62" });
      const before = await openCheck(bench());
      await see(bench(), before, sighting("deal", "61", { state: "deleted" }));
      await ledger().finishCheck(before.id, {}, START_MS);
      const check = await openCheck(bench());
      await see(
        bench(),
        check,
        sighting("person", "5", { state: "hidden" }),
        sighting("deal", "61", { state: "gone" }),
        sighting("deal", "62", { state: "archived" }),
        sighting("deal", "63", { state: "deleted" }),
      );
      expect(await lost(check)).toMatchObject([
        { entity: "deal", crmId: "61", submissionId: made.id, sighting: { state: "gone", wasDeleted: true } },
        { entity: "person", crmId: "5", submissionId: made.id, email: expect.any(String), name: "person" },
      ]);
    });

    test("tell where what hung on them hangs now, and what stayed", async () => {
      const chain = { person: "5", organization: "3", deal: "61", "note.1": "71" } as const;
      await deliver(bench(), chain);
      await deliver(bench(), { person: { id: "5", action: "match" }, deal: "62" });
      const check = await openCheck(bench());
      await see(
        bench(),
        check,
        sighting("person", "5", { state: "gone" }),
        sighting("organization", "3", { state: "deleted" }),
        sighting("deal", "61", { personId: "8", organizationId: null }),
        sighting("deal", "62", { personId: "5" }),
        sighting("note", "71", { personId: "8", dealId: "61" }),
      );
      expect(await lost(check)).toMatchObject([
        { entity: "organization", movedTo: [], stayed: 1 },
        { entity: "person", movedTo: ["8"], stayed: 1 },
      ]);
      await see(bench(), check, sighting("deal", "61", { state: "gone" }), sighting("note", "71", { dealId: "90" }));
      expect(await lost(check)).toContainEqual(
        expect.objectContaining({ entity: "deal", crmId: "61", movedTo: ["90"], stayed: 0 }),
      );
    });

    test("name the records that could take their place, oldest first: by stamp, and by what they are matched with", async () => {
      const content = { matchKeys: ["email:ada@example.com"] };
      const made = await deliver(bench(), { person: { id: "5", content }, "note.1": "71", "note.2": "72" });
      const hit = (id: string, createdAtMs: number) =>
        crmRecord({ entity: "person", id, createdAtMs, emails: ["ada@example.com"] });
      const mirror = {
        accountId: bench().account,
        entity: "person" as const,
        keys: {},
        gone: [],
        state: null,
        nowMs: 1,
      };
      await ledger().mirrorSave({ ...mirror, records: [hit("7", 20), hit("8", 5), hit("9", 1)] });
      const check = await openCheck(bench());
      await see(
        bench(),
        check,
        sighting("person", "5", { state: "deleted" }),
        stamped(made, "person", "6", { createdAtMs: 10 }),
        sighting("person", "9", { state: "gone" }),
        sighting("note", "72", { state: "gone" }),
        stamped(made, "note", "81", { part: 1 }),
        stamped(made, "note", "82", { part: 2 }),
      );
      const [note, person] = await lost(check);
      expect(person!.heirs).toEqual([
        { crmId: "8", createdAtMs: 5, by: "key" },
        { crmId: "6", createdAtMs: 10, by: "stamp" },
        { crmId: "7", createdAtMs: 20, by: "key" },
      ]);
      expect(note!.heirs.map(({ crmId }) => crmId)).toEqual(["82"]);
    });

    test("are those of the check's scope, and of no set-aside plan", async () => {
      await deliver(bench(), { person: "5" }, { source: "shop" });
      const ours = await deliver(bench(), { person: { id: "5", action: "match" } });
      const check = await openCheck(bench(), { ...EVERYTHING, source: "website" });
      await see(bench(), check, sighting("person", "5", { state: "gone" }), sighting("deal", "61", { state: "gone" }));
      expect(await lost(check)).toMatchObject([{ submissionId: ours.id, action: "match" }]);
    });
  });

  describe("drift and links", () => {
    test("drift is told with our newest write to the record", async () => {
      await deliver(bench(), { person: "5" });
      const newest = await deliver(bench(), { person: { id: "5", action: "update" } });
      await deliver(bench(), { person: { id: "5", action: "match" } });
      const drift = [{ field: "name", expected: "Ada", actual: "Bob" }];
      const check = await openCheck(bench());
      await see(bench(), check, sighting("person", "5", { drift, byApi: true }), sighting("person", "6", { drift }));
      const rows = await allOf((after, limit) => ledger().driftedRecords(check.id, after, limit));
      expect(rows).toMatchObject([{ sighting: { crmId: "5", drift, byApi: true }, step: { submissionId: newest.id } }]);
      await see(bench(), check, sighting("person", "5"));
      expect((await ledger().driftedRecords(check.id, null, 10)).rows).toEqual([]);
    });

    test("drift is not told of what is being written, or was since the check began", async () => {
      await deliver(bench(), { person: "5", deal: "61" });
      await deliver(bench(), { person: "6" });
      const drift = [{ field: "name", expected: "Ada", actual: "Bob" }];
      const check = await openCheck(bench());
      bench().pass(HOUR);
      await deliver(bench(), { person: { id: "5", action: "update" } });
      await see(bench(), check, sighting("person", "5", { drift }), sighting("person", "6", { drift }));
      const told = async () =>
        (await ledger().driftedRecords(check.id, null, 10)).rows.map((row) => row.sighting.crmId);
      expect(await told()).toEqual(["6"]);
      await take(bench(), incoming({ key: "lost" }));
      const claim = (await claimed(bench(), { limit: 1 }))[0]!;
      const { submissions, claimId } = claim;
      const step = planned(submissions[0]!, "person");
      const content = { ...step.content, amends: { id: "6", keys: [] } as never };
      const plans = [{ claimId, submissionId: submissions[0]!.id, steps: [{ ...step, content }] }];
      const made = (await turned(bench(), { plans })).planned[0]!.steps[0]!;
      expect(await told()).toEqual(["6"]);
      await begun(bench(), claimId, made, "update");
      expect(await told()).toEqual([]);
    });

    test("a deal is held against the chain that made it, not against those that share it", async () => {
      const made = await deliver(bench(), { organization: "3", person: "5", deal: "61" });
      await deliver(bench(), { person: "6", deal: { id: "61", action: "match" } });
      await deliver(bench(), { person: "7", deal: { id: "62", action: "match" } });
      await deliver(bench(), { deal: "63" });
      const check = await openCheck(bench());
      await see(
        bench(),
        check,
        sighting("deal", "61", { personId: "5", organizationId: "3" }),
        sighting("deal", "62", { personId: "1" }),
        sighting("deal", "63", { personId: "1" }),
      );
      const links = () => allOf((after, limit) => ledger().mislinkedDeals(check.id, after, limit), 1);
      expect(await links()).toEqual([]);
      await see(bench(), check, sighting("deal", "61", { personId: "5", organizationId: null, state: "archived" }));
      expect(await links()).toMatchObject([
        { step: { submissionId: made.id }, sighting: { crmId: "61" }, personId: "5", organizationId: "3" },
      ]);
      await see(bench(), check, sighting("deal", "61", { state: "deleted" }));
      expect(await links()).toEqual([]);
    });
  });

  describe("what is not there yet", () => {
    test("unfinished ones tell what was written, what is open, and why it failed", async () => {
      const error = { code: "CRM_REFUSED", message: "no" };
      const person = { id: "5", action: "match" as const };
      const failed = await deliver(
        bench(),
        { organization: "3", person, deal: { id: null } },
        {},
        { to: "failed", error },
      );
      const later = { to: "waiting" as const, dueAtMs: START_MS + HOUR };
      const waiting = await deliver(bench(), { person: { id: null } }, { submittedAtMs: START_MS - 5 }, later);
      await deliver(bench(), { person: { id: null } }, { submittedAtMs: START_MS - 9 }, { to: "inProgress" });
      await take(bench(), incoming({ key: "later", source: "shop" }), incoming({ history: true }));
      const rows = await allOf((after, limit) => ledger().unfinished(EVERYTHING, after, limit), 1);
      expect(rows).toMatchObject([
        { submissionId: waiting.id, state: "waiting", written: [], open: ["person"], error: null },
        { key: "later", state: "pending", written: [], open: [], failedAtMs: null },
        { submissionId: failed.id, written: ["organization"], open: ["deal"], error, failedAtMs: START_MS },
      ]);
      const scope = { source: "website", sinceMs: START_MS, untilMs: START_MS + 1 };
      expect(await allOf((after, limit) => ledger().unfinished(scope, after, limit))).toHaveLength(1);
    });

    test("open rejects and conflicts come by source and time, oldest first", async () => {
      const reject = (source: string) => ({
        source,
        rawHash: `r-${source}`,
        raw: "x",
        reason: "no e-mail",
        origin: { file: "a.csv", line: 7 },
      });
      const rejects = [reject("website"), reject("shop")];
      await ledger().ingest(
        { runId: bench().run, submissions: [], rejects, progress: null, closesRejects: [] },
        bench().now,
      );
      const ask = (scope: typeof EVERYTHING) => allOf((after, most) => ledger().openRejects(scope, after, most), 1);
      expect(await ask(EVERYTHING)).toMatchObject([{ source: "website", line: 7, kind: "reject" }, { source: "shop" }]);
      expect(await ask({ ...EVERYTHING, source: "shop" })).toHaveLength(1);
      expect(await ask({ ...EVERYTHING, untilMs: START_MS })).toEqual([]);
    });
  });

  describe("identities that records share", () => {
    test("are told where one of the records is ours; a phone only where no e-mail says who it is", async () => {
      const ours = await deliver(bench(), { person: "5" });
      const record = (id: string, createdAtMs: number | null, emails: string[] = []) =>
        crmRecord({ entity: "person", id, createdAtMs, emails });
      const records = [
        record("5", 9, ["ada@example.com"]),
        record("10", 3, ["ada@example.com"]),
        record("9", 3, ["ADA@example.com"]),
        record("20", 1, ["bob@example.com"]),
        record("21", 1, ["bob@example.com"]),
        record("30", null),
      ];
      const keys = { 5: ["phone:+44"], 30: ["phone:+44"] };
      const batch = { accountId: bench().account, entity: "person" as const, gone: [], state: null, nowMs: 1 };
      await ledger().mirrorSave({ ...batch, records, keys });
      const check = await openCheck(bench());
      const groups = () => allOf((after, limit) => ledger().identityGroups(check.id, "person", after, limit), 1);
      expect(await groups()).toMatchObject([
        {
          key: "email:ada@example.com",
          records: [{ crmId: "9" }, { crmId: "10" }, { crmId: "5" }],
          step: { submissionId: ours.id },
        },
      ]);
      await see(
        bench(),
        check,
        sighting("person", "9", { state: "gone" }),
        sighting("person", "10", { state: "deleted" }),
      );
      expect(await groups()).toEqual([]);
      await ledger().mirrorSave({ ...batch, records: [record("5", 9)], keys });
      expect(await groups()).toMatchObject([{ key: "phone:+44" }]);
    });
  });
}
