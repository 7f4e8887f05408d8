/** Webflow's webhook `form_submission` (API v2): the form's labels are the keys of `payload.data`. */
import { bodyOf, type DraftSample, everyRecord, inExpression, isNameable, type KnownTool, objectOf } from "./draft.ts";
import { guess, leavesOf, mapOf } from "./guess.ts";

export const webflow: KnownTool = {
  draft: (sample) => {
    if (!everyRecord(sample, ({ triggerType, payload }) => triggerType !== undefined && "data" in objectOf(payload)))
      return null;
    const payload = [...sample.base, "payload"];
    const found = guess(leavesOf(sample.records, [...payload, "data"]), sample.records.length);
    const { notes: _, ...fields } = mapOf({ ...found, id: null, time: null, message: null });
    const at = (name: string): string => inExpression([...payload, name]);
    const message = found.message === null ? "" : `${inExpression(found.message.path.slice(payload.length))}, `;
    return {
      ...{ tool: "a webhook of Webflow", name: "webflow" },
      map: {
        ...{ id: at("id"), submittedAt: at("submittedAt"), ...fields },
        "deal.title": titleOf(sample, inExpression(payload)),
        notes: `= ${inExpression(payload)}.$join([${message}'Page: ' & pageUrl], '\\n\\n')`,
      },
      settings: {
        where: `${inExpression([...sample.base, "triggerType"])} = 'form_submission'`,
        restToNote: at("data"),
      },
      comments: {
        where: "one address may get other triggers too",
        "deal.title": "the form's name, and what was chosen in its first list: a list left alone sends its prompt",
        restToNote: "any other field of the form becomes a line of the note",
      },
      remarks: [],
    };
  },
};

function titleOf(sample: DraftSample, payload: string): string {
  const list = sample.records
    .flatMap((record) => objectOf(bodyOf(sample, record).payload).schema)
    .map(objectOf)
    .find(({ fieldType, fieldName }) => fieldType === "FormSelect" && isNameable(String(fieldName)));
  if (list === undefined) return `${payload}.name`;
  const chosen = inExpression(["data", String(list.fieldName)]);
  return `= ${payload}.(name & (${chosen} and ${chosen} != 'Select one...' ? ': ' & ${chosen} : ''))`;
}
