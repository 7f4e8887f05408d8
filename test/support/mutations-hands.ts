/** Safeties of who works on what: leases of people and things, transactions, locks, old ledgers. */
import type { Mutation } from "./mutation.ts";

const LEDGER = "contract/ledger-sqlite.test.ts";
const UNCERTAIN = "integration/runner-uncertain.test.ts";
const SAFETIES = "crash/runner-safeties-hands.test.ts";
const LEASED = "A claim leases *identity keys* (e-mail, phone, match field)";
const KEPT = "While a create is uncertain, its person's keys stay taken, beyond any lease and any run.";
const ONE_FILE =
  "One SQLite file, WAL, `synchronous=FULL` on every connection, `BEGIN IMMEDIATE` only. (The pieces of a large import alone do not wait for the disk: see below.)";
const THINGS =
  "An organization's name, a deal's key and the CRM's own person are leased from the look-up until the id is committed.";

export const HANDS: readonly Mutation[] = [
  {
    name: "identity leases",
    guards: LEASED,
    file: "ledger/sqlite/claim.ts",
    edits: [["    return lease === undefined || (lease.claimId", "    return lease !== null || (lease.claimId"]],
    killedBy: [
      [LEDGER, "never gives a person to two hands, whatever the lane"],
      ["property/ledger-claims.test.ts", "one person is in one hand, nothing is lost, and everything ends"],
    ],
  },
  {
    name: "keys stay while a create is uncertain",
    guards: KEPT,
    file: "ledger/sqlite/changes.ts",
    edits: [
      [
        `if (change.to === "uncertain" && change.keepKeys === true) keepKeys(`,
        `if (change.to === "pending" && change.keepKeys === true) keepKeys(`,
      ],
    ],
    killedBy: [
      [LEDGER, "stay taken beyond claim and run while a create is uncertain, and come back to that submission"],
      [SAFETIES, "stay while its create is in doubt, so that a form of the same person does not make it again"],
    ],
  },
  {
    name: "keys stay while a dead run's create is uncertain",
    guards: KEPT,
    file: "ledger/sqlite/recovery.ts",
    edits: [
      [
        "      giveBack(store, id, settleMs);\n      keepKeys(store, id, claim);\n",
        "      giveBack(store, id, settleMs);\n",
      ],
    ],
    killedBy: [[LEDGER, "keeps the keys of an uncertain person, and gives them to the look-up alone"]],
  },
  {
    name: "a kept key is for its own look-up only",
    guards: KEPT,
    file: "ledger/sqlite/leases.ts",
    edits: [["if (!worksOn(store, claim, lease.keptBy)) return", "if (worksOn(store, claim, null)) return"]],
    killedBy: [[LEDGER, "keeps an uncertain organization's name and an uncertain deal's key, not the person"]],
  },
  {
    name: "lease of an organization's name",
    guards: THINGS,
    file: "runner/organization-step.ts",
    edits: [['    await lease(context, work, key, "this organization");\n', ""]],
    killedBy: [[SAFETIES, "keep two people's submissions from making one organization twice"]],
  },
  {
    name: "lease of a deal's key",
    guards: THINGS,
    file: "runner/deal-step.ts",
    edits: [['    await lease(context, work, key, "this deal");\n', ""]],
    killedBy: [[SAFETIES, "keep two people's submissions from making one deal of a key twice"]],
  },
  {
    name: "lease of the CRM's own person",
    guards: THINGS,
    file: "runner/person-step.ts",
    edits: [['    await lease(context, works[0]!, crmPersonKey(choice.record.id), "this person");\n', ""]],
    killedBy: [[SAFETIES, "keep two addresses of one person of the CRM from being written side by side"]],
  },
  {
    name: "an organization's lease stays while its create is uncertain",
    guards: KEPT,
    file: "runner/organization-step.ts",
    edits: [['keep = step.state === "uncertain";', "keep = false;"]],
    killedBy: [[UNCERTAIN, "an organization in doubt is made once, whoever else names it meanwhile"]],
  },
  {
    name: "an organization's id is committed before its lease ends",
    guards: THINGS,
    file: "runner/organization-step.ts",
    edits: [["        await context.wheel.committed().catch(() => {});\n", ""]],
    killedBy: [[SAFETIES, "last until the id is committed, however long the disk takes for it"]],
  },
  {
    name: "a create in doubt of the same claim",
    guards: KEPT,
    file: "runner/lease.ts",
    edits: [['if (step.state !== "uncertain" ||', 'if (step.state !== "pending" ||']],
    killedBy: [
      [
        "crash/runner-doubt.test.ts",
        "that name one deal by its key make it once, although the answer to its create was lost",
      ],
    ],
  },
  {
    name: "BEGIN IMMEDIATE",
    guards: ONE_FILE,
    file: "ledger/sqlite/store.ts",
    edits: [[`"BEGIN IMMEDIATE"`, `"BEGIN DEFERRED"`]],
    killedBy: [["crash/ledger-sqlite.test.ts", "never claim the same submission"]],
  },
  {
    name: "synchronous=FULL",
    guards: ONE_FILE,
    file: "ledger/sqlite/open.ts",
    edits: [
      [`    db.pragma("synchronous = FULL");\n`, ""],
      [
        'if (db.pragma("synchronous", { simple: true }) !== 2) {',
        'if (db.pragma("synchronous", { simple: true }) === 0) {',
      ],
    ],
    killedBy: [
      ["crash/order-of-sync.test.ts", "has each intent on the disk before the write's first byte leaves (%s)"],
      ["unit/ledger-sqlite-open.test.ts", "commits are durable on every connection, also on those after the first"],
    ],
  },
  {
    name: "synchronous=FULL is read back",
    guards: ONE_FILE,
    file: "ledger/sqlite/open.ts",
    edits: [[`    db.pragma("synchronous = FULL");\n`, ""]],
    killedBy: [
      ["unit/ledger-sqlite-open.test.ts", "commits are durable on every connection, also on those after the first"],
    ],
  },
  {
    name: "run lock of the kernel",
    guards: "A run holds a kernel lock, which is gone with its process: a run whose lock is free is dead.",
    file: "ledger/sqlite/locks.ts",
    edits: [[`db.exec("BEGIN EXCLUSIVE");`, `db.exec("BEGIN DEFERRED");`]],
    killedBy: [
      ["unit/ledger-sqlite-locks.test.ts", "one holder at a time, and each name by itself"],
      ["cli/cli-sync.test.ts", "a second sync leaves with 4 and says who is at work"],
    ],
  },
  {
    name: "run counter beside the ledger",
    guards: "a run counter that went back",
    file: "ledger/sqlite/runs.ts",
    edits: [["    if (beside > runCounter(store)) holdStale(store, beside, start.now.wallMs);\n", ""]],
    killedBy: [["unit/ledger-sqlite-open.test.ts", "tells a restored backup from the ledger that was last used"]],
  },
  {
    name: "stamps that the ledger does not know",
    guards: "stamps at the CRM that the ledger does not know",
    file: "runner/stamp-watch.ts",
    edits: [
      [
        "    if (first) this.#connection.wheel.raise(staleHold(first, unknown.length));",
        "    if (first && unknown.length < 0) this.#connection.wheel.raise(staleHold(first, unknown.length));",
      ],
    ],
    killedBy: [["integration/runner-stale.test.ts", "%s: sends nothing, and says what it does not know"]],
  },
  {
    name: "one account",
    guards: "the one account this ledger is bound to",
    file: "ledger/sqlite/account.ts",
    edits: [
      [
        "if (bound.vendor !== account.vendor || bound.externalId !== account.externalId) {",
        "if (bound.vendor !== account.vendor) {",
      ],
    ],
    killedBy: [[LEDGER, "is bound once; the same account is welcome again, another is refused"]],
  },
  {
    name: "the rest of a cause waits for its sample",
    guards: "The rest goes back to the queue when the sample went through",
    file: "ledger/sqlite/samples.ts",
    edits: [
      [
        "  return ended.flatMap((sample) => {",
        '  for (const each of store.all<SampleRow>(SAMPLES)) while (letGoChunk(store, each, "setAside", now) === CHUNK);\n  return ended.flatMap((sample) => {',
      ],
      [" IN ('failed', 'dropped') ORDER BY id", " IS NOT NULL ORDER BY id"],
    ],
    killedBy: [
      ["contract/ledger-sqlite.test.ts", "goes alone; the rest stays failed until it went through, and follows then"],
    ],
  },
  {
    name: "a chain keeps to the way in which its notes were planned",
    guards: "Of a chain of which a note is at the CRM the notes stay as they were planned, joined or not.",
    file: "planner/join-notes.ts",
    edits: [
      ["  if (begun === undefined) return settings;\n", "  if (begun === undefined || begun) return settings;\n"],
    ],
    killedBy: [
      ["integration/runner-joined-notes.test.ts", "switched on after one was written: the others come by themselves"],
    ],
  },
];
