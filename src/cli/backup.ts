import { existsSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { CrmledgerError } from "../domain/errors.ts";
import type { LedgerCopy } from "../ledger/care.ts";
import type { RunLock } from "../ledger/ledger.ts";
import { type BackupDocument, renderBackup } from "../report/backup-text.ts";
import { createProgress } from "../report/progress.ts";
import { awaitTurn } from "./check-turn.ts";
import { type Invocation, type RunCommand, showsProgress } from "./command.ts";
import { type Shop, withLedgerOnly } from "./compose.ts";
import { networkOf } from "./doctor-disk.ts";
import { lockRunsOut, refuseRunning } from "./runs-out.ts";
import { refuseStdout, refuseUnwritable } from "./write-whole.ts";

type BackupShop = Pick<Shop, "ledger" | "ledgerPath" | "clock" | "failpoint">;

/** `crmledger backup FILE [--move]`: a copy of a ledger in use, or the ledger itself at another place. */
export const run: RunCommand = async (invocation) => {
  const hint = "Name a file; then send that on.";
  refuseStdout("A backup", invocation.args[0], "the copy is a file, checked whole before it is called done", hint);
  return await withLedgerOnly(
    invocation,
    async (shop) => {
      const isMove = invocation.flags.move === true;
      const file = resolve(invocation.io.cwd, invocation.args[0]!);
      refuseUnwritable(file);
      const warnings = warningsOf(file, isMove);
      for (const warning of warnings) invocation.talk.warn(warning);
      const copy = isMove ? await moveTo(shop, file, invocation) : await copyTo(shop, file, "backup", invocation);
      const document: BackupDocument = {
        ...{ file, ledger: shop.ledgerPath, moved: isMove, ...copy },
        takenAt: new Date(shop.clock.wallMs()).toISOString(),
        warnings,
      };
      return { json: document, text: (style) => renderBackup(document, style), exitCode: 0 };
    },
    invocation.flags.move === true ? "openMoving" : "open",
  );
};

function warningsOf(file: string, isMove: boolean): string[] {
  const network = networkOf(dirname(file));
  if (network === null) return [];
  const consequence = isMove
    ? "locks may fail there, and a ledger in use must not lie there: put it on a local disk"
    : "names and addresses of people leave this machine with it";
  return [`${dirname(file)} is on ${network}: ${consequence}`];
}

async function copyTo(
  shop: BackupShop,
  file: string,
  as: "backup" | "move",
  invocation: Invocation,
): Promise<LedgerCopy> {
  const { ledger, clock } = shop;
  const signal = invocation.signals.graceful();
  const progress = createProgress(invocation.io.stderr, "Copying", showsProgress(invocation));
  signal.addEventListener("abort", () => progress.stop(), { once: true });
  const observe = (done: number, total: number): void => progress.update(done, total, "pages");
  let turn: RunLock | null = null;
  try {
    turn = await awaitTurn(shop, invocation, signal, "backup");
    return await ledger.copyTo(file, { as, nowMs: clock.wallMs(), signal, observe });
  } catch (error) {
    if (!signal.aborted || error instanceof CrmledgerError) throw error;
    throw new CrmledgerError("unexpected", "Stopped before the copy was whole", {
      hint: "There is no copy, and the ledger goes on as before.",
    });
  } finally {
    turn?.release();
    progress.stop();
  }
}

/**
 * From the moment at which the ledger is retired no run can begin, and none was under way: so the copy has everything.
 * Where it can't be made the ledger is in use again.
 */
async function moveTo(shop: BackupShop, file: string, invocation: Invocation): Promise<LedgerCopy> {
  const { ledger, failpoint } = shop;
  const locks = await lockRunsOut(shop.ledgerPath);
  try {
    const begun = await ledger.move();
    if (begun !== null && begun.place !== file) refuseThere(begun.place);
    const made = begun?.place === file && existsSync(file) ? await ledger.movedCopy(file) : null;
    if (made === null) refuseThere(file);
    await ledger.retire({ place: file, done: false });
    failpoint("backup.retired");
    try {
      await refuseRunning(shop);
      const copy = made ?? (await copyTo(shop, file, "move", invocation));
      failpoint("backup.copied");
      await ledger.retire({ place: file, done: true });
      failpoint("backup.moved");
      return copy;
    } catch (error) {
      // Of a copy that is there both would be in use: then it stays retired, and the same command ends the move.
      if (!existsSync(file)) await ledger.retire(null);
      throw error;
    }
  } finally {
    for (const lock of locks) lock.release();
  }
}

function refuseThere(file: string): void {
  if (!existsSync(file)) return;
  throw new CrmledgerError("usage", `${file} is there already`, { hint: "Nothing was moved. Give another name." });
}
