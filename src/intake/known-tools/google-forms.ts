/** Responses of a Google Form, downloaded as CSV or from the linked sheet: no id, and the questions are the header. */
import { everyRecord, type KnownTool } from "./draft.ts";
import { guess, leavesOf, mapOf } from "./guess.ts";
import { pictureOf } from "./time-pictures.ts";

export const googleForms: KnownTool = {
  draft: (sample) => {
    const leaves = leavesOf(sample.records, []);
    const [first] = leaves;
    // The first column's name is translated; its form is not.
    const isTimestamp = first !== undefined && first.values.length > 0 && pictureOf(first.values) !== null;
    if (sample.format !== "csv" || !isTimestamp || !everyRecord(sample, (row) => first.path[0]! in row)) return null;
    const found = guess(leaves.slice(1), sample.records.length);
    const { id: _, ...fields } = mapOf({ ...found, time: first, id: null });
    const hasOffset = /GMT/.test(first.values[0] as string);
    return {
      ...{ tool: "responses of Google Forms", name: "google-forms" },
      map: fields,
      settings: { format: "csv", ...(hasOffset ? {} : { timezone: "UTC" }), restToNote: "$" },
      comments: {
        submittedAt: "as the download writes it",
        timezone: "name the sheet's zone here: its times have no offset",
        restToNote: "every other answer becomes a line of the note",
      },
      remarks: [
        "Google Forms gives no id: the key is a hash of answers and time, so a response that is edited in the sheet becomes a new submission.",
        "`sameWithin: 2m` would take two equal responses of one person within two minutes for one.",
      ],
    };
  },
};
