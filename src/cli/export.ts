import { once } from "node:events";
import { resolve } from "node:path";
import { GUARDED_COLUMN } from "../domain/csv-cell.ts";
import { CrmledgerError } from "../domain/errors.ts";
import type { SubmissionState } from "../domain/submission.ts";
import type { ExportFilter, ExportRow } from "../ledger/accounts.ts";
import type { Ledger } from "../ledger/ledger.ts";
import { csvLine, EXPORT_HEAD, type ExportDocument, exportLine } from "../report/export-lines.ts";
import { counted, utcTime } from "../report/human.ts";
import { safeJson, terminalText } from "../report/safe-text.ts";
import type { Invocation, RunCommand } from "./command.ts";
import { sessionForLinks, withLedgerOnly } from "./compose.ts";
import { importable, importableCells } from "./export-pending.ts";
import { type ReconcileFlags, scopeOf } from "./reconcile-flags.ts";
import { sourceNamed } from "./sources.ts";
import { STDOUT, writePieces } from "./write-whole.ts";

const PAGE_ROWS = 500;
/** What nothing was sent of, and nothing is on its way of. */
const PENDING: readonly SubmissionState[] = ["pending", "waiting"];

interface ExportFlags extends Pick<ReconcileFlags, "since" | "until" | "source"> {
  state?: SubmissionState;
  pending?: boolean;
  format?: "csv" | "jsonl";
  out?: string;
}

type Links = Awaited<ReturnType<typeof sessionForLinks>>;

/** Counted while the lines are made. */
interface Tally {
  written: number;
  leftOut: number;
}

/** `crmledger export`: every submission with what became of it, page by page, so that any ledger fits into memory. */
export const run: RunCommand = (invocation) =>
  withLedgerOnly(invocation, async (shop) => {
    const { ledger, config, clock } = shop;
    const flags = invocation.flags as ExportFlags;
    if (flags.pending && flags.state !== undefined) {
      throw new CrmledgerError("usage", "--pending and --state don't go together", { hint: "--pending is a state." });
    }
    if (flags.source !== undefined && config !== null) sourceNamed(config, flags.source);
    const states = flags.pending ? PENDING : flags.state === undefined ? null : [flags.state];
    const filter: ExportFilter = { ...scopeOf(flags, clock.wallMs()), states };
    const tally: Tally = { written: 0, leftOut: 0 };
    const links = flags.pending ? null : await sessionForLinks(shop);
    await write(invocation, flags, (format) => linesOf(ledger, filter, { ...flags, format }, links, tally), tally);
    if (tally.leftOut > 0) {
      invocation.talk.warn(
        `${counted(tally.leftOut, "submission")} left out: begun at the CRM, a newer version of another, or without content. This ledger must send them.`,
      );
    }
    return null;
  });

type Format = "csv" | "jsonl" | "json";

async function write(
  invocation: Invocation,
  { out, format = formatOf(out) }: ExportFlags,
  lines: (format: Format) => AsyncIterable<string>,
  tally: Tally,
): Promise<void> {
  const { io, globals, talk } = invocation;
  if (out === undefined || out === STDOUT) {
    return await pour(lines(globals.json ? "json" : format), io.stdout);
  }
  const path = resolve(io.cwd, out);
  await writePieces(path, lines(format), process.pid);
  invocation.print({
    json: { file: path, format, submissions: tally.written, leftOut: tally.leftOut },
    text: () => "",
    exitCode: 0,
  });
  talk.say(`wrote ${counted(tally.written, "submission")} to ${path}`);
}

/** By the file's name. */
const formatOf = (out = ""): "csv" | "jsonl" => (/\.(jsonl|ndjson)$/i.test(out) ? "jsonl" : "csv");

/** No faster than it is read, and no longer: a reader that went away (`| head`) has had what it wanted. */
async function pour(lines: AsyncIterable<string>, stream: Invocation["io"]["stdout"]): Promise<void> {
  for await (const line of lines) {
    if (stream.write(stream.isTTY ? terminalText(line) : line)) continue;
    try {
      await once(stream, "drain");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "EPIPE") return;
      throw error;
    }
  }
}

