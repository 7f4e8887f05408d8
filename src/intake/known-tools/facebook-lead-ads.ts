/** Download of leads of Facebook and Instagram Lead Ads. */
import { everyRecord, type KnownTool, labelled, linesExpression } from "./draft.ts";
import { guess, leavesOf, mapOf, withoutGuessed } from "./guess.ts";

/** Meta's own columns around the form's answers. */
const META =
  /^(id|created_time|ad_id|ad_name|adset_id|adset_name|campaign_id|campaign_name|form_id|form_name|is_organic|platform|lead_status|inbox_url)$/;

export const facebookLeadAds: KnownTool = {
  draft: (sample) => {
    if (
      sample.format !== "csv" ||
      !everyRecord(sample, (row) => "created_time" in row && "form_id" in row && "is_organic" in row)
    )
      return null;
    const leaves = leavesOf(sample.records, []).filter(({ path }) => !META.test(path[0] as string));
    const found = guess(leaves, sample.records.length);
    const { id: _, submittedAt: __, notes: ___, ...fields } = mapOf(found);
    const answers = [...withoutGuessed(leaves, { ...found, message: null })].map(({ path }) =>
      labelled(path, path[0] as string),
    );
    return {
      ...{ tool: "leads of Facebook Lead Ads", name: "facebook" },
      map: {
        ...{ id: "id", submittedAt: "created_time", ...fields },
        "deal.title": "= 'Facebook: ' & form_name",
        notes: linesExpression([...answers, labelled(["campaign_name"], "Campaign"), labelled(["ad_name"], "Ad")]),
      },
      settings: { format: "csv", where: "$not($contains($string($), '<test lead: dummy data'))" },
      comments: {
        where: "leaves out Meta's test leads",
        notes: "the form's own questions, then where the lead came from",
      },
      remarks: ["Meta keeps leads for 90 days only: download them in time."],
    };
  },
};
