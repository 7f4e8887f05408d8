import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { StepContent } from "../../src/domain/chain.ts";
import { notePieces } from "../../src/planner/delivered-notes.ts";
import { notesAsBegun } from "../../src/planner/join-notes.ts";
import { type NotesInput, planNotes } from "../../src/planner/plan-notes.ts";
import { PLAN } from "../support/drain-rig.ts";

type Over = Omit<Partial<NotesInput>, "settings"> & { settings?: Partial<NotesInput["settings"]> };

function plan({ settings, ...over }: Over): StepContent[] {
  const wanted = { reference: true, format: "text" as const, join: true, ...settings };
  return planNotes({ notes: [], badValues: [], stamp: "website/wf_1", lengthMax: 1000, ...over, settings: wanted });
}
const texts = (contents: readonly StepContent[]) => contents.map(({ values }) => values.text);
/** As a later version sees them. */
const delivered = (contents: readonly StepContent[]) =>
  notePieces(contents.map((content) => ({ entity: "note", action: "create", crmId: "1", content })));
const bad = { path: "deal.value", label: "Budget", value: "lots", reason: "not a number" };

describe("joined notes", () => {
  it("are one, in their order, with one reference and the bad values where they would be", () => {
    const notes = ["First\nline", "", "Second"];
    expect(texts(plan({ notes, badValues: [bad] }))).toEqual([
      "First\nline\nBudget: lots\n\nSecond\nRef. website/wf_1",
    ]);
    expect(texts(plan({ notes, settings: { reference: false } }))).toEqual(["First\nline\n\nSecond"]);
    expect(texts(plan({ notes: ["<p>A</p>", "<p>B</p>"], settings: { format: "html" } }))).toEqual([
      "<p>A</p><br><br><p>B</p><br>Ref. website/wf_1",
    ]);
  });

  it("of a single text are what they were without", () => {
    const notes = ["Hello"];
    expect(plan({ notes })).toEqual(plan({ notes, settings: { join: false } }));
    expect(plan({})).toEqual([]);
  });

  it("that are too long are cut and numbered, and nothing is lost", () => {
    const notes = ["a ".repeat(60).trim(), "b ".repeat(60).trim()];
    const made = texts(plan({ notes, lengthMax: 100 }));
    expect(made.length).toBeGreaterThan(2);
    for (const text of made) expect(text).toMatch(/\nRef\. website\/wf_1 \(\d\/\d\)$/);
    const whole = made.map((text) => text!.replace(/\nRef.*$/, "")).join("");
    expect(whole.replace(/\s/g, "")).toBe("a".repeat(60) + "b".repeat(60));
  });
});

describe("a revision of joined notes", () => {
  it("brings what is new alone, and takes no line of a note for a note", () => {
    const first = plan({ notes: ["Hello\n\nI want a house", "Call me"] });
    const again = (...notes: string[]) =>
      texts(plan({ notes, delivered: delivered(first), settings: { reference: false } }));
    expect(again("Hello\n\nI want a house", "Call me", "Today")).toEqual(["Today"]);
    expect(again("Call me")).toEqual([]);
    expect(again("Hello")).toEqual(["Hello"]);
    expect(again("Call me", "New", "Newer")).toEqual(["New\n\nNewer"]);
  });

  it("knows each text again, however the joined note was cut, of whatever form", () => {
    const text = fc.stringMatching(/^[a-z<>& \n]{0,60}$/).filter((each) => each.trim() !== "");
    fc.assert(
      fc.property(
        fc.array(text, { minLength: 2, maxLength: 5 }),
        fc.integer({ min: 60, max: 300 }),
        fc.constantFrom("text" as const, "html" as const),
        fc.boolean(),
        (notes, lengthMax, format, reference) => {
          const settings = { format, reference };
          const first = plan({ notes, lengthMax, settings });
          const next = plan({ notes: [...notes, "0 new"], lengthMax, settings, delivered: delivered(first) });
          expect(texts(next).map((each) => each!.split(format === "html" ? "<br>" : "\n")[0])).toEqual(["0 new"]);
        },
      ),
      { numRuns: 300 },
    );
  });

  it("of which a piece is missing sends the text that is not there whole", () => {
    const notes = ["a".repeat(40), "b".repeat(80)];
    const made = plan({ notes, lengthMax: 100, settings: { reference: false } });
    expect(made).toHaveLength(2);
    const rest = plan({
      notes,
      lengthMax: 1000,
      settings: { reference: false },
      delivered: delivered(made.slice(0, 1)),
    });
    expect(texts(rest)).toEqual(["b".repeat(80)]);
  });
});

describe("a chain of which a note is at the CRM", () => {
  const settings = (join: boolean) => ({ ...PLAN, notes: { ...PLAN.notes, join } });
  const step = (state: "done" | "open" | "uncertain", content: StepContent) => ({
    entity: "note" as const,
    state,
    content,
  });
  const [joined] = plan({ notes: ["A", "B"] });
  const [apart] = plan({ notes: ["A", "B"], settings: { join: false } });

  it("keeps to the way in which its notes were planned, so that none is left out and none comes twice", () => {
    expect(notesAsBegun(settings(true), [step("done", apart!)]).notes.join).toBe(false);
    expect(notesAsBegun(settings(false), [step("uncertain", joined!)]).notes.join).toBe(true);
    expect(notesAsBegun(settings(true), [step("open", apart!)]).notes.join).toBe(true);
    expect(notesAsBegun(settings(true), []).notes.join).toBe(true);
  });
});
