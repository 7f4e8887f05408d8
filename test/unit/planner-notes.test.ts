import { describe, expect, it } from "vitest";
import { type NotesInput, planNotes } from "../../src/planner/plan-notes.ts";

function notes(over: Partial<NotesInput> = {}): (string | undefined)[] {
  const settings = { reference: true, format: "text" as const };
  const input = { notes: [], badValues: [], stamp: "website/wf_1", settings, lengthMax: 1000, ...over };
  return planNotes(input).map(({ values }) => values.text);
}

const bad = { path: "deal.value", label: "Budget", value: "<lots & lots>", reason: "not a number" };

describe("notes", () => {
  it("end with their reference, numbered where there are several", () => {
    expect(notes({ notes: ["Hello\r\nthere"] })).toEqual(["Hello\nthere\nRef. website/wf_1"]);
    expect(notes({ notes: ["A", "", "B"] })).toEqual(["A\nRef. website/wf_1 (1/2)", "B\nRef. website/wf_1 (2/2)"]);
  });

  it("have none where that is switched off, but are numbered where one was cut", () => {
    const settings = { reference: false, format: "text" as const };
    expect(notes({ notes: ["A", "B"], settings })).toEqual(["A", "B"]);
    expect(notes({ notes: ["aaaaaaaaaaaaaaaa bbbbbbbbbbbbbbbb"], settings, lengthMax: 24 })).toEqual([
      "aaaaaaaaaaaaaaaa\n(1/2)",
      "bbbbbbbbbbbbbbbb\n(2/2)",
    ]);
  });

  it("are not made of nothing", () => {
    expect(notes({ notes: [" \n", ""] })).toEqual([]);
  });

  it("of HTML are passed through; what is added is escaped", () => {
    const settings = { reference: true, format: "html" as const };
    expect(notes({ notes: ["<b>Hi</b>"], badValues: [bad], settings, stamp: "a&b/1" })).toEqual([
      "<b>Hi</b><br>Budget: &lt;lots &amp; lots&gt;<br>Ref. a&amp;b/1",
    ]);
  });

  it("of HTML are not cut inside a tag or an entity", () => {
    const settings = { reference: false, format: "html" as const };
    const made = notes({ notes: [`<p class="x">${"&amp;".repeat(20)}</p>`], settings, lengthMax: 40 });
    expect(made.length).toBeGreaterThan(2);
    for (const text of made) expect(text?.replace(/<[^<>]*>|&amp;|\(\d+\/\d+\)/g, "")).toBe("");
  });

  it("of HTML with a tag too long for any note are cut all the same", () => {
    const settings = { reference: false, format: "html" as const };
    const image = `<img src="data:${"A".repeat(100)}">`;
    const made = notes({ notes: [image], settings, lengthMax: 40 });
    expect(made.map((text) => text?.replace(/<br>\(\d+\/\d+\)$/, "")).join("")).toBe(image);
  });

  it("are measured as they will be sent: escapes and line breaks count whole", () => {
    const made = notes({ notes: ["&".repeat(100)], lengthMax: 300 });
    expect(made.length).toBe(2);
    expect(made.map((text) => (text?.match(/&/g) ?? []).length)).toEqual([54, 46]);
  });

  it("hold no half characters", () => {
    expect(notes({ notes: ["a\uD83Db"] })).toEqual(["a\uFFFDb\nRef. website/wf_1"]);
  });
});
