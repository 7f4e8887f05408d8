import type { CrmRecord } from "../domain/operation.ts";
import type { DriveContext } from "./context.ts";
import { echoFindings } from "./echo.ts";
import type { WriteRequest } from "./writer.ts";

/** Records and counts what of a write the CRM's answer does not have, at the first submission that it was for. */
export function watchEcho(context: DriveContext, { operation, targets }: WriteRequest, record: CrmRecord): void {
  if (operation.type !== "create" && operation.type !== "update") return;
  const { deps, session, wheel, tally } = context;
  const found = echoFindings(operation, record, { adapter: deps.adapter, catalog: session.catalog });
  if (found.length === 0) return;
  const { entity } = operation;
  const submissionId = targets[0]!.work.row.id;
  wheel.record({ findings: found.map(({ field, finding }) => ({ entity, field, finding, submissionId })) });
  for (const { field, finding } of found) tally.echo(entity, field, finding);
}