async function* linesOf(
  ledger: Ledger,
  filter: ExportFilter,
  { pending, format }: { pending?: boolean; format: Format },
  links: Links,
  tally: Tally,
): AsyncGenerator<string> {
  const columns = pending && format === "csv" ? await columnsOf(ledger, filter) : [];
  if (format === "csv") yield pending ? csvLine([...columns, GUARDED_COLUMN]) : EXPORT_HEAD;
  if (format === "json") yield '{"submissions":[';
  for await (const row of rowsOf(ledger, filter)) {
    if (pending && !isUntouched(row)) {
      tally.leftOut += 1;
      continue;
    }
    const comma = format === "json" && tally.written > 0 ? "," : "";
    tally.written += 1;
    if (format !== "csv")
      yield `${comma}${safeJson(JSON.stringify(pending ? importable(row) : documentOf(row, links)))}${format === "jsonl" ? "\n" : ""}`;
    else yield pending ? pendingLine(row, columns) : exportLine(documentOf(row, links));
  }
  if (format === "json") yield "]}\n";
}

async function* rowsOf(ledger: Ledger, filter: ExportFilter): AsyncGenerator<ExportRow> {
  for (let after: ExportRow | null = null; ; ) {
    const rows: ExportRow[] = await ledger.exportRows(filter, after, PAGE_ROWS);
    yield* rows;
    const last = rows.at(-1);
    if (last === undefined || rows.length < PAGE_ROWS) return;
    after = last;
  }
}

/** Nothing of it is or may be at the CRM, and it stands alone: another ledger may send it. */
function isUntouched({ content, records, isRevision }: ExportRow): boolean {
  return content !== null && records.length === 0 && !isRevision;
}

const FIRST_COLUMNS = ["id", "submittedAt", "lane"];

/** A CSV names its columns before its first row: one pass more, which also finds what no CSV can carry. */
async function columnsOf(ledger: Ledger, filter: ExportFilter): Promise<string[]> {
  const columns = new Set<string>();
  for await (const row of rowsOf(ledger, filter)) {
    if (isUntouched(row)) for (const column of importableCells(row).keys()) columns.add(column);
  }
  const order = (column: string): number => ["person", "organization", "deal", "notes"].indexOf(column.split(".")[0]!);
  const others = [...columns].filter((column) => !FIRST_COLUMNS.includes(column));
  return [...FIRST_COLUMNS, ...others.sort((a, b) => order(a) - order(b))];
}

function pendingLine(row: ExportRow, columns: readonly string[]): string {
  const cells = importableCells(row);
  const stranger = [...cells.keys()].find((column) => !columns.includes(column));
  if (stranger !== undefined) {
    throw new CrmledgerError(
      "usage",
      `${row.source}/${row.key} got a value at ${stranger} while it was being exported`,
      {
        hint: "Run it again while nothing is ingested.",
      },
    );
  }
  return csvLine([...columns.map((column) => cells.get(column) ?? ""), "1"]);
}

function documentOf(row: ExportRow, links: Links): ExportDocument {
  const records = (entity: string): { id: string; link: string | null }[] =>
    row.records
      .filter((record) => record.entity === entity)
      .map(({ entity: of, crmId: id }) => ({ id, link: links?.adapter.link(of, id, links.session) ?? null }));
  const { source, key, state, submittedAtMs, doneAtMs, error } = row;
  return {
    ...{ source, key, state },
    submittedAt: utcTime(submittedAtMs),
    receivedAt: utcTime(row.receivedAtMs),
    doneAt: utcTime(doneAtMs),
    delaySeconds: doneAtMs === null ? null : Math.max(0, Math.round((doneAtMs - submittedAtMs) / 1000)),
    email: row.content?.person?.email ?? null,
    person: records("person")[0] ?? null,
    organization: records("organization")[0] ?? null,
    deal: records("deal")[0] ?? null,
    notes: records("note"),
    cause: state === "failed" ? (error?.code ?? null) : null,
    message: state === "failed" ? (error?.message ?? null) : null,
  };
}
