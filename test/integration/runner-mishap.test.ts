/** A bug of our own that one submission brings to light: it must not keep all others back, run after run. */
import { describe, expect, it } from "vitest";
import type { CrmAdapter } from "../../src/crm/adapter.ts";
import { pipedriveAdapter } from "../../src/crm/pipedrive/adapter.ts";
import { lead } from "../support/drain-rig.ts";
import { type WatchedRig, watchedRig } from "../support/watched-rig.ts";

const leads = (count: number, from = 1) => Array.from({ length: count }, (_, n) => lead(from + n));
const bug = (): never => {
  throw new TypeError("Cannot read properties of undefined (reading 'secret')");
};
const concerns = (what: unknown): boolean => JSON.stringify(what).includes("Deal 3");

const WHERE: Record<string, CrmAdapter> = {
  "as it is packed": {
    ...pipedriveAdapter,
    pack: (operations, session) =>
      operations.some((operation) => operation.type === "create" && concerns(operation))
        ? bug()
        : pipedriveAdapter.pack(operations, session),
  },
  "as its reply is read": {
    ...pipedriveAdapter,
    classify: (request, result, session) =>
      request.route.includes("deals") && request.http.method === "POST" && concerns(request.http.body)
        ? bug()
        : pipedriveAdapter.classify(request, result, session),
  },
};

async function minutes(rig: WatchedRig, count: number): Promise<string[]> {
  const warnings: string[] = [];
  for (let n = 0; n < count; n += 1) {
    await rig.take([lead(100 + rig.clock.wallMs() / 60_000)]);
    warnings.push(...(await rig.run()).warnings);
    await rig.clock.advance(60_000);
  }
  return warnings;
}

describe("a bug that one submission brings to light", () => {
  it("as it is packed: the others are delivered, it fails in the end", async () => {
    const rig = await watchedRig({ adapter: WHERE["as it is packed"]! });
    await rig.take(leads(6));
    expect((await rig.run()).drained).toMatchObject({ done: 5, failed: 0 });
    await minutes(rig, 100);
    expect(await rig.ledger.queue()).toMatchObject({ done: 105, failed: 1, pending: 0, waiting: 0 });
    const [failed] = await rig.ledger.failed({});
    expect(failed).toMatchObject({ key: "wf_3", error: { code: "UNEXPECTED" } });
  });

  it("as its reply is read: what it made is found and adopted, nothing is doubled", async () => {
    const rig = await watchedRig({ adapter: WHERE["as its reply is read"]! });
    await rig.take(leads(6));
    await minutes(rig, 20);
    expect(await rig.ledger.queue()).toMatchObject({ done: 26, failed: 0, uncertain: 0 });
    expect(rig.simulator.records.deals).toHaveLength(26);
  });

  it("is told with its place, and without the submission's words", async () => {
    const rig = await watchedRig({ adapter: WHERE["as it is packed"]! });
    await rig.take(leads(6));
    const { warnings } = await rig.run();
    expect(warnings).toEqual([
      expect.stringMatching(/^website\/wf_3: crmledger met a bug \(TypeError at runner-mishap\.test\.ts:\d+\)/),
    ]);
    expect(warnings.join()).not.toContain("secret");
  });

  it("waits, and uses up no try, where nobody else is delivered", async () => {
    const rig = await watchedRig({ adapter: WHERE["as it is packed"]! });
    await rig.take([lead(3)]);
    for (let n = 0; n < 60; n += 1) {
      await rig.run();
      await rig.clock.advance(60_000);
    }
    expect(await rig.ledger.queue()).toMatchObject({ waiting: 1, failed: 0 });
    expect((await rig.story("wf_3")).submission.attempts).toBe(0);
  });

  it("stops the run where a page that all need can't be made out: nobody fails", async () => {
    const adapter: CrmAdapter = {
      ...pipedriveAdapter,
      classify: (request, result, session) =>
        request.operations.some(({ type }) => type === "list")
          ? bug()
          : pipedriveAdapter.classify(request, result, session),
    };
    const rig = await watchedRig({ adapter });
    await rig.take(leads(20));
    await expect(rig.run()).rejects.toThrow(TypeError);
    expect(await rig.ledger.queue()).toMatchObject({ done: 0, failed: 0 });
  });

  it("stops the run where it is everybody's: nobody fails", async () => {
    const rig = await watchedRig({
      adapter: {
        ...pipedriveAdapter,
        pack: (operations, session) =>
          operations.some(({ type }) => type === "create") ? bug() : pipedriveAdapter.pack(operations, session),
      },
    });
    await rig.take(leads(20));
    await expect(rig.run()).rejects.toThrow(TypeError);
    expect(await rig.ledger.queue()).toMatchObject({ done: 0, failed: 0 });
  });
});
