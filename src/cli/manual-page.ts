import type { CommandRow } from "./command.ts";
import { completable, type Flag, GLOBAL } from "./completable.ts";
import { ENVIRONMENT, EXIT_STATUS, FILES } from "./manual-sections.ts";

const GROUPS: readonly CommandRow["group"][] = ["Every day", "When something is wrong", "Getting things in", "Set-up"];

/** crmledger(1) in the macros of man(7), which every man reads. */
export function manualPage(rows: readonly CommandRow[]): string {
  const lines = [
    '.TH CRMLEDGER 1 "" "crmledger" "User Commands"',
    section("NAME"),
    "crmledger \\- gets website submissions into a CRM, each exactly once",
    section("SYNOPSIS"),
    ".B crmledger",
    "[options] command [arguments]",
    section("DESCRIPTION"),
    text(
      "Pending submissions are taken from spools, exports and CSVs into a local ledger, one SQLite file, before anything is sent. " +
        "They go to the CRM in paced batches; what was begun and not ended is looked for at the CRM before it is sent again. " +
        "Cron runs sync. Every command answers one JSON document with --json.",
    ),
    ...GROUPS.flatMap((group) => [
      section(group.toUpperCase()),
      ...rows.filter((row) => row.group === group).flatMap(commandLines),
    ]),
    section("GLOBAL OPTIONS"),
    ...GLOBAL.flatMap(flagLines),
    section("EXIT STATUS"),
    ...EXIT_STATUS.flatMap(([code, meaning]) => tagged(code, meaning)),
    section("ENVIRONMENT"),
    ...ENVIRONMENT.flatMap(([name, meaning]) => tagged(name, meaning)),
    section("FILES"),
    ...FILES.flatMap(([name, meaning]) => tagged(name, meaning)),
    section("SEE ALSO"),
    text("The folder docs of the package: cron-and-systemd, operations, runbook, reconcile, mapping and others."),
  ];
  return `${lines.join("\n")}\n`;
}

function commandLines(row: CommandRow): string[] {
  const [command] = completable([row]);
  const syntax = (row.args ?? []).map(([word]) => word).join(" ");
  return [
    `.SS "${escaped(`${row.name} ${syntax}`.trim())}"`,
    text(row.summary),
    ...(row.args ?? []).flatMap(([word, description]) => tagged(word, description)),
    ...(command?.flags ?? []).flatMap(flagLines),
    ".PP",
    ".EX",
    ...row.examples.flatMap(([line, what]) => [escaped(`# ${what}`), escaped(`crmledger ${line}`)]),
    ".EE",
  ];
}

function flagLines({ name, description, value, takes, optional }: Flag): string[] {
  const shown = Array.isArray(takes) ? takes.join("|") : value;
  return tagged(optional ? `${name}[=${shown}]` : `${name} ${shown}`.trim(), description);
}

const section = (name: string): string => `.SH "${name}"`;

const tagged = (tag: string, description: string): string[] => [".TP", `.B ${escaped(tag)}`, text(description)];

const text = (words: string): string => escaped(words);

/** A line's first dot or quote would be a request, a bare hyphen may break the line, and a double one be shown as a dash. */
function escaped(words: string): string {
  const inner = words.replaceAll("\\", "\\e").replaceAll("-", "\\-").replaceAll('"', "\\(dq").replaceAll("`", "\\(aq");
  return /^[.']/.test(inner) ? `\\&${inner}` : inner;
}
