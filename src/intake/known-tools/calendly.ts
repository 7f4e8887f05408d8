/** Calendly's webhook `invitee.created`. */
import { everyRecord, inExpression, type KnownTool, linesExpression, objectOf } from "./draft.ts";

export const calendly: KnownTool = {
  draft: (sample) => {
    const isInvitee = ({ event, payload }: Record<string, unknown>): boolean =>
      /^invitee\./.test(String(event)) && "email" in objectOf(payload);
    if (!everyRecord(sample, isInvitee)) return null;
    const at = (...path: string[]): string => inExpression([...sample.base, ...path]);
    return {
      ...{ tool: "a webhook of Calendly", name: "calendly" },
      map: {
        ...{ id: at("payload", "uri"), submittedAt: at("created_at") },
        ...{ "person.name": at("payload", "name"), "person.email": at("payload", "email") },
        "person.phone": at("payload", "text_reminder_number"),
        "deal.title": `= 'Calendly: ' & ${at("payload", "scheduled_event", "name")}`,
        notes: linesExpression([
          `'Booked for: ' & ${at("payload", "scheduled_event", "start_time")}`,
          `${at("payload", "questions_and_answers")}.(question & ': ' & answer)`,
        ]),
      },
      settings: { where: `${at("event")} = 'invitee.created'` },
      comments: { id: "the invitee's address at Calendly", where: "cancellations come to the same address" },
      remarks: [],
    };
  },
};
