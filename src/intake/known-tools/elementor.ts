/** Elementor's form webhook with "advanced data": url-encoded, `fields[name][value]`, with the form's name and meta data. */
import { bodyOf, type DraftSample, everyRecord, inExpression, type KnownTool, objectOf, quotedText } from "./draft.ts";
import { guess, type Leaf, leavesOf, mapOf, words } from "./guess.ts";

export const elementor: KnownTool = {
  draft: (sample) => {
    const isForm = ({ form, fields }: Record<string, unknown>): boolean =>
      "name" in objectOf(form) &&
      Object.keys(objectOf(fields)).length > 0 &&
      Object.values(objectOf(fields)).every((field) => "raw_value" in objectOf(field));
    if (!everyRecord(sample, isForm)) return null;
    const found = { ...guess(valuesOf(sample), sample.records.length), id: null, time: null };
    const { notes: _, ...fields } = mapOf(found);
    const { name, message, email, phone, company } = found;
    const read = [...name, message, email, phone, company].flatMap((leaf) => leaf?.path.at(-2) ?? []);
    const at = (...path: string[]): string => inExpression([...sample.base, ...path]);
    const first = message === null ? "[]" : `[${inExpression(message.path)}][$ != '']`;
    const others = `$not($k in [${read.map(quotedText).join(", ")}]) and $v.value != ''`;
    return {
      ...{ tool: "a webhook of Elementor (advanced data)", name: "elementor" },
      map: {
        ...fields,
        "deal.title": `= 'Website: ' & ${at("form", "name")}`,
        notes: `= $join($append(${first},\n  $each($sift(${at("fields")}, function($v, $k) { ${others} }),\n    function($v) { $v.title & ': ' & $v.value })), '\\n')`,
      },
      settings: {},
      comments: { notes: "the message, then every other field under its label" },
      remarks: [
        "Elementor gives neither an id nor a time that can be read: two posts with the same content are taken for one.",
        "Let what stores the post add both (a member `id`, a member `submittedAt`), and map them.",
      ],
    };
  },
};

/** Each field's value, called as the field is. */
function valuesOf(sample: DraftSample): Leaf[] {
  const titles = new Map<string, string>();
  for (const record of sample.records) {
    for (const [id, field] of Object.entries(objectOf(bodyOf(sample, record).fields))) {
      titles.set(id, words(String(objectOf(field).title || id)));
    }
  }
  return leavesOf(sample.records, [...sample.base, "fields"])
    .filter(({ path }) => path.at(-1) === "value")
    .map((leaf) => ({ ...leaf, name: titles.get(leaf.path.at(-2) as string) ?? leaf.name }));
}
