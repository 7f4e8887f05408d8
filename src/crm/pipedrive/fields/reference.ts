import { type FieldType, foldLabel, idOf, notTaken, plainText, taken } from "./field-type.ts";

/** A user, given by e-mail address or name. Needs the catalog's users. */
export const userType: FieldType = {
  encode(value, _def, catalog) {
    const text = foldLabel(plainText(value) ?? "");
    const users = (catalog.users ?? []).filter((user) => user.active);
    const byEmail = users.filter((user) => foldLabel(user.email) === text);
    const found = byEmail.length > 0 ? byEmail : users.filter((user) => foldLabel(user.name) === text);
    if (found.length === 1) return taken(Number(found[0]!.id));
    return notTaken(
      found.length === 0 ? "is not an active user of the CRM" : "is the name of several users: use an e-mail address",
    );
  },
  equal: sameId,
  display: (value, _def, catalog) => {
    const id = idOf(value) ?? "";
    return catalog.users?.find((user) => user.id === id)?.name ?? id;
  },
};

/** Another record (`org`, `people`), given by its id. */
export const recordType: FieldType = {
  encode(value) {
    const text = plainText(value) ?? "";
    return /^[1-9]\d{0,14}$/.test(text) ? taken(Number(text)) : notTaken("is not the id of a record");
  },
  equal: sameId,
  display: (value) => idOf(value) ?? "",
};

function sameId(ours: unknown, theirs: unknown): boolean {
  return idOf(ours) !== null && idOf(ours) === idOf(theirs);
}
