/** Vapi's server message `end-of-call-report`. */
import { bodyOf, everyRecord, inExpression, type KnownTool, objectOf } from "./draft.ts";
import { guess, leavesOf, mapOf } from "./guess.ts";

export const vapi: KnownTool = {
  draft: (sample) => {
    const isMessage = ({ message }: Record<string, unknown>): boolean =>
      typeof objectOf(message).type === "string" && "call" in objectOf(message);
    if (!everyRecord(sample, isMessage)) return null;
    const at = (...path: string[]): string => inExpression([...sample.base, "message", ...path]);
    const reports = sample.records.filter(
      (record) => objectOf(bodyOf(sample, record).message).type === "end-of-call-report",
    );
    const root = [...sample.base, "message", "analysis", "structuredData"];
    const heard = mapOf(guess(leavesOf(reports, root), reports.length));
    const [name, company] = [heard["person.name"], heard["organization.name"]];
    return {
      ...{ tool: "a server message of Vapi", name: "vapi" },
      map: {
        ...{ id: at("call", "id"), submittedAt: at("endedAt") },
        "person.name": [...(name === undefined ? [] : [name].flat()), at("customer", "name")],
        ...(heard["person.email"] === undefined ? {} : { "person.email": heard["person.email"] }),
        "person.phone": at("customer", "number"),
        ...(company === undefined ? {} : { "organization.name": company }),
        notes: at("analysis", "summary"),
      },
      settings: { where: `${at("type")} = 'end-of-call-report'`, restToNote: inExpression(root) },
      comments: {
        "person.name": "what the assistant heard, else what the call was made with",
        "person.email": "what the assistant heard; what is no address goes into the note",
        where: "one server URL gets all kinds of messages; this is the one with the summary",
        restToNote: "what else the analysis was asked to find",
      },
      remarks: [
        "Add deal.title to open a deal for each call.",
        "A web call has no number: without a usable e-mail it is rejected, and kept.",
      ],
    };
  },
};
