import { counted } from "./human.ts";
import { safeLine } from "./safe-text.ts";
import type { Style } from "./style.ts";

/** What `crmledger forget` found, and did. */
export interface ForgetDocument {
  dryRun: boolean;
  forgotten: boolean;
  submissions: number;
  mirror: number;
  /** Null until they are erased: their texts are searched only then. */
  rejects: number | null;
  files: { deleted: number; records: number; left: string[] };
  /** What stays in the CRM: to be deleted there. */
  crm: { type: string; id: string; link: string | null }[];
  left: string[];
}

export function renderForget(document: ForgetDocument, style: Style): string {
  const { forgotten, submissions, mirror, rejects, files, crm, left } = document;
  const lines = [
    forgotten ? style.green("forgotten") : style.bold("found"),
    `  in the ledger  ${counted(submissions, "submission")}, ${counted(mirror, "person")} of the mirror, ${rejects === null ? "and rejects and conflicts that name them" : counted(rejects, "reject")}`,
    `  in the spools  ${counted(files.deleted, "file")}, ${counted(files.records, "record")} in others`,
    style.bold("not reached"),
    ...crm.map(({ type, id, link }) => `  in the CRM: ${type} ${safeLine(id)} ${safeLine(link ?? "")}`.trimEnd()),
    ...[...files.left, ...left].map((one) => `  ${safeLine(one)}`),
  ];
  return `${lines.join("\n")}\n`;
}
