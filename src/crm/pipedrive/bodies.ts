/** Request bodies of writes. */
import type { EntityValues } from "../../domain/chain.ts";
import { CrmledgerError } from "../../domain/errors.ts";
import type { CrmRecord, Links, Ref, WriteOperation } from "../../domain/operation.ts";
import type { CrmSession } from "../adapter.ts";
import { BUILT_IN_WRITABLE, wireId } from "./names.ts";
import { noteContent } from "./note-text.ts";

type Body = Record<string, unknown>;

/**
 * The body of a create or an update. A create carries its stamp. Throws `crmSetupMissing` where the stamp field is not
 * known: a create without its stamp could never be found again.
 */
export function writeBody(operation: WriteOperation, session: CrmSession): Body {
  const { values, links } = operation;
  if (operation.entity === "note") return noteBody(operation, values, links);
  const custom: Body = {};
  const body: Body = {
    ...(values.title !== undefined && { title: values.title }),
    ...(values.name !== undefined && { name: values.name }),
    ...contactBody(operation),
    ...(values.value !== undefined && { value: values.value }),
    ...(values.currency !== undefined && { currency: values.currency }),
    ...(values.ownerId !== undefined && { owner_id: wireId(values.ownerId) }),
    ...linkBody(links),
    ...(values.pipelineId !== undefined && { pipeline_id: wireId(values.pipelineId) }),
    ...(values.stageId !== undefined && { stage_id: wireId(values.stageId) }),
    ...(values.labelIds !== undefined && { label_ids: values.labelIds.map(wireId) }),
  };
  for (const [code, value] of Object.entries(values.fields ?? {})) {
    const target = BUILT_IN_WRITABLE[operation.entity].includes(code) ? body : custom;
    target[code] = value;
  }
  if (operation.type === "create" && operation.stamp !== null)
    custom[stampField(operation.entity, session)] = operation.stamp;
  return Object.keys(custom).length === 0 ? body : { ...body, custom_fields: custom };
}

function stampField(entity: "person" | "organization" | "deal", session: CrmSession): string {
  const code = session.stampFields[entity];
  if (code !== undefined) return code;
  throw new CrmledgerError("crmSetupMissing", `Pipedrive has no ${entity} field called crmledger`, {
    hint: "crmledger doctor --fix creates it. Nothing was sent.",
  });
}

function noteBody(operation: WriteOperation, values: EntityValues, links: Links): Body {
  return { content: noteContent(values.text ?? "", operation.format ?? "text"), ...linkBody(links) };
}

function linkBody(links: Links): Body {
  return {
    ...(links.deal && { deal_id: linkId(links.deal) }),
    ...(links.person && { person_id: linkId(links.person) }),
    ...(links.organization && { org_id: linkId(links.organization) }),
  };
}

function linkId(ref: Ref): number | string {
  if ("id" in ref) return wireId(ref.id);
  throw new CrmledgerError("unexpected", "Pipedrive can't refer to an operation of the same request", {
    hint: "This is a bug: please report it. Nothing was sent.",
  });
}

interface Contact {
  value: string;
  primary: boolean;
  label: string;
}

function contactBody({ values, ...operation }: WriteOperation): Body {
  const base = operation.type === "update" ? operation.base : null;
  return {
    ...(values.emails && { emails: contacts(values.emails, base, "emails") }),
    ...(values.phones && { phones: contacts(values.phones, base, "phones") }),
  };
}

/** An update replaces the whole array, so entries that are there keep their label, and the primary one stays primary. */
function contacts(wanted: readonly string[], base: CrmRecord | null, member: "emails" | "phones"): Contact[] {
  const stored = storedContacts(base?.fields[member]);
  const list = wanted.map((value) => {
    const known = stored.find((entry) => sameText(entry.value, value));
    return known ?? { value, primary: false, label: "work" };
  });
  const primary = Math.max(
    0,
    list.findIndex((entry) => entry.primary),
  );
  return list.map((entry, index) => ({ ...entry, primary: index === primary }));
}

const sameText = (a: string, b: string): boolean => a.trim().toLowerCase() === b.trim().toLowerCase();

function storedContacts(raw: unknown): Contact[] {
  if (!Array.isArray(raw)) return [];
  return raw.flatMap((entry: Partial<Contact> | null) =>
    typeof entry?.value === "string"
      ? [
          {
            value: entry.value,
            primary: entry.primary === true,
            label: typeof entry.label === "string" && entry.label !== "" ? entry.label : "work",
          },
        ]
      : [],
  );
}
