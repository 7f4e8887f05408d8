/** Which tool made a file's records, and a source to start from. */
import { calendly } from "./calendly.ts";
import { type DraftSample, type KnownTool, objectOf, type SourceDraft } from "./draft.ts";
import { elementor } from "./elementor.ts";
import { facebookLeadAds } from "./facebook-lead-ads.ts";
import { googleForms } from "./google-forms.ts";
import { gravityForms } from "./gravity-forms.ts";
import { shopify } from "./shopify.ts";
import { tally } from "./tally.ts";
import { typeform } from "./typeform.ts";
import { draftOfUnknown } from "./unknown-tool.ts";
import { vapi } from "./vapi.ts";
import { webflow } from "./webflow.ts";

/** The first that knows the records is asked. */
const TOOLS: readonly KnownTool[] = [
  ...[typeform, webflow, gravityForms, facebookLeadAds, shopify, vapi, tally, calendly, elementor],
  googleForms,
];

/** A draft for the first records of a file. Never fails: what nobody knows is guessed at. */
export function draftOf(format: DraftSample["format"], records: readonly unknown[]): SourceDraft {
  const inner = innerList(records);
  if (inner !== null) {
    const draft = draftOf(format, inner.records);
    return { ...draft, settings: { ...draft.settings, records: inner.name } };
  }
  const objects = records.map(objectOf).filter((record) => Object.keys(record).length > 0);
  const sample = { format, records: objects, base: objects.length > 0 && objects.every(isWrapped) ? ["body"] : [] };
  for (const { draft } of TOOLS) {
    const known = draft(sample);
    if (known !== null) return known;
  }
  return draftOfUnknown(sample);
}

/** A webhook that was stored with its headers. */
const isWrapped = (record: Record<string, unknown>): boolean =>
  Object.keys(record).length === 2 && "headers" in record && "body" in record;

/** An API's answer: one object, whose records are the elements of one of its lists. */
function innerList(records: readonly unknown[]): { name: string; records: readonly unknown[] } | null {
  if (records.length !== 1) return null;
  const lists = Object.entries(objectOf(records[0])).filter(
    ([name, list]) =>
      /^(items|results|records|entries|submissions|responses|data|leads|content)$/.test(name) && Array.isArray(list),
  ) as [string, unknown[]][];
  const [only] = lists;
  if (only === undefined || lists.length > 1 || only[1].length === 0) return null;
  return only[1].every((one) => Object.keys(objectOf(one)).length > 0) ? { name: only[0], records: only[1] } : null;
}
