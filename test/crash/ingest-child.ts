/** Ingests a spool into a ledger file and dies, as by `kill -9`, the Nth time that a named instant comes. */
import { randomUUID } from "node:crypto";
import { ingestSource } from "../../src/ingest/spool.ts";
import { loadPhoneNormalizer } from "../../src/intake/phone.ts";
import { openSqliteLedger } from "../../src/ledger/sqlite/open.ts";
import { sourceOf } from "../support/ingest-rig.ts";

const [ledgerPath, spool, failpointName, nth] = process.argv.slice(2) as [string, string, string, string];
const nowMs = Date.now();
const ledger = await openSqliteLedger({ path: ledgerPath, create: true, nowMs });
const clock = { wallMs: () => nowMs, monoMs: () => 0, bootId: randomUUID(), sleep: async () => {} };
const now = { wallMs: nowMs, monoMs: 0, bootId: clock.bootId };
const runId = await ledger.openRun({ kind: "test", pid: process.pid, host: "here", lockName: null, now });
let left = Number(nth);
const failpoint = (name: string): void => {
  if (name !== failpointName) return;
  left -= 1;
  if (left === 0) process.kill(process.pid, "SIGKILL");
};
await ingestSource(
  { ledger, clock, phone: await loadPhoneNormalizer(), runId, failpoint, dryRun: false },
  sourceOf({ spool }),
);
await ledger.close();
