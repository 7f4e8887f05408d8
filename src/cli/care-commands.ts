import type { CommandRow } from "./command.ts";

/** Commands that look after the ledger itself: rows of the command table. */
export const CARE_COMMANDS: readonly CommandRow[] = [
  {
    name: "forget",
    group: "Set-up",
    summary: "erase a person's data; the keys stay as salted hashes",
    args: [["<who>", "an e-mail address, a phone number, or SOURCE/KEY of one submission"]],
    options: [
      { flags: "--dry-run", description: "name what would go; erase nothing" },
      { flags: "--yes", description: "erase without a question" },
    ],
    examples: [
      ["forget ada@example.com --dry-run", "what there is of a person"],
      ["forget ada@example.com", "erase it, after a question"],
      ["forget +441234567890 --yes", "for a script"],
    ],
    load: () => import("./forget.ts"),
  },
  {
    name: "backup",
    group: "Set-up",
    summary: "a consistent copy of a live ledger; --move retires this one",
    args: [["<file>", "the copy; never written over another file"]],
    options: [{ flags: "--move", description: "the ledger carries on there; this one is retired" }],
    examples: [
      ["backup /backup/crmledger-2026-11-23.db", "beside a running sync, checked whole"],
      ["backup /srv/new/crmledger.db --move", "to another disk or machine, while nothing runs"],
    ],
    load: () => import("./backup.ts"),
  },
];
