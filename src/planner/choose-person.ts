/** Chooses the CRM record that a step means among confirmed candidates, and says why in one sentence for `show`. Pure. */
import type { StepContent } from "../domain/chain.ts";
import { emailKey, fieldKey, foldName, type IdentityKey, normalizeEmail, phoneKey } from "../domain/identity.ts";
import type { CrmRecord } from "../domain/operation.ts";
import { matchText, oldestFirst, organizationKeys } from "../domain/record-keys.ts";
import type { ChoosePerson, PlanContext } from "./planner.ts";
import { findField } from "./resolve-names.ts";

interface Keyed {
  kind: "email" | "phone" | "field";
  /** How the sentence calls it. */
  words: string;
  carriedBy: (record: CrmRecord) => boolean;
}

/** See `ChoosePerson`. The first key for which any candidate counts decides. */
export const choosePerson: ChoosePerson = (content, candidates, context) => {
  const there = candidates.filter((record) => !record.deleted && !record.archived).sort(oldestFirst);
  const weHaveEmail = hasEmail(content.values.emails ?? []);
  const disregarded: CrmRecord[] = [];
  for (const key of (content.matchKeys ?? []).map((each) => keyed(each, context))) {
    const carrying = there.filter(key.carriedBy);
    const counting =
      key.kind === "phone" ? carrying.filter((each) => !weHaveEmail || !hasEmail(each.emails)) : carrying;
    disregarded.push(...carrying.filter((each) => !counting.includes(each)));
    const [chosen] = counting;
    if (chosen === undefined) continue;
    const why = counting.length === 1 ? "" : severalSentence("persons", counting);
    return { record: chosen, explanation: `Person ${chosen.id} has the same ${key.words}${why}.` };
  }
  const [byPhoneOnly] = disregarded;
  if (byPhoneOnly !== undefined) {
    const who = `Person ${byPhoneOnly.id} has the same phone number`;
    return { record: null, explanation: `${who}, but another e-mail address: a new person is made.` };
  }
  return { record: null, explanation: "No person at the CRM has its e-mail address, phone number or match field." };
};

/** For an organization: the oldest of those with the same name, case and spaces folded. */
export function chooseOrganization(content: StepContent, candidates: readonly CrmRecord[]): ReturnType<ChoosePerson> {
  const wanted = content.matchKeys?.[0];
  const named = candidates
    .filter((record) => !record.deleted && !record.archived && wanted !== undefined)
    .filter((record) => organizationKeys(record).some((key) => key === wanted))
    .sort(oldestFirst);
  const [chosen] = named;
  if (chosen === undefined) return { record: null, explanation: "No organization at the CRM has this name." };
  const why = named.length === 1 ? "" : severalSentence("organizations", named);
  return { record: chosen, explanation: `Organization ${chosen.id} has the same name${why}.` };
}

function severalSentence(what: string, records: readonly CrmRecord[]): string {
  const others = records.slice(1, 6).map((record) => record.id);
  const more = records.length > 6 ? ", ..." : "";
  return `; ${records.length} ${what} do, the oldest is used (others: ${others.join(", ")}${more})`;
}

function hasEmail(emails: readonly string[]): boolean {
  return emails.some((email) => normalizeEmail(email) !== null);
}

function keyed(key: IdentityKey, context: PlanContext): Keyed {
  if (key.startsWith("email:")) {
    const carries = (text: string): boolean => {
      const email = normalizeEmail(text);
      return email !== null && emailKey(email) === key;
    };
    return { kind: "email", words: "e-mail address", carriedBy: (record) => record.emails.some(carries) };
  }
  if (key.startsWith("phone:")) {
    const carries = (text: string): boolean => {
      const phone = context.phone(text, context.country ?? undefined);
      return phone !== null && phoneKey(phone) === key;
    };
    return { kind: "phone", words: "phone number", carriedBy: (record) => record.phones.some(carries) };
  }
  return fieldKeyed(key, context);
}

/** A name may hold colons, so the field is found by trying each: the key can't be taken apart safely. */
function fieldKeyed(key: IdentityKey, context: PlanContext): Keyed {
  const defs = (context.catalog.fields.person ?? []).filter((def) =>
    foldName(key).startsWith(`field:${foldName(def.name)}:`),
  );
  for (const def of defs) {
    const name = key.slice("field:".length, "field:".length + def.name.length);
    const found = findField(context.catalog, "person", name);
    if (!found.ok) continue;
    const { code } = found.value;
    const carriedBy = (record: CrmRecord): boolean => {
      const text = matchText(record.fields[code]);
      return text !== null && fieldKey(name, text) === key;
    };
    return { kind: "field", words: `field "${name}"`, carriedBy };
  }
  return { kind: "field", words: "match field", carriedBy: () => false };
}
