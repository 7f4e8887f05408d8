import { count, counted } from "./human.ts";
import type { Style } from "./style.ts";

/** What `crmledger backup` did. */
export interface BackupDocument {
  file: string;
  /** The ledger that was copied or moved. */
  ledger: string;
  moved: boolean;
  bytes: number;
  submissions: number;
  takenAt: string;
  warnings: string[];
}

export function renderBackup({ file, ledger, moved, bytes, submissions }: BackupDocument, style: Style): string {
  const size = `${counted(submissions, "submission")}, ${count(bytes)} bytes, checked whole`;
  if (!moved) return `${style.green("copied")} to ${file} (${size})\n`;
  return `${style.green("moved")} to ${file} (${size})
${ledger} is retired: every command on it leaves with 78. Now name the new place:
  ledger: ${file}     # in crmledger.yaml
Keep ${file}.runs beside it: it tells an old copy from the newest one.
`;
}
