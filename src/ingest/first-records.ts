/** The first records of a file, before any map: for a draft of one. */
import type { PhoneNormalizer } from "../domain/identity.ts";
import type { SourceFormat, SourceSettings } from "../domain/settings.ts";
import { compileMapping } from "../intake/mapping.ts";
import { unwrapReject } from "../intake/rejects-file.ts";
import { rowsOfFile } from "./file-rows.ts";
import type { ImportOptions } from "./ingest.ts";
import { openInput } from "./input.ts";

export interface FirstRecords {
  format: SourceFormat;
  records: unknown[];
}

/** At most `max` records that can be read. Rejects with `inputUnreadable` as an import would. */
export async function firstRecords(
  phone: PhoneNormalizer,
  source: SourceSettings,
  options: Pick<ImportOptions, "file" | "stdin" | "format">,
  max: number,
): Promise<FirstRecords> {
  // A map that reads nothing takes any columns.
  const mapping = await compileMapping({ ...source, map: {} }, phone);
  const input = await openInput({ ...options, asNew: true, rejectsFile: null });
  try {
    const { format, rows } = await rowsOfFile(input, source, mapping, options.format);
    const records: unknown[] = [];
    for await (const row of rows()) {
      if (row.fault !== undefined) continue;
      const body = format === "csv" ? null : await mapping.split(row.record);
      const found = body?.ok ? body.records : [row.record];
      records.push(...found.map((record) => unwrapReject(record, format === "csv").record));
      if (records.length >= max) break;
    }
    return { format, records: records.slice(0, max) };
  } finally {
    await input.close();
  }
}
