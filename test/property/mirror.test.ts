import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { pipedriveCapabilities } from "../../src/crm/pipedrive/capabilities.ts";
import { emailKey, phoneKey } from "../../src/domain/identity.ts";
import type { AccountId } from "../../src/domain/ids.ts";
import { personKeys } from "../../src/domain/record-keys.ts";
import { createMirror } from "../../src/mirror/create-mirror.ts";
import { pagesTokens } from "../../src/mirror/price.ts";
import { DirectoryCrm, steppedClock } from "../support/directory-crm.ts";
import { mirrorInMemory } from "../support/mirror-memory.ts";
import { phone } from "../support/planner-fixture.ts";

function bench() {
  const clock = steppedClock();
  const crm = new DirectoryCrm(clock);
  const ledger = mirrorInMemory();
  const options = { phone, country: "EE", matchFields: [] };
  const run = () => {
    clock.step(7000);
    const accountId = 1 as AccountId;
    return createMirror({
      ledger,
      accountId,
      capabilities: pipedriveCapabilities,
      read: crm.read,
      clock,
      freshnessMs: 0,
      ...options,
    });
  };
  return { clock, crm, run, options };
}

/** Tokens for finding out, without those for reading what was found. */
const finding = (crm: DirectoryCrm): number => crm.spent("list").tokens + crm.spent("search").tokens;

describe("what look-ups cost", () => {
  it("over any sequence of runs is at most four times the best in hindsight", async () => {
    const sequence = fc.record({
      size: fc.integer({ min: 0, max: 6000 }),
      runs: fc.array(fc.integer({ min: 1, max: 8 }), { minLength: 1, maxLength: 60 }),
    });
    await fc.assert(
      fc.asyncProperty(sequence, async ({ size, runs }) => {
        const { crm, run } = bench();
        crm.fill(size);
        let serial = 0;
        for (const lookups of runs) {
          const keys = Array.from({ length: lookups }, () => {
            serial += 1;
            return emailKey(serial % 2 === 0 ? `p${(serial * 37) % (size + 1)}@example.com` : `n${serial}@example.com`);
          });
          await run().persons(keys.map((key) => ({ keys: [key] })));
        }
        const searches = serial * 20;
        const pages = pagesTokens(size, 500, 10) + runs.length * 10;
        expect(finding(crm)).toBeLessThanOrEqual(4 * Math.min(searches, pages));
      }),
      { numRuns: 60 },
    );
  });

  it.each([
    [300, 10],
    [5000, 100],
    [10_000, 200],
  ])(
    "with one look-up a run settles at a refresh a run (%i persons, a walk of %i tokens)",
    async (size, walkTokens) => {
      const { crm, run } = bench();
      crm.fill(size);
      for (let n = 0; n < 1440; n += 1) await run().persons([{ keys: [emailKey(`n${n}@example.com`)] }]);
      expect(finding(crm)).toBeLessThanOrEqual(1440 * 10 + 4 * walkTokens);
      expect(crm.log.slice(-500).every((each) => each.type === "list")).toBe(true);
    },
  );
});

type Step = { type: "add" | "change" | "remove" | "archive" | "look"; who: number; how: "email" | "phone" };

describe("what look-ups say", () => {
  it("never takes somebody for new who is there, never offers somebody who is not, whatever others do", async () => {
    const step: fc.Arbitrary<Step> = fc.record({
      type: fc.constantFrom("add", "add", "change", "remove", "archive", "look", "look", "look"),
      who: fc.integer({ min: 1, max: 12 }),
      how: fc.constantFrom("email", "phone"),
    });
    const address = (who: number) => `p${who}@example.com`;
    const number = (who: number) => `510000${10 + who}`;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), fc.integer({ min: 0, max: 1200 }), async (steps, crowd) => {
        const { crm, run, options } = bench();
        crm.fill(crowd, 86_400_000);
        for (const { type, who, how } of steps) {
          const [id] = [...crm.records.keys()].slice(-who);
          if (type === "add") crm.add(how === "email" ? { emails: [address(5000 + who)] } : { phones: [number(who)] });
          else if (type === "look") {
            const key = how === "email" ? emailKey(address(5000 + who)) : phoneKey(`+372${number(who)}`);
            const [answer] = await run().persons([{ keys: [key] }]);
            const truth = [...crm.records.values()]
              .filter((each) => !each.archived && personKeys(each, options).includes(key))
              .map((each) => each.id);
            const said = answer?.candidates.map((each) => each.id) ?? [];
            expect(said.length > 0).toBe(truth.length > 0);
            expect(truth).toEqual(expect.arrayContaining(said));
          } else if (id === undefined) continue;
          else if (type === "remove") crm.remove(id);
          else if (type === "archive") crm.change(id, { archived: true });
          else crm.change(id, how === "email" ? { emails: [address(5000 + who)] } : { phones: [number(who)] });
        }
      }),
      { numRuns: 100 },
    );
  });
});
