/** Queues a `repair.N` step by way of a discrepancy, as `reconcile --repair` does. */
import type { Entity } from "../../src/domain/catalog.ts";
import type { StepContent } from "../../src/domain/chain.ts";
import type { FoundDiscrepancy } from "../../src/ledger/checks.ts";
import type { Rig } from "./drain-rig.ts";

export type Repair = Partial<StepContent> & { repair: NonNullable<StepContent["repair"]> };

const SCOPE = { source: null, sinceMs: null, untilMs: null };
let serial = 0;

export async function queueRepair(
  { ledger, clock }: Pick<Rig, "ledger" | "clock">,
  key: string,
  entity: Entity,
  content: Repair,
): Promise<void> {
  serial += 1;
  const nowMs = clock.wallMs();
  const now = { wallMs: nowMs, monoMs: clock.monoMs(), bootId: clock.bootId };
  const account = (await ledger.account())!.id;
  const submissionId = (await ledger.findByName(key, []))[0]!.id;
  const runId = await ledger.openRun({ kind: "reconcile", pid: 1, host: "test", lockName: null, now });
  const { id: check } = await ledger.openCheck(account, runId, SCOPE, nowMs, 0);
  const found: FoundDiscrepancy = {
    fingerprint: `test ${serial}`,
    class: "edit",
    kind: `${entity}-drift`,
    source: "website",
    key,
    submissionId,
    email: null,
    entity,
    crmId: content.repair.target,
    expected: {},
    actual: {},
    message: "",
    sinceMs: nowMs,
    repair: "overwrite",
    safe: false,
    order: null,
  };
  await ledger.saveDiscrepancies(check, [found], nowMs);
  await ledger.finishCheck(check, {}, nowMs);
  const { rows } = await ledger.discrepancies({ check }, null, 100);
  const { id: discrepancyId } = rows.find(({ fingerprint }) => fingerprint === found.fingerprint)!;
  const order = {
    type: "write" as const,
    submissionId,
    entity,
    content: { values: {}, ...content, onMatch: "overwrite" as const },
  };
  const verdicts = await ledger.queueRepairs(account, [{ discrepancyId, order }], nowMs);
  if (verdicts[0] !== "queued") throw new Error(`the repair was not queued: ${verdicts[0]}`);
  await ledger.closeRun(runId, { stopped: "drained", exitCode: 0, summary: null, nowMs });
}
