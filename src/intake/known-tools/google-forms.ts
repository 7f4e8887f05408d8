/** Responses of a Google Form, downloaded as CSV or from the linked sheet: no id, and the questions are the header. */
import { everyRecord, inExpression, type KnownTool } from "./draft.ts";
import { guess, type Leaf, leavesOf, mapOf } from "./guess.ts";
import { pictureOf } from "./time-pictures.ts";

/** What the columns of time and e-mail are called in English: in the download, in the linked sheet. */
const ENGLISH_TIME = "Timestamp";
const EMAIL_COLUMNS = ["Username", "Email Address"];

export const googleForms: KnownTool = {
  draft: (sample) => {
    const [first, ...questions] = leavesOf(sample.records, []);
    if (sample.format !== "csv" || first === undefined || !isTimestamp(first)) return null;
    if (!everyRecord(sample, (row) => (first.path[0] as string) in row)) return null;
    const found = guess(questions, sample.records.length);
    const { "person.email": email, ...fields } = mapOf({ ...found, id: null, time: null });
    return {
      ...{ tool: "responses of Google Forms", name: "google-forms" },
      map: {
        submittedAt: timeOf(first),
        ...fields,
        ...(email === undefined
          ? {}
          : { "person.email": EMAIL_COLUMNS.includes(String(email)) ? EMAIL_COLUMNS : email }),
        "deal.title": titleOf(found.company),
      },
      settings: { sameWithin: "10m", timezone: "UTC", restToNote: "$" },
      comments: {
        sameWithin: "the same answers of the same person again: sent twice",
        timezone: "put the linked sheet's zone here: its times have no offset, those of the download have",
        submittedAt: "as the download writes it, then as the linked sheet does (in the sheet's locale)",
        restToNote: "every other question becomes a line of the note",
      },
      remarks: [
        "Google Forms gives no id: the key is a hash of what this map makes of a response, with its time. Decide on the map before the first import.",
      ],
    };
  },
};

/** The column's name is translated; its form is not. A column of dates that is not the first is somebody's question. */
function isTimestamp({ path, values }: Leaf): boolean {
  if (values.length === 0) return false;
  return path[0] === ENGLISH_TIME ? pictureOf(values) !== null : values.every((value) => /[AP]M GMT/.test(value));
}

function timeOf({ path, values }: Leaf): string {
  const name = inExpression(path);
  const sheet = values.some((value) => value.includes("GMT")) ? "[M]/[D]/[Y] [H]:[m]:[s]" : pictureOf(values);
  return `= $contains(${name}, 'GMT')\n  ? $time(${name}, '[Y]/[M]/[D] [h]:[m]:[s] [P] [z0]')\n  : $time(${name}, '${sheet}')`;
}

function titleOf(company: Leaf | null): string {
  if (company === null) return "= 'Enquiry'";
  const name = inExpression(company.path);
  return `= 'Enquiry' & (${name} ? ': ' & ${name} : '')`;
}
