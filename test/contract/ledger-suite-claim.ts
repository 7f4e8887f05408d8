import { describe, expect, test } from "vitest";
import type { Step } from "../../src/domain/chain.ts";
import type { IncomingSubmission } from "../../src/ledger/rows.ts";
import {
  begun,
  claimed,
  incoming,
  keysOf,
  plan,
  START_MS,
  stateOf,
  TARGET_MS,
  take,
  turned,
} from "../support/ledger-fixture.ts";
import type { Subject } from "./ledger-suite.ts";

const MINUTE = 60_000;

export function claimTests(subject: Subject): void {
  const bench = () => subject.bench;
  /** `minutes` before now. */
  const aged = (key: string, minutes: number, more: Partial<IncomingSubmission> & { email?: string } = {}) =>
    incoming({ key, submittedAtMs: START_MS - minutes * MINUTE, ...more });
  const order = async (limit: number) => keysOf(await claimed(bench(), { limit })).flat();

  describe("claim", () => {
    test("gives what is within its target newest first, then what is past it oldest first", async () => {
      await take(bench(), aged("fresh-5", 5), aged("past-60", 60), aged("fresh-1", 1), aged("past-30", 30));
      expect(await order(2)).toEqual(["fresh-1", "fresh-5"]);
      expect(await order(2)).toEqual(["past-60", "past-30"]);
    });

    test("judges each submission by its own target", async () => {
      await take(bench(), aged("short", 30), aged("long", 40, { source: "other", targetMs: 60 * MINUTE }));
      expect(await order(9)).toEqual(["long", "short"]);
    });

    test("gives what is past its target at least a quarter, claim by claim", async () => {
      const fresh = Array.from({ length: 12 }, (_, index) => aged(`fresh-${index}`, 1 + index / 100));
      const past = Array.from({ length: 12 }, (_, index) => aged(`past-${index}`, 60 - index / 100));
      await take(bench(), ...fresh, ...past);
      const picks: string[] = [];
      for (let index = 0; index < 12; index += 1) picks.push(...(await order(1)));
      expect(picks.filter((key) => key.startsWith("past"))).toEqual(["past-0", "past-1", "past-2"]);
      expect(picks.slice(0, 4)).toEqual(["fresh-0", "fresh-1", "fresh-2", "past-0"]);
    });

    test("gives operational work first, and the background a twentieth", async () => {
      const lane = (name: "operational" | "background") =>
        Array.from({ length: 60 }, (_, index) => aged(`${name}-${index}`, 1, { lane: name }));
      await take(bench(), ...lane("operational"), ...lane("background"));
      const picks: string[] = [];
      for (let index = 0; index < 5; index += 1) picks.push(...(await order(8)));
      expect(picks.filter((key) => key.startsWith("background"))).toHaveLength(2);
      expect(picks.slice(0, 19).every((key) => key.startsWith("operational"))).toBe(true);
      expect((await order(100)).filter((key) => key.startsWith("operational"))).toHaveLength(22);
    });

    test("the background alone gets everything", async () => {
      await take(bench(), aged("a", 1, { lane: "background" }), aged("b", 2, { lane: "background" }));
      expect(await order(9)).toEqual(["a", "b"]);
    });

    test("brings a person's submissions of one lane together, in order, under one claim", async () => {
      const email = "ada@example.com";
      await take(bench(), aged("second", 3, { email }), aged("third", 1, { email }), aged("first", 90, { email }));
      await take(bench(), aged("background", 50, { email, lane: "background" }), aged("stranger", 2));
      expect(keysOf(await claimed(bench()))).toEqual([["first", "second", "third"], ["stranger"]]);
    });

    test("sees a person through shared keys: an e-mail here, a phone there", async () => {
      const keys = (...identityKeys: string[]) => ({ identityKeys });
      await take(bench(), aged("mail", 3, keys("email:a@example.com")));
      await take(bench(), aged("both", 2, keys("email:a@example.com", "phone:+1")), aged("phone", 1, keys("phone:+1")));
      expect(keysOf(await claimed(bench()))).toEqual([["mail", "both", "phone"]]);
    });

    test("counts submissions against the limit, and cuts a person's at it, oldest first", async () => {
      const email = "ada@example.com";
      await take(bench(), ...Array.from({ length: 5 }, (_, index) => aged(`k${index}`, 9 - index, { email })));
      expect(keysOf(await claimed(bench(), { limit: 2 }))).toEqual([["k0", "k1"]]);
      expect(await claimed(bench(), { limit: 9 })).toEqual([]);
    });

    test("never gives a person to two hands, whatever the lane", async () => {
      const email = "ada@example.com";
      await take(bench(), aged("one", 3, { email }));
      const [claim] = await claimed(bench());
      await take(bench(), aged("later", 1, { email }), aged("other-lane", 1, { email, lane: "background" }));
      expect(await claimed(bench())).toEqual([]);
      const submissionId = claim!.submissions[0]!.id;
      const done = { claimId: claim!.claimId, submissionId, to: "done" as const };
      await turned(bench(), { submissions: [done], release: [claim!.claimId] });
      expect(keysOf(await claimed(bench(), { limit: 1 }))).toEqual([["later"]]);
    });

    test("an earlier one that waits keeps the person's later ones waiting, until it is due and comes with them", async () => {
      const email = "ada@example.com";
      await take(bench(), aged("first", 3, { email }));
      const [claim] = await claimed(bench());
      const waiting = { claimId: claim!.claimId, submissionId: claim!.submissions[0]!.id, to: "waiting" as const };
      const dueAtMs = START_MS + MINUTE;
      await turned(bench(), { submissions: [{ ...waiting, dueAtMs }], release: [claim!.claimId] });
      await take(bench(), aged("second", 1, { email }));
      expect(await claimed(bench())).toEqual([]);
      expect(await bench().ledger.nextDueAtMs({ source: null, lane: null })).toBe(dueAtMs);
      bench().pass(MINUTE);
      expect(keysOf(await claimed(bench()))).toEqual([["first", "second"]]);
    });

    test("what a hold keeps back is passed by, and keeps nobody else waiting", async () => {
      const email = "ada@example.com";
      await take(bench(), aged("held", 9, { email, source: "held" }), aged("free", 1, { email }));
      await take(bench(), aged("lane", 1, { lane: "background" }));
      const held = { heldSources: ["held"], heldLanes: ["background" as const] };
      expect(keysOf(await claimed(bench(), held))).toEqual([["free"]]);
      expect(keysOf(await claimed(bench(), { heldSources: ["held"] }))).toEqual([["lane"]]);
    });

    test("can be kept to one source or one lane", async () => {
      await take(bench(), aged("a", 1), aged("b", 2, { source: "other" }), aged("c", 3, { lane: "background" }));
      expect(keysOf(await claimed(bench(), { source: "other" }))).toEqual([["b"]]);
      expect(keysOf(await claimed(bench(), { lane: "background" }))).toEqual([["c"]]);
    });

    test("gives the rows whole: content, keys in order, steps and origin", async () => {
      const record = incoming({
        identityKeys: ["phone:+1", "email:z@example.com", "email:a@example.com"],
        origin: { file: "spool/x.csv", line: 12 },
        content: { person: { name: "Ada" }, notes: ["hello"] },
      });
      await take(bench(), record);
      const [claim] = await claimed(bench());
      expect(claim?.submissions[0]).toEqual({
        id: claim?.submissions[0]?.id,
        source: record.source,
        key: record.key,
        state: "inProgress",
        lane: "operational",
        submittedAtMs: START_MS,
        receivedAtMs: START_MS,
        targetMs: TARGET_MS,
        dueAtMs: START_MS,
        attempts: 0,
        content: record.content,
        identityKeys: record.identityKeys,
        planned: false,
        revises: null,
        steps: [],
        error: null,
        failedAtMs: null,
        doneAtMs: null,
        origin: record.origin,
      });
    });

    test("never gives one submission out twice to two connections that ask at once", async () => {
      const emails = Array.from({ length: 30 }, (_, index) => `p${index}@example.com`);
      await take(bench(), ...emails.flatMap((email) => [incoming({ email }), incoming({ email })]));
      const second = { ...bench(), ledger: await subject.again() };
      const given: string[] = [];
      for (let round = 0; round < 30; round += 1) {
        const [a, b] = await Promise.all([claimed(bench(), { limit: 4 }), claimed(second, { limit: 4 })]);
        given.push(...keysOf([...a, ...b]).flat());
      }
      expect(given).toHaveLength(60);
      expect(new Set(given).size).toBe(60);
    });

    test("finds what is free behind thousands of blocked ones, and those again once their key is free", async () => {
      const email = "ada@example.com";
      await take(bench(), aged("hand", 100, { email }));
      const [claim] = await claimed(bench());
      const blocked = Array.from({ length: 1_200 }, (_, index) => aged(`b${index}`, 90 - index / 1000, { email }));
      await take(bench(), ...blocked, aged("free", 20));
      expect(keysOf(await claimed(bench(), { limit: 5 }))).toEqual([["free"]]);
      const submissionId = claim!.submissions[0]!.id;
      const done = { claimId: claim!.claimId, submissionId, to: "done" as const };
      await turned(bench(), { submissions: [done], release: [claim!.claimId] });
      expect(keysOf(await claimed(bench(), { limit: 2 }))).toEqual([["b0", "b1"]]);
    });

    test("peek shows the same order and takes nothing", async () => {
      await take(bench(), aged("fresh", 1), aged("past", 60), aged("later", 2, { lane: "background" }));
      const seen = await bench().ledger.peek(10, bench().now.wallMs, { source: null, lane: null });
      expect(seen.map((row) => row.key)).toEqual(["fresh", "past", "later"]);
      expect(seen.every((row) => row.state === "pending")).toBe(true);
      expect(await bench().ledger.peek(1, bench().now.wallMs, { source: null, lane: "background" })).toHaveLength(1);
      expect(await order(10)).toEqual(["fresh", "past", "later"]);
    });
  });

  describe("keys of a claim", () => {
    test("further keys are leased all or none, and given back one by one", async () => {
      await take(bench(), aged("a", 1), aged("b", 2));
      const [a, b] = await claimed(bench());
      const { ledger, now } = bench();
      expect(await ledger.leaseKeys(a!.claimId, ["organization:acme"], now)).toBeNull();
      expect(await ledger.leaseKeys(a!.claimId, ["organization:acme"], now)).toBeNull();
      expect(await ledger.leaseKeys(b!.claimId, ["deal:1", "organization:acme"], now)).toEqual({ heldBy: a!.claimId });
      expect(await ledger.leaseKeys(a!.claimId, ["deal:1"], now)).toBeNull();
      await ledger.releaseKeys(a!.claimId, ["organization:acme", "deal:1"]);
      expect(await ledger.leaseKeys(b!.claimId, ["deal:1", "organization:acme"], now)).toBeNull();
      await ledger.releaseKeys(a!.claimId, ["deal:1"]);
      expect(await ledger.leaseKeys(a!.claimId, ["deal:1"], now)).toEqual({ heldBy: b!.claimId });
    });

    test("end with the claim, also those that were leased before the account was known", async () => {
      await take(bench(), aged("a", 1));
      const [claim] = await claimed(bench());
      await bench().ledger.leaseKeys(claim!.claimId, ["crm-person:5"], bench().now);
      await turned(bench(), { release: [claim!.claimId] });
      const [next] = await claimed(bench());
      expect(next?.submissions[0]?.key).toBe("a");
      expect(await bench().ledger.leaseKeys(next!.claimId, ["crm-person:5"], bench().now)).toBeNull();
    });

    test("a claim that is gone gets no keys", async () => {
      await take(bench(), aged("a", 1));
      const [claim] = await claimed(bench());
      await bench().ledger.recover([bench().run], bench().now, 60_000);
      expect(await bench().ledger.leaseKeys(claim!.claimId, ["deal:9"], bench().now)).not.toBeNull();
    });

    /** Its create of the person got no answer; to be looked for in a minute. */
    const leaveUncertain = async (key: string, minutes: number, email: string): Promise<Step> => {
      await take(bench(), aged(key, minutes, { email }));
      const [claim] = await claimed(bench());
      const { claimId } = claim!;
      const [[person]] = (await plan(bench(), claim!, "person")) as [[Step]];
      await begun(bench(), claimId, person);
      const submissionId = person.submissionId;
      await turned(bench(), {
        steps: [{ claimId, stepId: person.id, from: "begun", to: "uncertain", lostAtMs: START_MS }],
        submissions: [{ claimId, submissionId, to: "uncertain", dueAtMs: START_MS + MINUTE, keepKeys: true }],
        release: [claimId],
      });
      return person;
    };

    test("stay taken beyond claim and run while a create is uncertain, and come back to that submission", async () => {
      const email = "ada@example.com";
      const person = await leaveUncertain("first", 3, email);
      await take(bench(), aged("second", 1, { email }), aged("enrich", 1, { email, lane: "background" }));
      expect(await claimed(bench())).toEqual([]);
      await bench().ledger.recover([bench().run], bench().now, MINUTE);
      expect(await claimed(bench())).toEqual([]);
      bench().pass(MINUTE);
      const [again, ...more] = await claimed(bench());
      expect(keysOf([again!])).toEqual([["first", "second"]]);
      expect(more).toEqual([]);
      const { claimId } = again!;
      const submissionId = person.submissionId;
      await turned(bench(), {
        steps: [{ claimId, stepId: person.id, from: "uncertain", to: "done" }],
        submissions: [{ claimId, submissionId, to: "done" }],
        release: [claimId],
      });
      expect((await stateOf(bench(), submissionId)).state).toBe("done");
      expect(keysOf(await claimed(bench()))).toEqual([["second"]]);
    });

    test("that are kept never lock out an older submission that came in later", async () => {
      const email = "ada@example.com";
      await leaveUncertain("younger", 3, email);
      await take(bench(), aged("older", 30, { email }));
      expect(await claimed(bench())).toEqual([]);
      bench().pass(MINUTE);
      expect(keysOf(await claimed(bench()))).toEqual([["younger", "older"]]);
    });
  });
}
