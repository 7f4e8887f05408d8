/** Walks as `reconcile` takes them: whole, told of page by page, and resumed after a stop. */
import { beforeEach, describe, expect, it } from "vitest";
import { pipedriveCapabilities } from "../../src/crm/pipedrive/capabilities.ts";
import type { AccountId } from "../../src/domain/ids.ts";
import type { CrmRecord } from "../../src/domain/operation.ts";
import { personKeys } from "../../src/domain/record-keys.ts";
import type { MirrorDeps } from "../../src/mirror/mirror.ts";
import { beginWalk, type Walk, walkOn } from "../../src/mirror/walk.ts";
import { DirectoryCrm, type SteppedClock, steppedClock } from "../support/directory-crm.ts";
import { mirrorInMemory } from "../support/mirror-memory.ts";
import { phone } from "../support/planner-fixture.ts";

const ACCOUNT = 1 as AccountId;
const REFUSED = { type: "refused" as const, code: "400", message: "bad cursor" };

let clock: SteppedClock;
let crm: DirectoryCrm;
let ledger: ReturnType<typeof mirrorInMemory>;
let deps: MirrorDeps;

beforeEach(() => {
  clock = steppedClock();
  crm = new DirectoryCrm(clock);
  ledger = mirrorInMemory();
  deps = {
    ledger,
    accountId: ACCOUNT,
    capabilities: pipedriveCapabilities,
    read: crm.read,
    clock,
    phone,
    country: null,
    freshnessMs: 0,
    matchFields: [],
  };
});

const keysOf = (record: CrmRecord) => personKeys(record, deps);
const begin = async (options?: { full: boolean }): Promise<Walk> =>
  beginWalk(await ledger.mirrorState(ACCOUNT, "person"), clock.wallMs(), options);

async function walk(from: Walk, onPage?: (records: readonly CrmRecord[], at: Walk) => Promise<void>): Promise<boolean> {
  return await walkOn(deps, "person", from, Number.POSITIVE_INFINITY, keysOf, { onPage });
}

describe("a walk that reconcile asks for", () => {
  it("is whole even where a refresh would do, and tells of every record", async () => {
    crm.fill(1200);
    await walk(await begin());
    const seen: string[] = [];
    await walk(await begin({ full: true }), async (records) => {
      seen.push(...records.map(({ id }) => id));
    });
    expect(seen).toHaveLength(1200);
    expect(crm.spent("list").requests).toBe(6);
  });

  it("goes on where it was kept, with nothing missed and nothing swept that it had seen", async () => {
    crm.fill(1200);
    let kept = "";
    const seen = new Set<string>();
    const onPage = async (records: readonly CrmRecord[], at: Walk): Promise<void> => {
      for (const { id } of records) seen.add(id);
      kept = JSON.stringify(at);
      if (seen.size === 500) throw new Error("the process died");
    };
    await expect(walk(await begin({ full: true }), onPage)).rejects.toThrow("died");
    expect(await walk(JSON.parse(kept) as Walk, onPage)).toBe(true);
    expect([seen.size, ledger.size(), crm.spent("list").requests]).toEqual([1200, 1200, 3]);
  });

  it("starts again where the CRM knows its cursor no more, once", async () => {
    crm.fill(1200);
    crm.faults.push(null, REFUSED);
    const seen = new Set<string>();
    const done = await walk(await begin({ full: true }), async (records) => {
      for (const { id } of records) seen.add(id);
    });
    expect([done, seen.size, ledger.size()]).toEqual([true, 1200, 1200]);
    crm.faults.push(null, REFUSED, REFUSED);
    await expect(walk(await begin({ full: true }))).rejects.toMatchObject({ name: "LookupFailed" });
  });

  it("that was left lying while another was made takes nothing back of what that one saw", async () => {
    crm.fill(1200);
    const old = await begin({ full: true });
    await walk(await begin({ full: true }));
    await walk(await begin({ full: true }));
    const { walk: number } = await ledger.mirrorState(ACCOUNT, "person");
    await walk(old);
    expect((await ledger.mirrorState(ACCOUNT, "person")).walk).toBe(number);
    expect(ledger.size()).toBe(1200);
  });
});
