/** The ledger's writes on a thread of their own: the same answers, the same errors. A thread runs what was built. */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Step } from "../../src/domain/chain.ts";
import { openSqliteLedger } from "../../src/ledger/sqlite/open.ts";
import type { WriteThread } from "../../src/ledger/sqlite/write-thread.ts";
import { ROOT } from "../support/house-source.ts";
import { type Bench, benchOn, claimed, incoming, plan, START_MS, take, turned } from "../support/ledger-fixture.ts";

const BUILT = join(ROOT, "dist/ledger/sqlite/write-thread.js");
const whenBuilt = test.skipIf(!existsSync(BUILT));

let folder: string;
let path: string;
let bench: Bench;
let thread: WriteThread;
const TIMEOUT_MS = 180_000;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "crmledger-thread-"));
  path = join(folder, "ledger.db");
  const ledger = await openSqliteLedger({ path, create: true, nowMs: START_MS });
  if (!existsSync(BUILT)) return;
  const { startWriteThread } = (await import(BUILT)) as typeof import("../../src/ledger/sqlite/write-thread.ts");
  thread = startWriteThread(path);
  bench = await benchOn({ ...ledger, ...thread.verbs });
  await take(bench, ...[1, 2, 3].map((n) => incoming({ key: `k${n}`, email: `k${n}@example.com` })));
}, TIMEOUT_MS);
afterEach(async () => {
  await thread?.close();
  await bench?.ledger.close();
  rmSync(folder, { recursive: true, force: true });
});

whenBuilt(
  "claims, plans and turns are the ledger's own, and seen by its other readers at once",
  async () => {
    const [claim] = await claimed(bench, { limit: 1 });
    const [[step]] = (await plan(bench, claim!, "person")) as [[Step]];
    expect(step).toMatchObject({ name: "person", state: "open" });
    expect((await bench.ledger.story(step.submissionId))?.steps).toHaveLength(1);
    expect(await bench.ledger.queue()).toMatchObject({ inProgress: 1, pending: 2 });
  },
  TIMEOUT_MS,
);

whenBuilt(
  "what is asked for together is answered as if one by one; one that fails takes no other back",
  async () => {
    const [a, b] = await claimed(bench);
    const { ledger, now } = bench;
    const asked = await Promise.allSettled([
      ledger.leaseKeys(a!.claimId, ["organization:acme"], now),
      ledger.leaseKeys(b!.claimId, ["organization:acme"], now),
      turned(bench, { begin: [{ steps: [], charges: [{ bucket: "nobody's", amount: 1 }] } as never] }),
      ledger.leaseKeys(b!.claimId, ["deal:1"], now),
    ]);
    expect(asked.map((one) => (one.status === "fulfilled" ? one.value : "rejected"))).toEqual([
      null,
      { heldBy: a!.claimId },
      "rejected",
      null,
    ]);
    expect(await ledger.leaseKeys(a!.claimId, ["deal:1"], now)).toEqual({ heldBy: b!.claimId });
  },
  TIMEOUT_MS,
);

whenBuilt(
  "an error says what it says without the thread",
  async () => {
    const begin = [{ steps: [], charges: [{ bucket: "nobody's", amount: 1 }] } as never];
    await expect(turned(bench, { begin })).rejects.toMatchObject({
      name: "CrmledgerError",
      code: "unexpected",
      message: expect.stringContaining("nobody's"),
    });
    expect(await claimed(bench)).toHaveLength(3);
  },
  TIMEOUT_MS,
);

whenBuilt(
  "after its end nothing is taken any more, and nobody waits for ever",
  async () => {
    const [claim] = await claimed(bench);
    const last = bench.ledger.leaseKeys(claim!.claimId, ["deal:1"], bench.now);
    await thread.close();
    expect(await last).toBeNull();
    await expect(claimed(bench)).rejects.toThrow(/gone/);
  },
  TIMEOUT_MS,
);
