import { beforeEach, describe, expect, it } from "vitest";
import { pipedriveCapabilities } from "../../src/crm/pipedrive/capabilities.ts";
import type { AccountId } from "../../src/domain/ids.ts";
import { createMirror } from "../../src/mirror/create-mirror.ts";
import { LookupFailed } from "../../src/mirror/lookup-failed.ts";
import type { Mirror, MirrorDeps } from "../../src/mirror/mirror.ts";
import { DirectoryCrm, type SteppedClock, steppedClock } from "../support/directory-crm.ts";
import { mirrorInMemory } from "../support/mirror-memory.ts";
import { phone } from "../support/planner-fixture.ts";

let clock: SteppedClock;
let crm: DirectoryCrm;
let ledger: ReturnType<typeof mirrorInMemory>;

beforeEach(() => {
  clock = steppedClock();
  crm = new DirectoryCrm(clock);
  ledger = mirrorInMemory();
});

/** The mirror of a new run, some time after the last one. */
function run(over: Partial<MirrorDeps> = {}): Mirror {
  clock.step(60_000);
  crm.log.length = 0;
  return createMirror({
    ledger,
    accountId: 1 as AccountId,
    capabilities: pipedriveCapabilities,
    read: crm.read,
    clock,
    phone,
    country: "EE",
    freshnessMs: 0,
    matchFields: [{ name: "Customer no.", code: "c_no" }],
    ...over,
  });
}

const email = (address: string) => ({ keys: [`email:${address}`] });
const reads = () => crm.log.map((each) => each.type);

describe("a cold mirror", () => {
  it("walks a directory that costs less than the searches, and reads who it found in batches", async () => {
    crm.fill(5000);
    const wanted = Array.from({ length: 500 }, (_, n) =>
      email(n < 300 ? `p${n * 7 + 1}@example.com` : `new${n}@example.com`),
    );
    const answers = await run().persons(wanted);
    expect(answers.filter((answer) => answer.candidates.length === 1)).toHaveLength(300);
    expect(crm.spent("list").tokens).toBeLessThanOrEqual(110);
    expect(crm.spent("readMany")).toEqual({ requests: 3, tokens: 30 });
    expect(crm.spent("search").requests).toBe(0);
  });

  it("searches a few in a large directory, and walks it once the searches add up", async () => {
    crm.fill(3000);
    let total = 0;
    const kinds: string[] = [];
    for (let n = 0; n < 40; n += 1) {
      const [answer] = await run().persons([email(`p${n * 50 + 1}@example.com`)]);
      expect(answer?.candidates.map((each) => each.id)).toEqual([String(n * 50 + 1)]);
      kinds.push(answer?.via ?? "");
      total += crm.tokens;
    }
    expect(kinds.slice(-30)).toEqual(Array(30).fill("mirror"));
    // 60 tokens of pages and 40 reads would have done for one who knew everything beforehand.
    expect(total).toBeLessThanOrEqual(4 * 60 + 40);
  });

  it("a walk that stopped early proves nothing and moves no watermark", async () => {
    crm.fill(5000);
    await run().persons([email("nobody@example.com")]);
    const state = await ledger.mirrorState(1 as AccountId, "person");
    expect([state.walkedAtMs, state.watermarkMs]).toEqual([null, null]);
    const [answer] = await run().persons([email("p4999@example.com")]);
    expect(answer?.candidates).toHaveLength(1);
  });

  it("goes on in the same run where a walk stopped", async () => {
    crm.fill(2400);
    const mirror = run();
    for (let n = 0; n < 4; n += 1) await mirror.persons([email(`new${n}@example.com`)]);
    expect(crm.spent("list").requests).toBe(5);
  });
});

