/** Vapi's server message `end-of-call-report`. */
import { bodyOf, everyRecord, inExpression, type KnownTool, objectOf } from "./draft.ts";
import { type Guess, guess, type Leaf, leavesOf, mapOf } from "./guess.ts";

const REPORT = "end-of-call-report";
/** Ends of a call that reached nobody. */
const NOBODY = "['voicemail', 'customer-did-not-answer', 'customer-busy']";

export const vapi: KnownTool = {
  draft: (sample) => {
    const isMessage = ({ message }: Record<string, unknown>): boolean =>
      typeof objectOf(message).type === "string" && "call" in objectOf(message);
    if (!everyRecord(sample, isMessage)) return null;
    const message = [...sample.base, "message"];
    const at = (...path: string[]): string => inExpression([...message, ...path]);
    const reports = sample.records.filter((record) => objectOf(bodyOf(sample, record).message).type === REPORT);
    const heard = leavesOf(reports, [...message, "analysis", "structuredData"]);
    const found = { ...guess(heard, reports.length), id: null, time: null, message: null, phone: null };
    const { "person.name": name, ...fields } = mapOf(found);
    return {
      ...{ tool: "a server message of Vapi", name: "vapi" },
      map: {
        ...{ id: at("call", "id"), submittedAt: [at("endedAt"), at("timestamp")], ...fields },
        "person.name": [...(name === undefined ? [] : [name].flat()), at("customer", "name")],
        ...emailOf(found),
        "person.phone": at("customer", "number"),
        "deal.title": titleOf(at(), heard, message.length),
        ...moneyOf(heard),
        notes: `= ${at()}.$join([analysis.summary, 'Recording: ' & artifact.recordingUrl], '\\n\\n')`,
      },
      settings: {
        where: `${at("type")} = '${REPORT}'`,
        deals: { match: "openDealOfPerson" },
        restToNote: at("analysis", "structuredData"),
      },
      comments: {
        where: "one server URL gets all message types; the others of a call have its id too",
        deals: "a second call goes on the deal that is open",
        "person.name": "what the assistant heard, else what the call was made with",
        "person.email": '"noor AT example DOT com" is how some addresses are heard',
        "person.phone": "missing on web calls: without an e-mail such a record is rejected, and kept",
        "deal.title": "no deal for a call that reached nobody",
        restToNote: "what else the assistant's analysis was asked to find",
      },
      remarks: [],
    };
  },
};

function emailOf({ email }: Guess): Record<string, string> {
  if (email === null) return {};
  return { "person.email": `= ${inExpression(email.path)}.$replace($replace($, / at /i, '@'), / dot /i, '.')` };
}

function titleOf(message: string, heard: readonly Leaf[], depth: number): string {
  const topic = heard.find(({ name }) => /\b(service|topic|product|reason|intent|interest)\b/.test(name));
  const name = topic === undefined ? null : inExpression(topic.path.slice(depth));
  const title = name === null ? "'Call'" : `'Call' & (${name} ? ': ' & ${name} : '')`;
  return `= ${message}[$not(endedReason in ${NOBODY})].(${title})`;
}

function moneyOf(heard: readonly Leaf[]): Record<string, string> {
  const money = heard.find(({ name }) => /\b(budget|amount|value|price)\b/.test(name));
  return money === undefined ? {} : { "deal.value": inExpression(money.path) };
}
