/** Typeform's webhook `form_response`: answers are a list, each with its question's `field.ref` and a value under its type. */
import {
  bodyOf,
  type DraftSample,
  everyRecord,
  inExpression,
  isNameable,
  type KnownTool,
  objectOf,
  quotedText,
  variable,
} from "./draft.ts";
import { words } from "./guess.ts";

interface Question {
  ref: string;
  type: string;
  /** Its title in lower case. */
  name: string;
  /** Several answers may be chosen. */
  many: boolean;
}

const NAME = /\bname\b/;
const COMPANY = /\b(company|organi[sz]ation|firma|business)\b/;

export const typeform: KnownTool = {
  draft: (sample) => {
    if (!everyRecord(sample, isResponse)) return null;
    const form = inExpression([...sample.base, "form_response"]);
    const questions = questionsOf(sample);
    const asking = (name: RegExp) => (one: Question) =>
      one.type === "short_text" && (name.test(words(one.ref)) || name.test(one.name));
    const name = questions.find(asking(NAME));
    const company = questions.find(asking(COMPANY));
    const choice = questions.find(({ type, many }) => type === "multiple_choice" && !many);
    const text = (one: Question): string => `= ${form}.answers[field.ref = ${quotedText(one.ref)}].text`;
    return {
      ...{ tool: "a webhook of Typeform", name: "typeform" },
      map: {
        ...{ id: `${form}.token`, submittedAt: `${form}.submitted_at` },
        ...(name === undefined ? {} : { "person.name": text(name) }),
        "person.email": `= ${form}.answers[type = 'email'][0].email`,
        "person.phone": `= ${form}.answers[type = 'phone_number'][0].phone_number`,
        ...(company === undefined ? {} : { "organization.name": text(company) }),
        "deal.title": `= ${form}.${titleOf(choice)}`,
        notes: noteOf(form, [name, company]),
      },
      settings: { where: `${inExpression([...sample.base, "event_type"])} = 'form_response'` },
      comments: {
        where: "partial responses come to the same address, under the same token",
        id: "the response's own id; event_id is the delivery's",
        "person.email": "the first question of this kind; others are found by their ref, as the name",
        notes: "every other answer under its question, then the hidden fields",
      },
      remarks: ["Give questions a reference of your own in Typeform's editor: without one it is a UUID."],
    };
  },
};

function isResponse({ event_type: type, form_response: form }: Record<string, unknown>): boolean {
  return /^form_response/.test(String(type)) && objectOf(form).form_id !== undefined;
}

function titleOf(choice: Question | undefined): string {
  if (choice === undefined) return "definition.title";
  const name = variable(choice.ref);
  return `(${name} := answers[field.ref = ${quotedText(choice.ref)}].choice.(label ? label : other);
  definition.title & (${name} ? ': ' & ${name} : ''))`;
}

/** One note of all answers that no other line reads. `xxxxx` is what Typeform sends where a link had no hidden field. */
function noteOf(form: string, read: readonly (Question | undefined)[]): string {
  const others = read.map((one) => (one === undefined ? "" : ` and field.ref != ${quotedText(one.ref)}`)).join("");
  return `= ${form}.(
  $questions := definition.fields;
  $answered := answers[$not(type in ['email', 'phone_number'])${others}].(
    $id := field.id;
    $value := $lookup($, type);
    $question := $trim($replace($questions[id = $id].title, /\\*|\\{\\{.*?\\}\\}/, ''));
    $text := $type($value) = 'object' ? $join($append($value.labels, [$value.label, $value.other]), '; ')
      : $type($value) = 'boolean' ? ($value ? 'yes' : 'no')
      : $string($value);
    $question & (type = 'text' ? '\\n' : ' ') & $text
  );
  $hidden := $each($sift(hidden, function($v) { $not($v in ['', 'xxxxx']) }), function($v, $k) { $k & ': ' & $v });
  $join($append($answered, $hidden), '\\n')
)`;
}

function questionsOf(sample: DraftSample): Question[] {
  const found = new Map<string, Question>();
  for (const record of sample.records) {
    const { definition } = objectOf(bodyOf(sample, record).form_response);
    const { fields } = objectOf(definition);
    for (const field of Array.isArray(fields) ? fields : []) {
      const { ref, type, title, allow_multiple_selections: many } = objectOf(field);
      if (typeof ref !== "string" || !isNameable(ref) || found.has(ref)) continue;
      const name = words(String(title).replace(/\{\{.*?\}\}/g, ""));
      found.set(ref, { ref, type: String(type), name, many: many === true });
    }
  }
  return [...found.values()];
}