describe("a warm mirror", () => {
  beforeEach(async () => {
    crm.fill(40);
    await run().persons([email("nobody@example.com")]);
  });

  it("asks nothing but the record itself for a known person", async () => {
    const [answer] = await run().persons([email("p7@example.com")]);
    expect(answer).toMatchObject({ via: "mirror", candidates: [{ id: "7" }] });
    expect(reads()).toEqual(["read"]);
  });

  it("takes one refresh for all unknown persons of a run", async () => {
    const mirror = run();
    await Promise.all([
      mirror.persons([email("a@example.com"), email("b@example.com")]),
      mirror.persons([email("c@example.com")]),
    ]);
    await mirror.persons([email("d@example.com")]);
    expect(reads()).toEqual(["list"]);
    expect(mirror.explain()).toEqual(["persons: 1 refresh (10 tokens) instead of 2 searches (40 tokens)"]);
    expect(mirror.counts).toEqual({ mirror: 4, search: 0 });
  });

  it("sees who was added or changed by somebody else since the last run", async () => {
    crm.add({ emails: ["New@Example.com"] });
    crm.change("7", { emails: ["moved@example.com"] });
    const answers = await run().persons([
      email("new@example.com"),
      email("moved@example.com"),
      email("p7@example.com"),
    ]);
    expect(answers.map((answer) => answer.candidates.map((each) => each.id))).toEqual([["41"], ["7"], []]);
  });

  it.each([0, 3_600_000])(
    "finds whom people merged since the run's refresh under the survivor (freshness %i)",
    async (freshnessMs) => {
      const mirror = run({ freshnessMs });
      await mirror.persons([email("a@example.com")]);
      clock.step(20_000);
      crm.remove("7");
      crm.change("3", { emails: ["p3@example.com", "p7@example.com"] });
      crm.change("4", { emails: ["p4@example.com", "p5@example.com"] });
      crm.change("5", { emails: [] });
      const answers = await Promise.all(
        ["p7@example.com", "p5@example.com"].map((each) => mirror.persons([email(each)])),
      );
      expect(answers.flat().map((answer) => answer.candidates.map((each) => each.id))).toEqual([["3"], ["4"]]);
    },
  );

  it("sees a change that the CRM dated in the minute before the last refresh", async () => {
    const late = crm.add({ emails: ["late@example.com"] });
    crm.remove(late.id);
    const mirror = run();
    await mirror.persons([email("x@example.com")]);
    crm.records.set(late.id, { ...late, updatedAtMs: crm.nowMs() - 50_000 });
    const [answer] = await run().persons([email("late@example.com")]);
    expect(answer?.candidates).toHaveLength(1);
  });

  it("does not refresh again within the configured freshness", async () => {
    await run({ freshnessMs: 3_600_000 }).persons([email("x@example.com")]);
    expect(reads()).toEqual([]);
    clock.step(3_600_000);
    await run({ freshnessMs: 3_600_000 }).persons([email("x@example.com")]);
    expect(reads()).toEqual(["list"]);
  });

  it("refreshes again in a long run", async () => {
    const mirror = run();
    await mirror.persons([email("x@example.com")]);
    clock.step(11 * 60_000);
    crm.add({ emails: ["y@example.com"] });
    const [answer] = await mirror.persons([email("y@example.com")]);
    expect(answer?.candidates).toHaveLength(1);
  });

  it("drops who is gone at the CRM, and who is archived, and then takes them for new", async () => {
    crm.remove("7");
    crm.change("8", { archived: true });
    const answers = await run().persons([email("p7@example.com"), email("p8@example.com")]);
    expect(answers.map((answer) => answer.candidates)).toEqual([[], []]);
    expect((await ledger.mirrorFind(1 as AccountId, "person", ["email:p7@example.com"])).size).toBe(0);
  });

  it("does not offer a record that has lost the key meanwhile", async () => {
    const mirror = run({ freshnessMs: 86_400_000 });
    crm.change("7", { emails: ["other@example.com"] });
    const answers = await mirror.persons([email("p7@example.com"), email("other@example.com")]);
    expect(answers[0]?.candidates).toEqual([]);
  });

  it("reads up to ten ids one by one and more in batches", async () => {
    const known = (count: number) => Array.from({ length: count }, (_, n) => email(`p${n + 1}@example.com`));
    await run().persons(known(10));
    expect(crm.tokens).toBe(10);
    expect(reads()).toEqual(Array(10).fill("read"));
    await run().persons(known(11));
    expect(reads()).toEqual(["readMany"]);
  });

  it("gives all persons of one identity, oldest first", async () => {
    const twin = crm.add({ emails: ["p7@example.com"] });
    await run().persons([email("nobody@example.com")]);
    const [answer] = await run().persons([email("p7@example.com")]);
    expect(answer?.candidates.map((each) => each.id)).toEqual(["7", twin.id]);
  });

  it("searches where so much changed that a refresh costs more", async () => {
    crm.fill(9000, 0);
    const [answer] = await run().persons([email("nobody@example.com")]);
    expect(answer).toMatchObject({ via: "search", candidates: [] });
    expect(crm.tokens).toBeLessThanOrEqual(60);
  });
});

