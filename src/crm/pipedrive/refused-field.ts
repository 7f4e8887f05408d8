/** What a refusal is about: the field that it names, as people know it, or else the operation. */
import type { FieldDef } from "../../domain/catalog.ts";
import { causeValue } from "../../domain/cause.ts";
import type { FailureAbout } from "../../domain/chain.ts";
import type { Operation, WriteOperation } from "../../domain/operation.ts";
import type { CrmSession } from "../adapter.ts";
import type { Envelope, Refusal } from "./envelope.ts";
import { pipedriveCodec } from "./fields/codec.ts";

export type Explained = Refusal & { hint?: string; about?: FailureAbout };

/** Since May 2026 validation failures name the `field_code` (developers.pipedrive.com changelog, read 2026-11). */
export function explained(
  refusal: Refusal,
  operation: Operation,
  envelope: Envelope | null,
  { catalog }: CrmSession,
): Explained {
  if (!("entity" in operation)) return refusal;
  const code = envelope?.raw.field_code;
  const isWrite = operation.type === "create" || operation.type === "update";
  if (!isWrite || typeof code !== "string" || !/^[\w.[\]-]{1,100}$/.test(code))
    return { ...refusal, about: { subject: `${operation.entity}.${operation.type}` } };
  const defs = operation.entity === "note" ? [] : (catalog.fields[operation.entity] ?? []);
  const def = defs.find((field) => field.code === code);
  return def === undefined ? ofPath(refusal, operation, code) : ofField(refusal, operation, def, catalog);
}

/** `emails[1].value` as `person.emails`. */
function ofPath(refusal: Refusal, { entity }: WriteOperation, path: string): Explained {
  const name = path.replace(/[.[].*$/, "");
  return {
    ...refusal,
    hint: `Pipedrive does not take what ${entity} field "${name}" was given: mend the value or the map.`,
    about: { subject: `${entity}.${name}` },
  };
}

function ofField(
  refusal: Refusal,
  operation: WriteOperation,
  def: FieldDef,
  catalog: CrmSession["catalog"],
): Explained {
  const sent = operation.values.fields?.[def.code];
  const takesOptions = def.options.length > 0 && sent !== undefined;
  const value = takesOptions ? causeValue(pipedriveCodec.display(def, sent, catalog)) : undefined;
  const field = `${def.entity} field "${def.name}"`;
  return {
    ...refusal,
    ...(def.custom && { message: refusal.message.replaceAll(def.code, `${def.name} (${def.code})`) }),
    hint:
      value === undefined
        ? `Look at ${field} in Pipedrive (its type, its length, whether it is still there), and mend the value or the map.`
        : `See whether ${field} in Pipedrive still has the option "${value}": add it again, or map it to one that is there.`,
    about: { subject: `${def.entity}.${def.name}`, ...(value !== undefined && { value }) },
  };
}
