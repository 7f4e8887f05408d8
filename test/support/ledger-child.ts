/**
 * A process of its own on a ledger, for tests that kill it. Arguments: what to do, the ledger's path, and a number or a
 * name. What is committed is told on stdout, line by line, after the commit.
 */
import { writeSync } from "node:fs";
import type { Step } from "../../src/domain/chain.ts";
import { createSqliteLocks } from "../../src/ledger/sqlite/locks.ts";
import { openSqliteLedger } from "../../src/ledger/sqlite/open.ts";
import { type Bench, benchOn, bucket, claimed, finished, incoming, intent, plan, turned } from "./ledger-fixture.ts";

const [what, path, argument] = process.argv.slice(2) as [string, string, string];
const tell = (line: string): void => {
  writeSync(1, `${line}\n`);
};

/** Opens a ledger and dies at the named instant. */
async function open(): Promise<void> {
  await openSqliteLedger({
    path,
    create: true,
    nowMs: 1,
    failpoint: (name) => {
      if (name === argument) process.kill(process.pid, "SIGKILL");
    },
  });
  tell("opened");
}

/** Works its way through submissions of its own, one committed turn after the other, until it is killed. */
async function work(): Promise<void> {
  const bench = await benchOn(await openSqliteLedger({ path, create: true, nowMs: 1 }));
  await turned(bench, { buckets: [bucket("burst", { capacity: 1e6 }), bucket("day", { kind: "day", capacity: 1e9 })] });
  for (let round = 0; ; round += 1) {
    const records = Array.from({ length: 3 }, (_, index) => incoming({ key: `${argument}-${round}-${index}` }));
    await bench.ledger.ingest(
      { runId: bench.run, submissions: records, rejects: [], progress: null, closesRejects: [] },
      bench.now,
    );
    for (const record of records) tell(`taken ${record.key}`);
    for (const claim of await claimed(bench, { limit: 3 })) await deliver(bench, claim);
  }
}

async function deliver(bench: Bench, claim: Awaited<ReturnType<typeof claimed>>[number]): Promise<void> {
  const { claimId, submissions } = claim;
  const [[person]] = (await plan(bench, claim, "person")) as [[Step]];
  const charges = ["burst", "day"].map((name) => ({ bucket: name, amount: 1 }));
  const begin = [intent(1, { charges, steps: [{ claimId, stepId: person.id, action: "create" }] })];
  const { granted } = await turned(bench, { begin });
  tell(`begun ${submissions[0]!.key}`);
  await turned(bench, {
    finished: [finished(bench, granted[0]!.requestId)],
    steps: [{ claimId, stepId: person.id, from: "begun", to: "done", crmId: "1" }],
    submissions: [{ claimId, submissionId: submissions[0]!.id, to: "done" }],
    release: [claimId],
  });
  tell(`done ${submissions[0]!.key}`);
}

/** Claims what it can get, a few at a time, and keeps it. */
async function hammer(): Promise<void> {
  const ledger = await openSqliteLedger({ path, create: false, nowMs: 1 });
  const bench = await benchOn(ledger);
  for (let empty = 0; empty < 3; ) {
    const claims = await claimed(bench, { limit: 4 });
    if (claims.length === 0) empty += 1;
    for (const row of claims.flatMap((claim) => claim.submissions)) tell(`${row.id}`);
  }
}

/** Opens so many runs, one after the other. */
async function runs(): Promise<void> {
  const ledger = await openSqliteLedger({ path, create: false, nowMs: 1 });
  const now = { wallMs: 1, monoMs: 1, bootId: "boot" };
  for (let left = Number(argument); left > 0; left -= 1) {
    await ledger.openRun({ kind: "sync", pid: process.pid, host: "test", lockName: `join-${process.pid}`, now });
  }
}

function lock(): void {
  const held = createSqliteLocks(path).take(argument);
  tell(held === null ? "taken by another" : "locked");
  // Until it is killed.
  setInterval(() => {}, 1_000);
}

const actions: Record<string, () => void | Promise<void>> = { open, work, hammer, runs, lock };
await actions[what]!();
