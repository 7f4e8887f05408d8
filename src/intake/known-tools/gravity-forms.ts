/** Gravity Forms' CSV of entries: the form's fields, then columns of the plugin's own. */
import { everyRecord, inExpression, type KnownTool, labelled, linesExpression, quotedText } from "./draft.ts";
import { guess, type Leaf, leavesOf, mapOf, withoutGuessed } from "./guess.ts";

/** The plugin's own columns, as they are called in English. */
const PLUGIN =
  /^(Created By \(User Id\)|Entry Id|Entry Date|Date Updated|Source Url|Transaction Id|Payment Amount|Payment Date|Payment Status|Post Id|User Agent|User IP)$/;
const CONSENT = /\((Consent|Text|Description)\)$/;

export const gravityForms: KnownTool = {
  draft: (sample) => {
    if (
      sample.format !== "csv" ||
      !everyRecord(sample, (row) => "Entry Id" in row && "Entry Date" in row && "Source Url" in row)
    )
      return null;
    const leaves = leavesOf(sample.records, []).filter(({ path }) => !PLUGIN.test(path[0] as string));
    const found = guess(leaves, sample.records.length);
    const { id: _, submittedAt: __, notes: ___, ...fields } = mapOf(found);
    const lines = linesOf(withoutGuessed(leaves, found).filter(({ path }) => !CONSENT.test(path[0] as string)));
    const message = found.message === null ? [] : [inExpression(found.message.path)];
    return {
      ...{ tool: "an export of Gravity Forms", name: "gravity-forms" },
      map: {
        ...{ id: "`Entry Id`", submittedAt: "`Entry Date`", ...fields },
        notes: linesExpression([...message, ...lines, labelled(["Source Url"], "Page")]),
      },
      settings: { format: "csv", timezone: "UTC" },
      comments: {
        submittedAt: "local time of the site",
        timezone: "name the site's zone here, such as America/New_York: the times have no offset",
      },
      remarks: ["Add deal.title to open a deal for each entry."],
    };
  },
};

/** `Interests (Demo)`, `Interests (Pricing)` are choices of one field: the chosen ones make one line. */
function linesOf(leaves: readonly Leaf[]): string[] {
  const groups = new Map<string, Leaf[]>();
  for (const leaf of leaves) {
    const [, field, choice] = /^(.*) \((.*)\)$/.exec(leaf.path[0] as string) ?? [];
    const isChoice = field !== undefined && leaf.values.every((value) => value === choice);
    const name = isChoice ? field : (leaf.path[0] as string);
    groups.set(name, [...(groups.get(name) ?? []), leaf]);
  }
  return [...groups].map(([name, members]) => {
    const [first] = members as [Leaf];
    if (members.length === 1) return labelled(first.path, name);
    const cells = `[${members.map(({ path }) => inExpression(path)).join(", ")}][$ != '']`;
    return `$exists(${cells}) ? ${quotedText(`${name}: `)} & $join(${cells}, ', ')`;
  });
}
