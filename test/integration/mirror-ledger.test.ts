import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { pipedriveCapabilities } from "../../src/crm/pipedrive/capabilities.ts";
import type { AccountId } from "../../src/domain/ids.ts";
import type { Ledger } from "../../src/ledger/ledger.ts";
import { openSqliteLedger } from "../../src/ledger/sqlite/open.ts";
import { createMirror } from "../../src/mirror/create-mirror.ts";
import type { Mirror, Read } from "../../src/mirror/mirror.ts";
import { DirectoryCrm, type SteppedClock, steppedClock } from "../support/directory-crm.ts";
import { phone } from "../support/planner-fixture.ts";

let clock: SteppedClock;
let crm: DirectoryCrm;
let ledger: Ledger;
let accountId: AccountId;

beforeEach(async () => {
  clock = steppedClock();
  crm = new DirectoryCrm(clock);
  ledger = await openSqliteLedger({ path: ":memory:", create: true, nowMs: clock.wallMs() });
  accountId = await ledger.bindAccount({ vendor: "pipedrive", externalId: "1", name: "Acme" }, clock.wallMs());
});

afterEach(() => ledger.close());

function run(read: Read = crm.read): Mirror {
  clock.step(60_000);
  crm.log.length = 0;
  const capabilities = pipedriveCapabilities;
  return createMirror({
    ledger,
    accountId,
    capabilities,
    read,
    clock,
    phone,
    country: "EE",
    freshnessMs: 0,
    matchFields: [],
  });
}

const email = (address: string) => ({ keys: [`email:${address}`] });

describe("the mirror in a real ledger", () => {
  it("fills from cold for the price of its pages, and then takes one refresh a run", async () => {
    crm.fill(5000);
    const wanted = Array.from({ length: 500 }, (_, n) =>
      email(n < 300 ? `p${n * 7 + 1}@example.com` : `new${n}@example.com`),
    );
    const answers = await run().persons(wanted);
    expect(answers.filter((answer) => answer.candidates.length === 1)).toHaveLength(300);
    expect(crm.spent("list").tokens).toBeLessThanOrEqual(110);
    expect(crm.tokens - crm.spent("list").tokens).toBe(30);
    const again = await run().persons(wanted);
    expect(again.map((answer) => answer.candidates.length)).toEqual(answers.map((answer) => answer.candidates.length));
    expect(crm.tokens).toBe(10 + 30);
  });

  it("forgets who is gone only once a walk is whole, and keeps who we made during it", async () => {
    crm.fill(700);
    await ledger.mirrorSave({
      accountId,
      entity: "person",
      records: [crm.add({ id: "stale", emails: ["stale@example.com"] })],
      keys: { stale: ["email:stale@example.com"] },
      gone: [],
      state: null,
      nowMs: clock.wallMs(),
    });
    crm.remove("stale");
    const mine = crm.add({ id: "900000", emails: ["mine@example.com"] });
    crm.remove(mine.id);
    const read: Read = async (operation) => {
      const reply = await crm.read(operation);
      // Made after the page was read, recorded before it is kept.
      const keys = { [mine.id]: ["email:mine@example.com"] };
      const batch = { accountId, entity: "person" as const, records: [mine], keys, gone: [], state: null };
      if (operation.type === "list") await ledger.mirrorSave({ ...batch, nowMs: clock.wallMs() });
      return reply;
    };
    await run(read).persons([email("x@example.com"), email("y@example.com")]);
    const found = await ledger.mirrorFind(accountId, "person", ["email:stale@example.com", "email:mine@example.com"]);
    expect([...found.keys()]).toEqual(["email:mine@example.com"]);
  });

  it("finds organizations by their folded names", async () => {
    crm.add({ entity: "organization", name: "Analytical  ENGINES" });
    const [answer] = await run().organizations([{ keys: ["organization:analytical engines"] }]);
    expect(answer?.candidates).toHaveLength(1);
  });
});
