/** Which record of an earlier script is which submission's, and what is said where none is, or several are. */
import { describe, expect, test } from "vitest";
import { sameNote } from "../../src/crm/pipedrive/note-text.ts";
import { emptyRecord } from "../../src/domain/empty-record.ts";
import type { CrmRecord } from "../../src/domain/operation.ts";
import type { Finding, Wanted } from "../../src/reconcile/adopt.ts";
import { match } from "../../src/reconcile/adopt-match.ts";

const HOUR = 3_600_000;
const AT = Date.UTC(2026, 10, 20, 10, 0, 0);

const wanted = (more: Partial<Wanted> = {}): Wanted => ({
  submittedAtMs: AT,
  stamp: "website/a",
  person: { values: { name: "Ada" }, onMatch: "fillEmpty", matchKeys: ["email:ada@example.com"] },
  organization: false,
  deal: { title: "Website: Engine", value: 1200, currency: "EUR", shared: false },
  notes: [],
  format: "text",
  ...more,
});
const person = (id = "1"): CrmRecord => emptyRecord("person", id);
const deal = (id: string, more: Partial<CrmRecord> = {}): CrmRecord => ({
  ...emptyRecord("deal", id),
  ...{ title: "Website: Engine", value: 1200, currency: "EUR", personId: "1", createdAtMs: AT + HOUR },
  ...more,
});
const note = (id: string, text: string, more: Partial<CrmRecord> = {}): CrmRecord => ({
  ...emptyRecord("note", id),
  ...{ text, personId: "1", createdAtMs: AT + HOUR },
  ...more,
});

/** All submissions are of the same person, unless there is none. */
function found(
  sought: readonly Wanted[],
  deals: readonly CrmRecord[],
  notes: readonly CrmRecord[] = [],
  persons: readonly CrmRecord[] = [person()],
): Finding[] {
  return match(sought, { persons: sought.map(() => persons), deals, notes }, sameNote);
}
const one = (...given: Parameters<typeof found>): Finding => found(...given)[0]!;
const dealsOf = (findings: readonly Finding[]) => findings.map((finding) => finding.deal?.id ?? null);

describe("a submission with a deal", () => {
  test("is matched by title, value and time, whatever the case of the title", () => {
    const finding = one([wanted()], [deal("61", { title: " website:  ENGINE " })]);
    expect(finding).toMatchObject({ verdict: "matched", person: "1", reason: "Person 1 and deal 61 are there." });
    expect(finding.deal?.id).toBe("61");
  });

  test.each([
    ["another value", { value: 900 }, "its value is 900 instead of 1200"],
    ["another currency", { currency: "USD" }, "its currency is USD instead of EUR"],
    ["a title that is worded differently", { title: "Engine (website form)" }, 'its title is "Engine (website form)"'],
    ["a title that has nothing in common", { title: "New lead" }, 'its title is "New lead"'],
    [
      "a local time that was read as UTC",
      { createdAtMs: AT - 2 * HOUR },
      "it was made 2 h before the submission (a time zone?)",
    ],
    ["a late delivery", { createdAtMs: AT + 96 * HOUR }, "it was made 4 days later"],
  ])("is probably there with %s, which is named", (_, more, why) => {
    const finding = one([wanted()], [deal("61", more)]);
    expect(finding).toMatchObject({ verdict: "probably", reason: `Person 1 and deal 61 are there, but ${why}.` });
  });

  test.each([
    ["no deal", []],
    ["a deal of long before", [deal("61", { createdAtMs: AT - 100 * HOUR })]],
    ["a deal of long after", [deal("61", { createdAtMs: AT + 30 * 24 * HOUR })]],
    ["another matter of other days", [deal("61", { title: "Renewal", createdAtMs: AT + 72 * HOUR })]],
    ["a deal that a colleague made by hand", [deal("61", { title: "Renewal", byApi: false })]],
    ["a deal with another submission's stamp", [deal("61", { stamp: "website/b" })]],
  ])("is half there with its person and %s", (_, deals) => {
    expect(one([wanted()], deals)).toMatchObject({ verdict: "half", person: "1", deal: null });
  });

  test("is missing without its person", () => {
    expect(one([wanted()], [], [], [])).toMatchObject({ verdict: "missing", person: null, deal: null });
    expect(one([wanted({ person: null })], [deal("61")], [], [])).toMatchObject({ verdict: "missing" });
  });

  test("whose person was deleted is probably there, by the deal that hangs on nobody", () => {
    const finding = one([wanted()], [deal("61", { personId: null })], [], []);
    expect(finding).toMatchObject({ verdict: "probably", person: null });
    expect(finding.deal?.id).toBe("61");
    // While the person is there, a deal of nobody is nobody's.
    expect(one([wanted()], [deal("61", { personId: null })])).toMatchObject({ verdict: "half" });
  });

  test("counts as delivered where people deleted or archived the deal", () => {
    expect(one([wanted({ notes: ["Hi"] })], [deal("61", { deleted: true })])).toMatchObject({ verdict: "matched" });
    const both = one([wanted()], [deal("61", { deleted: true }), deal("70")]);
    expect(both.deal?.id).toBe("70");
    expect(both.doubles).toEqual([]);
  });

  test("without a title or a time is never sure", () => {
    const untitled = wanted({ deal: { title: null, value: null, currency: null, shared: false } });
    expect(one([untitled], [deal("61")])).toMatchObject({ verdict: "probably" });
    expect(one([wanted({ submittedAtMs: null })], [deal("61")])).toMatchObject({ verdict: "probably" });
  });

  test("that has our stamp already is matched, whatever people made of it", () => {
    const edited = deal("61", { stamp: "website/a", title: "Won!", value: 5, createdAtMs: AT + 900 * HOUR });
    expect(one([wanted()], [edited])).toMatchObject({ verdict: "matched" });
  });
});

