import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { EntityValues, MatchMode, StepContent } from "../../src/domain/chain.ts";
import { noteReference } from "../../src/domain/stamp.ts";
import { notePieces } from "../../src/planner/delivered-notes.ts";
import { difference } from "../../src/planner/difference.ts";
import { sharedDifference } from "../../src/planner/merge-persons.ts";
import { htmlOfText, sentLength, splitText } from "../../src/planner/note-text.ts";
import { planNotes } from "../../src/planner/plan-notes.ts";
import { context, phone, record } from "../support/planner-fixture.ts";

const messy = fc
  .array(
    fc.oneof(fc.constantFrom("&", "<", ">", "\n", " ", '"', "\u{1F600}", "\u00E4", "word ", "\r\n"), fc.string()),
    {
      maxLength: 200,
    },
  )
  .map((parts) => parts.join(""));

describe("notes of a revision", () => {
  it("are only those that no earlier version brought, however they were cut, marked and split", () => {
    fc.assert(
      fc.property(
        fc.array(messy, { maxLength: 4 }),
        fc.integer({ min: 60, max: 300 }),
        fc.boolean(),
        fc.constantFrom("text" as const, "html" as const),
        (texts, lengthMax, reference, format) => {
          const settings = { reference, format };
          const planned = (notes: readonly string[], stamp: string, delivered: readonly string[] = []) =>
            planNotes({ notes, badValues: [], stamp, settings, lengthMax, delivered });
          const earlier = planned(texts, "website/wf_1").map((content) => ({
            ...{ entity: "note" as const, action: "create" as const, crmId: "1" },
            content,
          }));
          const delivered = notePieces(earlier);
          expect(planned(texts, "website/wf_1~r2", delivered)).toEqual([]);
          expect(planned([...texts, "Something else \u2603"], "website/wf_1~r2", delivered)).toHaveLength(1);
        },
      ),
    );
  });
});

describe("long notes", () => {
  it("are cut into pieces that each fit as sent, between characters, and lose nothing but the space at a cut", () => {
    fc.assert(
      fc.property(
        messy,
        fc.integer({ min: 16, max: 120 }),
        fc.constantFrom("text" as const, "html" as const),
        (text, max, format) => {
          const clean = text.replace(/\p{Surrogate}/gu, "?");
          const pieces = splitText(clean, format, max);
          for (const piece of pieces) {
            expect(sentLength(piece, format)).toBeLessThanOrEqual(max);
            expect(/\p{Surrogate}/u.test(piece)).toBe(false);
          }
          const solid = (of: string) => of.replace(/[\n ]/g, "");
          expect(solid(pieces.join(""))).toBe(solid(clean));
        },
      ),
    );
  });

  it("are numbered, each with its reference as the last line, and fit with it", () => {
    fc.assert(
      fc.property(
        fc.array(messy, { maxLength: 4 }),
        fc.integer({ min: 60, max: 400 }),
        fc.boolean(),
        (notes, max, reference) => {
          const settings = { reference, format: "text" as const };
          const stamp = "website/wf_1";
          const made = planNotes({ notes, badValues: [], stamp, settings, lengthMax: max });
          for (const [index, { values, reference: mark }] of made.entries()) {
            expect(sentLength(values.text ?? "", "text")).toBeLessThanOrEqual(max);
            expect(mark).toBe(reference ? noteReference(stamp, index + 1, made.length) : null);
            if (mark) expect(values.text?.split("\n").at(-1)).toBe(mark);
          }
          const shown = new Set(made.map(({ values }) => values.text));
          if (reference) expect(shown.size).toBe(made.length);
        },
      ),
    );
  });

  it("never hold markup that the text did not mean", () => {
    fc.assert(fc.property(messy, (text) => !/<(?!br>)|&(?!amp;|lt;|gt;|quot;|#39;)/.test(htmlOfText(text))));
  });
});

const emails = fc.array(fc.constantFrom("a@example.com", " A@Example.com", "b@example.com", "not mail"), {
  maxLength: 3,
});
const phones = fc.array(fc.constantFrom("+37251234567", "5123 4567", "5000 0000", "ask"), { maxLength: 3 });
const fields = fc.record({ c_a: fc.constantFrom("1", "2"), c_b: fc.constantFrom("1", null) }, { requiredKeys: [] });
const values: fc.Arbitrary<EntityValues> = fc.record(
  {
    name: fc.constantFrom("Ada", "Ada King", "a@example.com"),
    emails,
    phones,
    labelIds: fc.uniqueArray(fc.constantFrom("1", "2", "3")),
    ownerId: fc.constantFrom("31"),
    fields: fc.record({ c_a: fc.constantFrom("1", "2"), c_b: fc.constantFrom("1") }, { requiredKeys: [] }),
  },
  { requiredKeys: [] },
);
const content: fc.Arbitrary<StepContent> = fc.record({
  values,
  onMatch: fc.constantFrom<MatchMode>("fillEmpty", "overwrite", "keep"),
});
const person = fc
  .record({
    name: fc.constantFrom(null, "", "Ada", "a@example.com"),
    emails,
    phones,
    fields,
    labelIds: fc.constantFrom<string[]>([], ["1"]),
  })
  .map((over) => record(over));

describe("updates of a known person", () => {
  const written = (there: ReturnType<typeof record>, changes: EntityValues) => ({
    ...there,
    ...changes,
    fields: { ...there.fields, ...changes.fields },
  });

  it("once written, ask for nothing more", () => {
    fc.assert(
      fc.property(content, person, (of, there) => {
        const changes = difference(of, there, context());
        if (changes !== null) expect(difference(of, written(there, changes), context())).toBeNull();
      }),
    );
  });

  it("keep every e-mail and phone in its place, and add none twice", () => {
    fc.assert(
      fc.property(fc.array(content, { minLength: 1, maxLength: 4 }), person, (contents, there) => {
        const changes = sharedDifference(contents, there, context());
        const whole = changes?.phones ?? there.phones;
        expect(whole.slice(0, there.phones.length)).toEqual(there.phones);
        const added = whole.slice(there.phones.length).map((text) => phone(text, "EE") ?? text);
        expect(new Set(added).size).toBe(added.length);
        expect((changes?.emails ?? there.emails).slice(0, there.emails.length)).toEqual(there.emails);
        expect(changes?.ownerId).toBeUndefined();
      }),
    );
  });

  it("with fillEmpty never touch what is filled", () => {
    fc.assert(
      fc.property(content, person, (of, there) => {
        const changes = difference({ ...of, onMatch: "fillEmpty" }, there, context());
        for (const code of Object.keys(changes?.fields ?? {})) expect(there.fields[code] ?? null).toBeNull();
        if (there.name === "Ada") expect(changes?.name).toBeUndefined();
      }),
    );
  });
});
