import type { MirrorDeps, Read } from "../mirror/mirror.ts";
import { matchFieldName } from "../planner/plan-chain.ts";
import type { RunnerDeps } from "./runner.ts";
import type { Session } from "./session.ts";

/** What a mirror of the session's account needs. The catalog's person fields must be there: `persons.match` may name one. */
export function mirrorDeps(deps: RunnerDeps, session: Session, read: Read): MirrorDeps {
  const fields = session.catalog.fields.person ?? [];
  const names = Object.values(deps.settings.plans)
    .flatMap((plan) => plan.persons.match)
    .filter((match) => match.startsWith("person.fields."))
    .map(matchFieldName);
  const matchFields = [...new Set(names)].flatMap((name) => {
    const def = fields.find((field) => field.name.trim().toLowerCase() === name.trim().toLowerCase());
    return def ? [{ name, code: def.code }] : [];
  });
  return {
    ledger: deps.ledger,
    accountId: session.accountId,
    capabilities: deps.adapter.capabilities,
    read,
    clock: deps.clock,
    phone: deps.phone,
    country: (deps.settings.plans.default ?? Object.values(deps.settings.plans)[0])?.persons.country ?? null,
    freshnessMs: deps.settings.freshnessMs,
    matchFields,
  };
}
