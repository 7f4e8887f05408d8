/** A case as a file that people can read and that stays the same case. */
import type { FuzzCase } from "./fuzz-target.ts";

interface CaseFile {
  target: string;
  found: string;
  params: Record<string, unknown>;
  bytes: string;
}

export interface KeptCase {
  target: string;
  /** What went wrong once. */
  found: string;
  one: FuzzCase;
}

/** JSON with the bytes as text, one character for each byte. */
export function writeCase(target: string, found: string, { params, bytes }: FuzzCase): string {
  // Folders of one machine are nobody's business.
  const shown = found.replaceAll(/\/[^\s"]*\//g, "");
  return `${JSON.stringify({ target, found: shown, params, bytes: bytes.toString("latin1") }, null, 2)}\n`;
}

export function readCase(text: string): KeptCase {
  const { target, found, params, bytes } = JSON.parse(text) as CaseFile;
  return { target, found, one: { params, bytes: Buffer.from(bytes, "latin1") } };
}
