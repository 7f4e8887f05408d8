import type { ReconcileDocument, ReconcileItem } from "../../src/report/reconcile-document.ts";

const KINDS = [
  { kind: "deal-missing", class: "break", repair: "recreate", safe: false },
  { kind: "person-drift", class: "edit", repair: "accept", safe: true },
  { kind: "chain-incomplete", class: "break", repair: "resume", safe: true },
  { kind: "note-deleted", class: "edit", repair: "recreate", safe: false },
  { kind: "overdue", class: "break", repair: null, safe: false },
] as const;

/** One difference; the number chooses what it is. */
export function sampleItem(index: number, more: Partial<ReconcileItem> = {}): ReconcileItem {
  const kind = KINDS[index % KINDS.length]!;
  const entity = kind.kind.split("-")[0]!;
  const isRecord = ["deal", "person", "note"].includes(entity);
  return {
    id: String(index + 1),
    ...kind,
    state: index % 3 === 0 ? "new" : "open",
    source: index % 2 === 0 ? "website" : "shop",
    key: `wf_${index + 1}`,
    email: `lead-${index + 1}@example.com`,
    crm: isRecord
      ? { type: entity, id: String(1000 + index), link: `https://acme.example.com/${entity}/${1000 + index}` }
      : null,
    expected:
      kind.kind === "person-drift" ? { "Job title": "Analyst", City: "London" } : { title: `Deal ${index + 1}` },
    actual: kind.kind === "person-drift" ? { "Job title": "Director", City: "London" } : null,
    message: `${kind.kind} of submission ${index + 1}`,
    since: new Date(Date.UTC(2026, 2, 1 + (index % 28), 10)).toISOString(),
    tokens: kind.repair === "recreate" ? 5 : 0,
    why: null,
    repairs: 0,
    ...more,
  };
}

export function sampleDocument(
  discrepancies: ReconcileItem[],
  more: Partial<ReconcileDocument> = {},
): ReconcileDocument {
  const open = discrepancies.filter(({ state }) => state === "new" || state === "open");
  const tally = (which: "break" | "edit"): Record<string, number> => {
    const counts: Record<string, number> = {};
    for (const item of open) if (item.class === which) counts[item.kind] = (counts[item.kind] ?? 0) + 1;
    return counts;
  };
  const totals = { checked: 1204, matched: 1204 - open.length, breaks: open.length, edits: 0 };
  return {
    scope: { source: null, since: "2026-03-01T00:00:00.000Z", until: null },
    checkedAt: "2026-04-01T08:00:00.000Z",
    durationMs: 12_400,
    checked: 1204,
    matched: 1204 - open.length,
    counts: tally("break"),
    edits: tally("edit"),
    discrepancies,
    bySource: { website: totals, shop: { ...totals, checked: 12 } },
    byAge: [
      { age: "today", totals },
      { age: "older", totals },
    ],
    notChecked: ["Notes that are older than the CRM's list of changes were looked at by id only."],
    requests: { total: 31, tokens: 412 },
    repairsQueued: 0,
    repairs: { queued: {}, done: {}, left: {} },
    stopped: null,
    hold: null,
    ...more,
  };
}
