import { rmSync, writeFileSync } from "node:fs";
import { extname, resolve } from "node:path";
import { CrmledgerError } from "../domain/errors.ts";
import { recordOf } from "../intake/json-text.ts";
import { type ExportedReject, rejectsAsCsv, rejectsAsJsonl } from "../intake/rejects-file.ts";
import type { RejectRow } from "../ledger/rows.ts";
import { counted } from "../report/human.ts";
import { type RejectDocument, type RejectsDocument, renderRejects } from "../report/rejects-list.ts";
import { safeLine } from "../report/safe-text.ts";
import type { Invocation, Reply, RunCommand } from "./command.ts";
import { withLedgerOnly } from "./compose.ts";
import { decide, isDecision } from "./reject-decisions.ts";
import { retryRejects } from "./retry-rejects.ts";
import { refuseStdout, STDOUT } from "./write-whole.ts";

const LISTED = 100;
const EXPORTED_MAX = 1_000_000;

type Shop = Parameters<Parameters<typeof withLedgerOnly>[1]>[0];

/** `crmledger rejects [take|keep|drop ID]`: lists rejected records and conflicts, exports them, or decides on one. */
export const run: RunCommand = (invocation) => {
  const [action, id] = invocation.args;
  const { retry, export: file } = invocation.flags as { retry?: boolean; export?: string };
  if (retry && (action !== undefined || file !== undefined)) {
    const hint = "Nothing was done. After --retry, --export writes those that are still rejected.";
    throw new CrmledgerError("usage", "--retry goes neither with --export nor with a decision", { hint });
  }
  if (retry) return retryRejects(invocation);
  if (invocation.globals.json)
    refuseStdout("--export", file, "--json is", "Name a file, or leave --json out: it is JSONL.");
  if (action === undefined) return withLedgerOnly(invocation, (shop) => list(shop, invocation, file));
  const hint = "crmledger rejects [take|keep|drop ID]";
  if (!isDecision(action))
    throw new CrmledgerError("usage", `rejects does not know ${JSON.stringify(action)}`, { hint });
  if (id === undefined) {
    throw new CrmledgerError("usage", `rejects ${action} needs an ID`, { hint: "IDs: crmledger rejects" });
  }
  return withLedgerOnly(invocation, (shop) => decide(shop, action, id, invocation.flags.why as string | undefined));
};

async function list(shop: Shop, { flags, io, talk }: Invocation, file: string | undefined): Promise<Reply> {
  const limit = (flags.limit as number | undefined) ?? (file === undefined ? LISTED : EXPORTED_MAX);
  const { total, rows } = await shop.ledger.rejects(limit);
  const document: RejectsDocument = { total, rejects: rows.map(rejectDocument) };
  if (file === undefined) return { json: document, text: (style) => renderRejects(document, style), exitCode: 0 };
  if (file === STDOUT) {
    talk.say(`${counted(rows.length, "reject")} of ${total}`);
    return { json: document, text: () => rejectsAsJsonl(exportedRejects(rows)), exitCode: 0 };
  }
  const path = resolve(io.cwd, file);
  writePrivately(path, exportText(path, rows));
  return {
    json: { ...document, file: path },
    text: () =>
      safeLine(`${rows.length} of ${total} written to ${path}`).concat(
        `\nMend them, then: crmledger import ${safeLine(file)}\n`,
      ),
    exitCode: 0,
  };
}

function rejectDocument(row: RejectRow): RejectDocument {
  const { id, kind, source, origin, reason } = row;
  return { id, kind, source, file: origin.file, line: origin.line, reason, record: recordOf(row.raw) };
}

function exportedRejects(rows: readonly RejectRow[]): ExportedReject[] {
  return rows.map(({ id, origin, reason, raw }) => ({ id, line: origin.line, reason, raw }));
}

function exportText(path: string, rows: readonly RejectRow[]): string {
  const kind = extname(path).toLowerCase();
  const rejects = exportedRejects(rows);
  if (kind === ".jsonl" || kind === ".ndjson") return rejectsAsJsonl(rejects);
  if (kind !== ".csv") {
    throw new CrmledgerError("usage", "The export's name must end in .csv or .jsonl", {
      hint: "e.g. --export rejects.csv",
    });
  }
  return rejectsAsCsv(rejects);
}

/** Personal data: readable by the owner only. A file that is there is never replaced. */
function writePrivately(path: string, text: string): void {
  try {
    writeFileSync(path, text, { mode: 0o600, flag: "wx" });
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    if (["ENOSPC", "EDQUOT", "EFBIG"].includes(code)) {
      rmSync(path, { force: true });
      throw new CrmledgerError("diskFull", `The disk is full: ${path} was not written`, {
        hint: "Make room, or name a file on another disk; nothing was changed.",
        cause: error,
      });
    }
    throw new CrmledgerError(
      "usage",
      code === "EEXIST" ? `${path} is there already` : `${path} can't be written (${code})`,
      {
        hint: "Name another file; nothing was changed.",
        cause: error,
      },
    );
  }
}
