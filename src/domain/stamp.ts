import { createHash } from "node:crypto";

/**
 * The stamp: `SOURCE/KEY` in a text field called *crmledger* of every person, organization and deal that we create.
 * Pipedrive's varchar fields hold 255 characters, so a longer one is hashed, keeping the source readable.
 */
export const STAMP_FIELD_NAME = "crmledger";
const STAMP_LENGTH_MAX = 255;

export function stampOf(source: string, key: string): string {
  const plain = `${source}/${key}`;
  // A control character would come back from the CRM changed, and then never match.
  if (plain.length <= STAMP_LENGTH_MAX && !/[\p{Cc}]/u.test(plain) && plain === plain.trim()) return plain;
  const hash = createHash("sha256").update(plain).digest("hex");
  const readable = source
    .replace(/[\p{Cc}]/gu, " ")
    .slice(0, 180)
    .trim();
  return `${readable}/sha256:${hash}`;
}

/** The last line of a note, which probes and reconcile read. `part` counts from 1 and is left out for a single note. */
export function noteReference(stamp: string, part: number, parts: number): string {
  return parts > 1 ? `Ref. ${stamp} (${part}/${parts})` : `Ref. ${stamp}`;
}
