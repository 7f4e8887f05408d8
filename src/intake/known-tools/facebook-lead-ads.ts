/** Download of leads of Facebook and Instagram Lead Ads. */
import { everyRecord, inExpression, type KnownTool, quotedText } from "./draft.ts";
import { type Guess, guess, leavesOf, mapOf } from "./guess.ts";

/** Meta's own columns before and after the form's answers. */
const BEFORE = [
  ...["id", "created_time", "ad_id", "ad_name", "adset_id", "adset_name", "campaign_id", "campaign_name"],
  ...["form_id", "form_name", "is_organic", "platform"],
];
const AFTER = ["lead_status", "inbox_url"];

export const facebookLeadAds: KnownTool = {
  draft: (sample) => {
    const isLead = (row: object): boolean => "created_time" in row && "form_id" in row && "is_organic" in row;
    if (sample.format !== "csv" || !everyRecord(sample, isLead)) return null;
    const meta = new Set([...BEFORE, ...AFTER]);
    const leaves = leavesOf(sample.records, []).filter(({ path }) => !meta.has(path[0] as string));
    const found = { ...guess(leaves, sample.records.length), id: null, time: null, message: null };
    const phone = found.phone === null ? null : inExpression(found.phone.path);
    return {
      ...{ tool: "leads of Facebook Lead Ads", name: "facebook-lead-ads" },
      map: {
        ...{ id: "= $replace(id, /^l:/, '')", submittedAt: "created_time", ...mapOf(found) },
        ...(phone === null ? {} : { "person.phone": `= $replace(${phone}, /^p:/, '')` }),
        "deal.title": "= (platform = 'ig' ? 'Instagram: ' : 'Facebook: ') & form_name",
        notes: noteOf([...BEFORE, ...columnsOf(found), ...AFTER]),
      },
      settings: { where: "$not($contains($string($), '<test lead'))" },
      comments: {
        where: "leaves out Meta's test leads",
        id: "without its prefix it is the id of Meta's webhook and API",
        notes: "the form's own questions, whatever they are, and the campaign",
      },
      remarks: ["Meta keeps leads for 90 days only: download them in time."],
    };
  },
};

const columnsOf = ({ name, email, phone, company }: Guess): string[] =>
  [...name, email, phone, company].flatMap((leaf) => (leaf === null ? [] : [leaf.path[0] as string]));

function noteOf(columns: readonly string[]): string {
  const read = columns.map(quotedText).join(", ");
  return `= $join($append(
  $each($sift($, function($v, $k) { $v != '' and $not($k in [${read}]) }),
    function($v, $k) { $replace($k, '_', ' ') & ($contains($k, /\\?$/) ? ' ' : ': ') & $v }),
  campaign_name ? 'Campaign: ' & campaign_name), '\\n')`;
}
