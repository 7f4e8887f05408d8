import { csvCell } from "../domain/csv-cell.ts";
import type { ReconcileDocument, ReconcileItem } from "./reconcile-document.ts";

const COLUMNS: readonly (readonly [name: string, of: (item: ReconcileItem) => unknown])[] = [
  ["id", (item) => item.id],
  ["class", (item) => item.class],
  ["kind", (item) => item.kind],
  ["state", (item) => item.state],
  ["source", (item) => item.source],
  ["key", (item) => item.key],
  ["email", (item) => item.email],
  ["crm.type", (item) => item.crm?.type],
  ["crm.id", (item) => item.crm?.id],
  ["crm.link", (item) => item.crm?.link],
  ["expected", (item) => item.expected],
  ["actual", (item) => item.actual],
  ["message", (item) => item.message],
  ["since", (item) => item.since],
  ["repair", (item) => item.repair],
  ["safe", (item) => item.safe],
  ["tokens", (item) => item.tokens],
  ["why", (item) => item.why],
  ["repairs", (item) => item.repairs],
];

/** Every difference as a row (RFC 4180). No cell is a formula to a spreadsheet; values that are no text are JSON. */
export function reconcileCsv(document: ReconcileDocument): string {
  const lines = document.discrepancies.map((item) => COLUMNS.map(([, of]) => cellText(of(item))));
  return [COLUMNS.map(([name]) => name), ...lines].map((cells) => `${cells.map(csvCell).join(",")}\r\n`).join("");
}

function cellText(value: unknown): string {
  if (value === null || value === undefined) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
}
