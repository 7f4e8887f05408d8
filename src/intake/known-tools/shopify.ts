/** Shopify's webhook `customers/create`. */
import { everyRecord, inExpression, type KnownTool } from "./draft.ts";

/** Of the customer in every test notification that Shopify sends. */
const TEST_CUSTOMER = "706405506930370084";
const ADDRESS = "$join(default_address.[address1, address2, $trim(zip & ' ' & city), country][$boolean($)], ', ')";

export const shopify: KnownTool = {
  draft: (sample) => {
    const isCustomer = ({ admin_graphql_api_id: id }: Record<string, unknown>): boolean =>
      typeof id === "string" && id.startsWith("gid://shopify/Customer/");
    if (!everyRecord(sample, isCustomer)) return null;
    const at = (...path: string[]): string => inExpression([...sample.base, ...path]);
    const below = sample.base.length > 0 ? `${inExpression(sample.base)}.` : "";
    return {
      ...{ tool: "a webhook of Shopify (a customer)", name: "shopify" },
      map: {
        ...{ id: at("id"), submittedAt: at("created_at") },
        "person.name":
          below === "" ? "= $trim(first_name & ' ' & last_name)" : `= $trim(${below}(first_name & ' ' & last_name))`,
        "person.email": at("email"),
        "person.phone": [at("phone"), at("default_address", "phone")],
        "organization.name": at("default_address", "company"),
        notes: `= ${below}(\n  $address := ${ADDRESS};\n  $join([note, $address ? 'Address: ' & $address][$boolean($)], '\\n\\n')\n)`,
      },
      settings: { where: `$string(${at("id")}) != '${TEST_CUSTOMER}'` },
      comments: {
        where: "leaves out Shopify's test notification, which always has this id",
        id: "the customer's: right for customers/create, where each comes once",
      },
      remarks: ["Add deal.title to open a deal for each customer."],
    };
  },
};
