import { resolve } from "node:path";
import { createStyle, type Style } from "../report/style.ts";
import type { Invocation, Reply } from "./command.ts";
import { STDOUT, writePrivate } from "./write-whole.ts";

export const REPORT_FORMATS = ["table", "json", "csv", "html"] as const;
export type ReportFormat = (typeof REPORT_FORMATS)[number];

/** One document in all its forms. */
export interface Forms {
  json: unknown;
  table: (style: Style) => string;
  csv: () => string;
  html: () => string;
}

/** The document in the form that was asked for: to standard output, or whole into a file, and then in words here. */
export function formattedReply(invocation: Invocation, forms: Forms, exitCode: number): Reply {
  const { format, out } = invocation.flags as { format?: ReportFormat; out?: string };
  if (out === undefined || out === STDOUT) {
    return { json: forms.json, text: (style) => textIn(format ?? "table", forms, style), exitCode };
  }
  const path = resolve(invocation.io.cwd, out);
  const plain = createStyle({ isTTY: false, columns: undefined }, { color: false }, {});
  writePrivate(path, textIn(format ?? formatOf(path), forms, plain), process.pid);
  invocation.talk.say(`wrote ${path}`);
  return { json: forms.json, text: forms.table, exitCode };
}

function textIn(format: ReportFormat, forms: Forms, style: Style): string {
  switch (format) {
    case "html":
      return forms.html();
    case "csv":
      return forms.csv();
    case "json":
      return `${JSON.stringify(forms.json, null, 2)}\n`;
    case "table":
      return forms.table(style);
  }
}

function formatOf(path: string): ReportFormat {
  const suffix = path.toLowerCase().split(".").at(-1);
  return REPORT_FORMATS.find((format) => format === suffix) ?? "table";
}
