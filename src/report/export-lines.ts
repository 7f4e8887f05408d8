import { csvCell } from "../domain/csv-cell.ts";

/** A submission with what became of it: a line of `export`. Instants are RFC 3339 in UTC. */
export interface ExportDocument {
  source: string;
  key: string;
  state: string;
  submittedAt: string;
  receivedAt: string;
  doneAt: string | null;
  /** From `submittedAt` to the CRM. */
  delaySeconds: number | null;
  email: string | null;
  person: ExportRecord | null;
  organization: ExportRecord | null;
  deal: ExportRecord | null;
  notes: ExportRecord[];
  /** Of a failed one. */
  cause: string | null;
  message: string | null;
}

/** `link` opens the record in the CRM's own pages; null where the config is not there. */
export interface ExportRecord {
  id: string;
  link: string | null;
}

const COLUMNS: readonly (readonly [name: string, of: (row: ExportDocument) => string | number | null | undefined])[] = [
  ["source", (row) => row.source],
  ["key", (row) => row.key],
  ["state", (row) => row.state],
  ["submittedAt", (row) => row.submittedAt],
  ["receivedAt", (row) => row.receivedAt],
  ["doneAt", (row) => row.doneAt],
  ["delaySeconds", (row) => row.delaySeconds],
  ["email", (row) => row.email],
  ["person.id", (row) => row.person?.id],
  ["person.link", (row) => row.person?.link],
  ["organization.id", (row) => row.organization?.id],
  ["organization.link", (row) => row.organization?.link],
  ["deal.id", (row) => row.deal?.id],
  ["deal.link", (row) => row.deal?.link],
  ["notes.ids", (row) => row.notes.map(({ id }) => id).join(" ")],
  ["notes.links", (row) => row.notes.flatMap(({ link }) => link ?? []).join(" ")],
  ["cause", (row) => row.cause],
  ["message", (row) => row.message],
];

export const EXPORT_HEAD = csvLine(COLUMNS.map(([name]) => name));

/** For people's spreadsheets: no cell is a formula. */
export function exportLine(row: ExportDocument): string {
  return csvLine(COLUMNS.map(([, of]) => String(of(row) ?? "")));
}

/** A line of a table in which no cell is a formula. */
export function csvLine(cells: readonly string[]): string {
  return `${cells.map(csvCell).join(",")}\r\n`;
}
