/** Safeties at the edges: limits, the mirror, what comes in, what is checked, and what is told. */
import type { Mutation } from "./mutation.ts";

const LEDGER = "contract/ledger-sqlite.test.ts";
const SLOT = "A slot comes back one window after *its response ended*";
const TAKEN =
  "Records, rejects and the file's progress are committed in one transaction; only then is the file archived.";
const CONFIRMED = "Ids of the mirror are confirmed at the CRM before they are used";
const WATERMARK = "The watermark is the CRM's own `Date` at the beginning of a walk, less 60 s, in whole seconds";

export const EDGES: readonly Mutation[] = [
  {
    name: "slot after the response",
    guards: SLOT,
    file: "ledger/sqlite/requests.ts",
    edits: [
      [
        "@bootId, @monoMs + @windowMs,",
        "@bootId, (SELECT begun_mono_ms FROM requests WHERE id = @request) + @windowMs,",
      ],
    ],
    killedBy: [
      [LEDGER, "a slot comes back one window after the reply ended"],
      ["crash/runner-safeties-hands.test.ts", "keeps a slow network from making a 429"],
    ],
  },
  {
    name: "slot of a lost request",
    guards: "that of a request whose end nobody recorded, after its time-out and a window.",
    file: "ledger/sqlite/requests.ts",
    edits: [["const spanMs = intent.timeoutMs + (", "const spanMs = ("]],
    killedBy: [[LEDGER, "the slots of a lost request stay taken until the server can't count it any more"]],
  },
  {
    name: "no overtaking within a bucket",
    guards: "So no rolling window at the server holds more than our share, whatever the network does",
    file: "ledger/sqlite/requests.ts",
    edits: [
      [
        "  return use.used + amount <= capacity ? undefined : use.nextFreeMonoMs;",
        "  return use.used <= capacity ? undefined : use.nextFreeMonoMs;",
      ],
    ],
    killedBy: [[LEDGER, "never more than the capacity in any window, whatever comes when and ends when"]],
  },
  {
    name: "a 429 rests the credential",
    guards: "a 429 rests the credential for a window and halves the rate",
    file: "pacer/window.ts",
    edits: [
      [
        "const untilMonoMs = now.monoMs + Math.max(state.windowMs, wishedMs);",
        "const untilMonoMs = now.monoMs + Math.min(0, wishedMs);",
      ],
    ],
    killedBy: [["unit/pacer-window.test.ts", "rests the credential for a window and halves the rate"]],
  },
  {
    name: "a rest is kept by every process",
    guards: "a 429 rests the credential for a window and halves the rate",
    file: "ledger/sqlite/requests.ts",
    edits: [["    return state.pausedUntilMonoMs;\n", "    return undefined;\n"]],
    killedBy: [[LEDGER, "a pause holds on this boot's clock, and means nothing on another's"]],
  },
  {
    name: "the day's budget",
    guards: "Background work stops earlier than operational work, and before what is left to others.",
    file: "ledger/sqlite/requests.ts",
    edits: [
      ["  if (state.capacity !== null && use.used + amount > state.capacity) return false;\n", ""],
      ["  return state.remaining - amount >= (background ? state.floorBackground : 0);", "  return true;"],
    ],
    killedBy: [
      [LEDGER, "stops the background at its part, and everything at ours"],
      [LEDGER, "heeds what the CRM says is left: to nothing for the operational lane, to the floor for the background"],
    ],
  },
  {
    name: "mirrored ids are confirmed",
    guards: CONFIRMED,
    file: "mirror/confirm.ts",
    edits: [
      ["if (!record.deleted && !record.archived) records.set(record.id, record);", "records.set(record.id, record);"],
    ],
    killedBy: [
      ["unit/mirror-lookups.test.ts", "drops who is gone at the CRM, and who is archived, and then takes them for new"],
    ],
  },
  {
    name: "a stale id is judged only after it was read",
    guards: "A refusal of a write that names such ids is judged only after these were read: a stale one costs no try.",
    file: "runner/relink.ts",
    edits: [
      [
        '  if (!(error instanceof ChainStop) || error.verdict.type !== "failed") return false;',
        '  if (context !== null || !(error instanceof ChainStop) || error.verdict.type !== "failed") return false;',
      ],
    ],
    killedBy: [
      ["integration/runner-resume.test.ts", "person merged into another before its deal is written: followed"],
    ],
  },
  {
    name: "a miss is believed only after a refresh",
    guards: "An unknown person is believed to be new only after a refresh",
    file: "mirror/directory.ts",
    edits: [
      [
        "    if (state.walkedAtMs === null || state.refreshedAtMs === null) return false;\n",
        "    if (state.walkedAtMs === null || state.refreshedAtMs === null) return false;\n    if (state.records >= 0) return true;\n",
      ],
    ],
    killedBy: [["unit/mirror-lookups.test.ts", "sees who was added or changed by somebody else since the last run"]],
  },
  {
    name: "watermark by the CRM's clock",
    guards: WATERMARK,
    file: "mirror/walk.ts",
    edits: [["const seenAtMs = walk.serverTimeMs ?? (", "const seenAtMs = walk.startedAtMs ?? ("]],
    killedBy: [["unit/mirror-lookups.test.ts", "is the CRM's clock, which is %i ms off ours"]],
  },
  {
    name: "watermark less a minute",
    guards: WATERMARK,
    file: "mirror/walk.ts",
    edits: [["const OVERLAP_MS = 60_000;", "const OVERLAP_MS = 0;"]],
    killedBy: [
      ["unit/mirror-lookups.test.ts", "sees a change that the CRM dated in the minute before the last refresh"],
    ],
  },
  {
    name: "a walk that stopped proves nothing",
    guards: "A walk that stopped early proves nothing.",
    file: "mirror/walk.ts",
    edits: [
      [
        "const after = next === null ? completed(state, walk) : underWay(state, walk);",
        "const after = next === null || walk.pages > 0 ? completed(state, walk) : underWay(state, walk);",
      ],
    ],
    killedBy: [["unit/mirror-lookups.test.ts", "a walk that stopped early proves nothing and moves no watermark"]],
  },
  {
    name: "archive after the commit",
    guards: TAKEN,
    file: "ingest/spool.ts",
    edits: [
      [
        "async function settle(pass: Pass): Promise<void> {\n",
        "async function settle(pass: Pass): Promise<void> {\n  await letGo(pass);\n  await pass.taker.flush(null);\n}\nasync function letGo(pass: Pass): Promise<void> {\n",
      ],
      ["spool, taker, waiting } = pass;\n  await taker.flush(null);\n", "spool, waiting } = pass;\n"],
    ],
    killedBy: [
      ["crash/ingest.test.ts", "killed at %s, run again: each record once, none lost, every file acknowledged"],
      ["crash/ingest-safeties.test.ts", "stays in the spool while its records are not committed"],
    ],
  },
  {
    name: "archived file is remembered before it is moved",
    guards: "A growing file is remembered under its new place before it is moved there.",
    file: "ingest/spool.ts",
    edits: [
      [
        "  const { deps, spool, taker } = pass;\n  const archivedAtMs = deps.clock.wallMs();\n",
        "  const { deps, spool } = pass;\n  const archivedAtMs = deps.clock.wallMs();\n  const late: FileProgress[] = [];\n  const taker = { flush: async (progress: FileProgress) => void late.push(progress) };\n",
      ],
      [
        "  });\n}\n\nasync function deleteLater(",
        "  });\n  for (const progress of late) await pass.taker.flush(progress);\n}\n\nasync function deleteLater(",
      ],
    ],
    killedBy: [["crash/ingest-safeties.test.ts", "that is archived is read on afterwards, though commit %i failed"]],
  },
  {
    name: "place with its records",
    guards: TAKEN,
    file: "ledger/sqlite/intake.ts",
    edits: [
      [
        "  return store.write(() => {\n    const arrivals = new Arrivals();\n",
        "  if (batch.progress !== null) store.write(() => saveProgress(store, batch.progress!));\n  return store.write(() => {\n    const arrivals = new Arrivals();\n",
      ],
      ["    if (batch.progress !== null) saveProgress(store, batch.progress);\n", ""],
    ],
    killedBy: [[LEDGER, "a batch that fails leaves nothing of itself, progress least of all"]],
  },
  {
    name: "a known raw record is a duplicate",
    guards: "A raw record that its source has sent before is a duplicate, whatever the map says now.",
    file: "ledger/sqlite/intake.ts",
    edits: [["  if (isRawKnown(store, record)) return duplicate;\n", ""]],
    killedBy: [[LEDGER, "knows a raw record again whatever today's map makes of it"]],
  },
  {
    name: "a key is unique in its source",
    guards: "`(source, key)` is unique.",
    file: "ledger/sqlite/intake.ts",
    edits: [
      [
        "  if (known !== null) {\n    if (known.contentHash",
        '  if (known !== null && known.contentHash === "") {\n    if (known.contentHash',
      ],
    ],
    killedBy: [
      [LEDGER, "takes a known key with the same content as a duplicate, and from then on knows that raw record too"],
    ],
  },
  {
    name: "redaction of what is stored",
    guards: "The token is taken out of whatever the CRM answers before it is stored or shown.",
    file: "crm/wrappers/redactor.ts",
    edits: [["text.replace(pattern, REDACTED) : text);", 'text.replaceAll(REDACTED, "") : text);']],
    killedBy: [
      [
        "integration/redaction.test.ts",
        "the token is taken out of everything that the CRM answers before it is stored or shown",
      ],
      ["unit/crm-wrappers.test.ts", "never holds the token: $type"],
    ],
  },
  {
    name: "a record counts only as this check saw it",
    guards: "A record counts as present only if a list page of this check showed it, or a look by id did.",
    file: "ledger/sqlite/checks.ts",
    edits: [["      AND g.check_id = @check) AS seen", "      AND g.check_id <= @check) AS seen"]],
    killedBy: [
      [LEDGER, "asks for the records of done steps in its scope that it has not seen, each once, page by page"],
      [
        "integration/reconcile-held.test.ts",
        "begins anew where another one has looked since: what that one saw is not its own any more",
      ],
    ],
  },
  {
    name: "our own double is told from a copy",
    guards:
      "Of two records with one stamp the second is our own double only if a create may have been executed twice or a program made it",
    file: "reconcile/judge-records.ts",
    edits: [
      [
        "  if (!isOurDouble(extra)) return copied(extra, context);\n",
        "  if (isOurDouble(extra) || extra.tries.length >= 0) return copied(extra, context);\n",
      ],
    ],
    killedBy: [["integration/reconcile-damage.test.ts", "names each record that a late answer had made twice"]],
  },
  {
    name: "a firewall's block of one text",
    guards: "it uses up a try where other writes of its kind went through meanwhile",
    file: "runner/block-check.ts",
    edits: [["return outcomes.some(isBlock) && operations", "return outcomes.length < 0 && operations"]],
    killedBy: [
      [
        "integration/runner-firewall.test.ts",
        "keeps nobody else back, is tried a few times, and fails with what can be done",
      ],
    ],
  },
  {
    name: "what people deleted is not written again",
    guards: "What people deleted or changed stays.",
    file: "reconcile/repair.ts",
    edits: [
      [
        'return row.repair === "recreate" && (named || (row.kind.endsWith("-missing") && !isHidden(row)));',
        'return row.repair === "recreate";',
      ],
    ],
    killedBy: [
      [
        "integration/reconcile-repairs.test.ts",
        "without ids writes nothing again that is only hidden from this token's user",
      ],
    ],
  },
  {
    name: "who finds a record on its way in lets it in first",
    guards: "one on its way in lets that one in first and is judged against it",
    file: "ledger/sqlite/intake.ts",
    edits: [["    admitNamed(store, batch.submissions, now);\n", "    admitNamed(store, [], now);\n"]],
    killedBy: [[LEDGER, "are a duplicate's original, however far they have come"]],
  },
  {
    name: "what others let in keeps nobody waiting",
    guards: "What was let in so is found as what became of it since",
    file: "ledger/sqlite/admission.ts",
    edits: [["fresh + history === 0 ? ENTER[phase]", "fresh + history >= 0 ? ENTER[phase]"]],
    killedBy: [[LEDGER, "keep nobody waiting whom others let in and delivered meanwhile"]],
  },
  {
    name: "an import that was taken for dead lets nothing in",
    guards: "its next transaction fails instead of letting in what was taken back",
    file: "ledger/sqlite/admission.ts",
    edits: [["    if (apart === undefined)\n", "    if (apart === undefined && run < 0)\n"]],
    killedBy: [[LEDGER, "of an import that was taken for dead are not let in behind its back: it ends"]],
  },
];
