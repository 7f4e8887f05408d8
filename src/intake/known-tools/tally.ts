/** Tally's webhook `FORM_RESPONSE`: fields are a list with label, type and value. */
import { everyRecord, inExpression, type KnownTool, linesExpression, objectOf } from "./draft.ts";

export const tally: KnownTool = {
  draft: (sample) => {
    const isResponse = ({ eventType, data }: Record<string, unknown>): boolean =>
      eventType === "FORM_RESPONSE" && Array.isArray(objectOf(data).fields);
    if (!everyRecord(sample, isResponse)) return null;
    const at = (...path: string[]): string => inExpression([...sample.base, ...path]);
    const fields = at("data", "fields");
    const ofType = (type: string): string => `= ${fields}[type = '${type}'][0].value`;
    const others = `${fields}[$not(type in ['INPUT_EMAIL', 'INPUT_PHONE_NUMBER']) and $type(value) in ['string', 'number', 'boolean'] and value != ''].(label & ': ' & $string(value))`;
    return {
      ...{ tool: "a webhook of Tally", name: "tally" },
      map: {
        ...{ id: at("eventId"), submittedAt: at("createdAt") },
        "person.name": `= ${fields}[type = 'INPUT_TEXT' and $contains(label, /name/i)][0].value`,
        "person.email": ofType("INPUT_EMAIL"),
        "person.phone": ofType("INPUT_PHONE_NUMBER"),
        "deal.title": `= 'Tally: ' & ${at("data", "formName")}`,
        notes: linesExpression([others]),
      },
      settings: {},
      comments: {
        "person.name": "the first text field whose label has `name` in it",
        notes: "plain answers; choices are ids in Tally's webhooks",
      },
      remarks: [],
    };
  },
};