describe("several submissions of one person", () => {
  const at = (hours: number) => wanted({ submittedAtMs: AT + hours * HOUR, stamp: `website/${hours}` });

  test("take the deals that were made soonest after them, each once", () => {
    const findings = found(
      [at(0), at(5), at(10)],
      [deal("3", { createdAtMs: AT + 11 * HOUR }), deal("1"), deal("2", { createdAtMs: AT + 6 * HOUR })],
    );
    expect(dealsOf(findings)).toEqual(["1", "2", "3"]);
  });

  test("of which one was lost leave that one half there", () => {
    const findings = found([at(0), at(5), at(10)], [deal("1"), deal("3", { createdAtMs: AT + 11 * HOUR })]);
    expect(findings.map(({ verdict }) => verdict)).toEqual(["matched", "half", "matched"]);
  });

  test("are told apart by their notes, not by time alone", () => {
    const [first, second] = [at(0), at(1)].map((sought, index) => ({ ...sought, notes: [`Order number ${index}`] }));
    const deals = [deal("1", { createdAtMs: AT + 20 * HOUR })];
    const findings = found([first!, second!], deals, [note("9", "Order number 0", { dealId: "1" })]);
    expect(dealsOf(findings)).toEqual(["1", null]);
  });

  test("make room for each other: none goes without while a deal is left that serves", () => {
    // The deal nearest to the second is the only one that the first can have.
    const findings = found(
      [at(0), at(46)],
      [deal("1", { createdAtMs: AT + 46.5 * HOUR }), deal("2", { createdAtMs: AT + 60 * HOUR })],
    );
    expect(dealsOf(findings)).toEqual(["1", "2"]);
    expect(findings.map(({ doubles }) => doubles)).toEqual([[], []]);
  });

  test("may be on one deal where the source's deals are shared", () => {
    const shared = [at(0), at(1)].map((sought) => ({ ...sought, deal: { ...sought.deal!, shared: true } }));
    expect(dealsOf(found(shared, [deal("1", { createdAtMs: AT + 2 * HOUR })]))).toEqual(["1", "1"]);
  });
});

test("a deal that was made twice is named as a double, one that another submission explains is not", () => {
  const twice = one([wanted()], [deal("61"), deal("62", { createdAtMs: AT + 2 * HOUR }), deal("63", { value: 1 })]);
  expect(twice).toMatchObject({ verdict: "matched", doubles: ["62"] });
  expect(twice.reason).toContain("It was made 2 times: also 62.");
});

describe("notes", () => {
  const sought = wanted({ notes: ["Please call me on Monday.\nBudget: 500"] });

  test("as the CRM stores them are there; markup and entities make no difference", () => {
    const stored = note("9", "Please call me on Monday.<br>Budget: 500", { dealId: "61" });
    expect(one([sought], [deal("61")], [stored])).toMatchObject({ verdict: "matched", notes: ["9"] });
  });

  test("that another program worded are found by what they hold", () => {
    const stored = note("9", "<b>Message</b>: please call me on Monday. <i>Budget</i>: 500", { dealId: "61" });
    const finding = one([sought], [deal("61")], [stored]);
    expect(finding).toMatchObject({ verdict: "matched", notes: ["9"] });
    expect(finding.reason).toContain("worded differently");
  });

  test("of another matter, or of another submission, are not", () => {
    const others = [
      note("9", "Called, wants more time.", { dealId: "61", createdAtMs: AT + 3 * HOUR }),
      note("8", sought.notes[0]!, { dealId: "61", stamp: "website/b" }),
    ];
    expect(one([sought], [deal("61")], others)).toMatchObject({ verdict: "half", notes: [null] });
  });

  test("that were made with the deal and say something else are for a person to judge", () => {
    const finding = one([sought], [deal("61")], [note("9", "New lead from the website!", { dealId: "61" })]);
    expect(finding).toMatchObject({ verdict: "probably", notes: ["9"] });
  });

  test("that one program joined serve for all that they hold", () => {
    const two = wanted({ notes: ["Please call me on Monday.", "Our budget is five hundred."] });
    const joined = note("9", "Please call me on Monday. Our budget is five hundred.", { dealId: "61" });
    expect(one([two], [deal("61")], [joined])).toMatchObject({ verdict: "matched", notes: ["9", "9"] });
    const first = note("9", "Please call me on Monday.", { dealId: "61" });
    const half = one([two], [deal("61")], [first]);
    expect(half).toMatchObject({ verdict: "half", notes: ["9", null] });
    expect(half.reason).toContain("1 of its 2 notes are not");
  });

  test("decide where there is no deal", () => {
    const noDeal = wanted({ deal: null, notes: ["Please call me on Monday."] });
    expect(one([noDeal], [], [note("9", "Please call me on Monday.")])).toMatchObject({
      verdict: "matched",
      notes: ["9"],
    });
    expect(one([noDeal], [], [note("9", "MONDAY: please call me")])).toMatchObject({ verdict: "probably" });
    expect(one([noDeal], [], [])).toMatchObject({ verdict: "half" });
    expect(one([wanted({ deal: null })], [], [])).toMatchObject({ verdict: "matched" });
  });

  test("are taken once: the same text twice needs two of them", () => {
    const texts = [
      wanted({ deal: null, notes: ["Hello there"] }),
      wanted({ deal: null, notes: ["Hello there"], stamp: "website/b" }),
    ];
    const verdicts = found(texts, [], [note("9", "Hello there")]).map(({ verdict }) => verdict);
    expect(verdicts).toEqual(["matched", "half"]);
  });
});
