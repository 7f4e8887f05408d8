/** Shopify's webhook `customers/create`. */
import { everyRecord, inExpression, type KnownTool, objectOf } from "./draft.ts";

/** Of the customer in every test notification that Shopify sends. */
const TEST_CUSTOMER = "706405506930370084";

export const shopify: KnownTool = {
  draft: (sample) => {
    const isCustomer = ({ admin_graphql_api_id: id }: Record<string, unknown>): boolean =>
      typeof id === "string" && id.startsWith("gid://shopify/Customer/");
    if (!everyRecord(sample, isCustomer)) return null;
    const at = (...path: string[]): string => inExpression([...sample.base, ...path]);
    const eventId = eventHeader(sample.records[0]);
    return {
      ...{ tool: "a webhook of Shopify (a customer)", name: "shopify" },
      map: {
        id: eventId === null ? at("id") : inExpression(["headers", eventId]),
        submittedAt: at("created_at"),
        "person.name": `= $trim(${at("first_name")} & ' ' & ${at("last_name")})`,
        "person.email": at("email"),
        "person.phone": [at("phone"), at("default_address", "phone")],
        "organization.name": at("default_address", "company"),
        notes: at("note"),
      },
      settings: { where: `${at("id")} != '${TEST_CUSTOMER}'` },
      comments: {
        id:
          eventId === null
            ? "the customer's id: for customers/create only, where each comes once"
            : "the event's id: a redelivery has the same one",
        where: "leaves out the customer of Shopify's test notifications",
      },
      remarks: ["Add deal.title to open a deal for each customer."],
    };
  },
};

/** The header that names the event, where the webhook was stored with its headers. */
function eventHeader(record: unknown): string | null {
  return Object.keys(objectOf(objectOf(record).headers)).find((name) => /^x-shopify-event-id$/i.test(name)) ?? null;
}
