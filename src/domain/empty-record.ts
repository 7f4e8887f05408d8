import type { CrmId } from "./ids.ts";
import type { CrmRecord } from "./operation.ts";

/** A record of which nothing but its id is known: what is built up member by member starts here. */
export function emptyRecord(entity: CrmRecord["entity"], id: CrmId): CrmRecord {
  return {
    entity,
    id,
    name: null,
    emails: [],
    phones: [],
    ownerId: null,
    organizationId: null,
    personId: null,
    dealId: null,
    labelIds: [],
    title: null,
    value: null,
    currency: null,
    pipelineId: null,
    stageId: null,
    status: null,
    text: null,
    createdAtMs: null,
    updatedAtMs: null,
    deleted: false,
    archived: false,
    stamp: null,
    fields: {},
  };
}
