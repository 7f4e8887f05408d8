import type { IdentityKey } from "../domain/identity.ts";
import type { CrmRecord } from "../domain/operation.ts";
import { organizationKeys, personKeys } from "../domain/record-keys.ts";
import { Directory } from "./directory.ts";
import type { Answer, Lookup, Mirror, MirrorDeps } from "./mirror.ts";
import { Tally } from "./tally.ts";

/**
 * The mirror of one run on one account. Its look-ups may run side by side: what brings the mirror up to date is taken
 * once. They reject with `LookupFailed` where the CRM gives no usable answer, and as `read` does when the run stops.
 */
export function createMirror(deps: MirrorDeps): Mirror {
  const keysOf = (record: CrmRecord): IdentityKey[] => {
    if (record.entity === "person") return personKeys(record, deps);
    return record.entity === "organization" ? organizationKeys(record) : [];
  };
  const tallies = { person: new Tally("persons"), organization: new Tally("organizations") };
  const persons = new Directory(deps, "person", keysOf, tallies.person);
  const organizations = new Directory(deps, "organization", keysOf, tallies.organization);
  const counts = { mirror: 0, search: 0 };
  const counted = async (directory: Directory, lookups: readonly Lookup[]): Promise<Answer[]> => {
    const answers = await directory.answer(lookups);
    for (const answer of answers) counts[answer.via] += 1;
    return answers;
  };
  return {
    persons: (lookups) => counted(persons, lookups),
    organizations: (lookups) => counted(organizations, lookups),
    keysOf,
    forget: async (entity, id) => {
      // Somebody may have merged it: who has its keys now is not known before the next refresh.
      if (entity === "person") persons.doubt();
      if (entity === "organization") organizations.doubt();
      await deps.ledger.mirrorSave({
        accountId: deps.accountId,
        entity,
        records: [],
        keys: {},
        gone: [id],
        state: null,
        nowMs: deps.clock.wallMs(),
      });
    },
    explain: () => [...tallies.person.lines(), ...tallies.organization.lines()],
    counts,
  };
}
