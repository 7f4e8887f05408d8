/** Typeform's webhook `form_response`: answers are a list, each with its question's `field.ref` and a value under its type. */
import {
  bodyOf,
  type DraftSample,
  everyRecord,
  inExpression,
  type KnownTool,
  linesExpression,
  objectOf,
  quotedText,
} from "./draft.ts";
import { words } from "./guess.ts";

interface Question {
  ref: string;
  type: string;
  name: string;
}

const NAME = /\bname\b/;
const COMPANY = /\b(company|organi[sz]ation|firma|business)\b/;

export const typeform: KnownTool = {
  draft: (sample) => {
    if (
      !everyRecord(
        sample,
        ({ event_type, form_response }) =>
          event_type === "form_response" && objectOf(form_response).form_id !== undefined,
      )
    )
      return null;
    const form = inExpression([...sample.base, "form_response"]);
    const questions = questionsOf(sample);
    const find = (type: RegExp, name: RegExp): Question | undefined =>
      questions.find((one) => type.test(one.type) && (name.test(words(one.ref)) || name.test(one.name)));
    const name = find(/^short_text$/, NAME);
    const company = find(/^short_text$/, COMPANY);
    const message = questions.find(({ type }) => type === "long_text");
    const chosen = [name, company, message].filter((one) => one !== undefined);
    const text = ({ ref }: Question): string => `${form}.answers[field.ref = ${quotedText(ref)}].text`;
    return {
      ...{ tool: "a webhook of Typeform", name: "typeform" },
      map: {
        id: inExpression([...sample.base, "event_id"]),
        submittedAt: `${form}.submitted_at`,
        ...(name === undefined ? {} : { "person.name": `= ${text(name)}` }),
        "person.email": `= ${form}.answers[type = 'email'][0].email`,
        "person.phone": `= ${form}.answers[type = 'phone_number'][0].phone_number`,
        ...(company === undefined ? {} : { "organization.name": `= ${text(company)}` }),
        "deal.title": `= 'Typeform: ' & ${form}.definition.title`,
        notes: linesExpression([...(message === undefined ? [] : [text(message)]), others(form, chosen)]),
      },
      settings: { restToNote: `${form}.hidden` },
      comments: {
        id: "a redelivery has the same one",
        "person.email": "the first question of this type; or by its ref, as person.name",
        notes: "the message, then every other answer under its question",
        restToNote: "hidden fields, such as utm_source",
      },
      remarks: ["Give questions a `ref` of your own in Typeform's editor: without one it is a random id."],
    };
  },
};

/** Answers that no other line reads, each as `question: answer`, whatever its type. */
function others(form: string, chosen: readonly Question[]): string {
  const known =
    chosen.length === 0 ? "" : ` and $not(field.ref in [${chosen.map(({ ref }) => quotedText(ref)).join(", ")}])`;
  const value = "$type($v) = 'object' ? $join($append($v.labels, [$v.label, $v.other]), ', ') : $string($v)";
  return `($fields := ${form}.definition.fields; ${form}.answers[$not(type in ['email', 'phone_number'])${known}].($v := $lookup($, type); $ref := field.ref; $fields[ref = $ref].title & ': ' & (${value})))`;
}

function questionsOf(sample: DraftSample): Question[] {
  const found = new Map<string, Question>();
  for (const record of sample.records) {
    const { definition } = objectOf(bodyOf(sample, record).form_response);
    const { fields } = objectOf(definition);
    for (const field of Array.isArray(fields) ? fields : []) {
      const { ref, type, title } = objectOf(field);
      if (typeof ref !== "string" || found.has(ref)) continue;
      found.set(ref, { ref, type: String(type), name: words(String(title).replace(/\{\{.*?\}\}/g, "")) });
    }
  }
  return [...found.values()];
}
