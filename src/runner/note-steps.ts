/** The note steps: each a create, on the deal where there is one, and on the person. */
import type { Links, Ref } from "../domain/operation.ts";
import type { ChainPerson } from "./person-step.ts";
import { isRepair, type Work } from "./work.ts";
import type { Writer } from "./writer.ts";

export async function writeNotes(
  writer: Writer,
  work: Work,
  person: ChainPerson | null,
  deal: Ref | null,
): Promise<void> {
  const links: Links = {};
  if (person) links.person = person.ref;
  if (deal) links.deal = deal;
  for (const step of work.steps) {
    if (step.entity !== "note" || step.state !== "open" || isRepair(step)) continue;
    const { values, format } = step.content;
    const operation = {
      type: "create" as const,
      entity: "note" as const,
      key: step.idempotencyKey,
      values,
      links,
      stamp: null,
      format,
    };
    await writer.write({ operation, targets: [{ work, step }], action: "create", explanation: "" });
  }
}