describe("the watermark", () => {
  it.each([-3_600_000, 3_600_000])("is the CRM's clock, which is %i ms off ours", async (skewMs) => {
    crm.skewMs = skewMs;
    crm.fill(10);
    await run().persons([email("x@example.com")]);
    crm.add({ emails: ["new@example.com"] });
    const [answer] = await run().persons([email("new@example.com")]);
    expect(answer?.candidates).toHaveLength(1);
    const list = crm.log.find((each) => each.type === "list")?.operation;
    // The last walk began a minute before this run, and a minute is read again.
    expect(list).toMatchObject({ sinceMs: crm.nowMs() - 120_000 });
  });

  it("stays behind every change where the CRM tells no time", async () => {
    const silent = {
      read: async (operation: Parameters<MirrorDeps["read"]>[0]) => ({
        ...(await crm.read(operation)),
        serverTimeMs: null,
      }),
    };
    crm.skewMs = -3_600_000;
    await run(silent).persons([email("x@example.com")]);
    crm.add({ emails: ["new@example.com"] });
    await run(silent).persons([email("y@example.com")]);
    const [answer] = await run(silent).persons([email("new@example.com")]);
    expect(answer?.candidates).toHaveLength(1);
  });
});

describe("keys", () => {
  it("finds by phone a number that the CRM holds in national form", async () => {
    crm.add({ phones: ["5123 4567"] });
    const [answer] = await run().persons([{ keys: ["phone:+37251234567"] }]);
    expect(answer?.candidates).toHaveLength(1);
  });

  it("does not believe a search that misses a phone, where the phone is all there is", async () => {
    crm.fill(9000);
    crm.add({ phones: ["5123 4567"] });
    const [answer] = await run().persons([{ keys: ["phone:+37251234567"] }]);
    expect(answer?.candidates).toHaveLength(1);
  });

  it("goes on to the phone where no e-mail matches, and says what a search may have missed", async () => {
    crm.fill(9000);
    const known = crm.add({ phones: ["+37251234567"] });
    const answers = await run().persons([{ keys: ["email:new@example.com", "phone:+37251234567"] }]);
    expect(answers[0]?.candidates.map((each) => each.id)).toEqual([known.id]);
    const [miss] = await run().persons([{ keys: ["email:new@example.com", "phone:+37250000000"] }]);
    expect(miss?.explanation).toContain("written differently");
  });

  it("finds by a match field", async () => {
    crm.fill(9000);
    const known = crm.add({ fields: { c_no: "C-7" } });
    const [answer] = await run().persons([{ keys: ["field:Customer no.:C-7"] }]);
    expect(answer?.candidates.map((each) => each.id)).toEqual([known.id]);
  });

  it("of an organization is its name, case and spaces folded", async () => {
    crm.add({ entity: "organization", name: "Analytical  ENGINES " });
    const [answer] = await run().organizations([{ keys: ["organization:analytical engines"] }]);
    expect(answer?.candidates).toHaveLength(1);
  });

  it("a look-up without any needs no request", async () => {
    const [answer] = await run().persons([{ keys: [] }]);
    expect(answer?.candidates).toEqual([]);
    expect(reads()).toEqual([]);
  });
});

describe("a CRM that does not answer", () => {
  it("is asked again, three times in all, and then the look-up fails without harm", async () => {
    const lost = { type: "uncertain" as const, code: "TIMEOUT", message: "no answer" };
    crm.faults.push(lost, lost);
    const [answer] = await run().persons([email("nobody@example.com")]);
    expect(answer?.candidates).toEqual([]);
    crm.faults.push(lost, lost, lost);
    const failing = run().persons([email("nobody@example.com")]);
    await expect(failing).rejects.toMatchObject({ name: "LookupFailed", code: "TIMEOUT" });
    await expect(failing).rejects.toBeInstanceOf(LookupFailed);
  });

  it("leaves the mirror usable: the next look-up begins a walk anew", async () => {
    crm.fill(2600);
    const mirror = run();
    const refused = { type: "refused" as const, code: "400", message: "bad cursor" };
    crm.faults.push(null, refused, refused);
    const many = Array.from({ length: 50 }, (_, n) => email(`p${n + 1}@example.com`));
    await expect(mirror.persons(many)).rejects.toThrow("did not answer");
    const answers = await mirror.persons(many);
    expect(answers.every((answer) => answer.candidates.length === 1)).toBe(true);
  });

  it("does not take a list that is not found for an empty directory", async () => {
    crm.fill(20);
    await run().persons([email("x@example.com")]);
    crm.faults.push({ type: "refused", code: "404", message: "not found", gone: true });
    await expect(run().persons([email("y@example.com")])).rejects.toBeInstanceOf(LookupFailed);
    expect(ledger.size()).toBe(20);
  });

  it("stops the look-up when the run stops", async () => {
    const stopped = run({ read: () => Promise.reject(new Error("stop")) });
    await expect(stopped.persons([email("x@example.com")])).rejects.toThrow("stop");
  });
});
