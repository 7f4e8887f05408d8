/** Webflow's webhook `form_submission` (API v2): the form's labels are the keys of `payload.data`. */
import { everyRecord, inExpression, type KnownTool, objectOf } from "./draft.ts";
import { guess, leavesOf, mapOf } from "./guess.ts";

export const webflow: KnownTool = {
  draft: (sample) => {
    if (
      !everyRecord(
        sample,
        ({ triggerType, payload }) => triggerType === "form_submission" && objectOf(payload).data !== undefined,
      )
    )
      return null;
    const payload = [...sample.base, "payload"];
    const {
      id: _,
      submittedAt: __,
      ...fields
    } = mapOf(guess(leavesOf(sample.records, [...payload, "data"]), sample.records.length));
    const at = (name: string): string => inExpression([...payload, name]);
    return {
      ...{ tool: "a webhook of Webflow", name: "webflow" },
      map: { id: at("id"), submittedAt: at("submittedAt"), ...fields, "deal.title": `= 'Webflow: ' & ${at("name")}` },
      settings: { restToNote: at("data") },
      comments: {
        "deal.title": "the form's name",
        restToNote: "every other field of the form becomes a line of the note",
      },
      remarks: [],
    };
  },
};
