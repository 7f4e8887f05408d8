import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Ledger } from "../../src/ledger/ledger.ts";
import { openSqliteLedger } from "../../src/ledger/sqlite/open.ts";
import { START_MS } from "../support/ledger-fixture.ts";
import { ledgerSuite } from "./ledger-suite.ts";

const folder = mkdtempSync(join(tmpdir(), "crmledger-"));
const blank = join(folder, "blank.db");
let made = 0;
let path = "";
let open: Ledger[] = [];

async function connect(file: string): Promise<Ledger> {
  const ledger = await openSqliteLedger({ path: file, create: file === blank, nowMs: START_MS });
  open.push(ledger);
  return ledger;
}

async function closeAll(): Promise<void> {
  for (const ledger of open) await ledger.close();
  open = [];
}

ledgerSuite({
  name: "SQLite",
  // Making a schema is most of a short test's time: it is made once and copied.
  prepare: async () => {
    await connect(blank);
    await closeAll();
  },
  fresh: () => {
    made += 1;
    path = join(folder, `ledger-${made}.db`);
    copyFileSync(blank, path);
    return connect(path);
  },
  again: () => connect(path),
  clean: closeAll,
  end: async () => rmSync(folder, { recursive: true, force: true }),
});
