import type { PersonRecord } from "./records.ts";
import { store, type World } from "./world.ts";

/** A year before now: what is seeded is old, and no `updated_since` of a run finds it. */
const AGE_MS = 365 * 86_400_000;

/** Fast: no checks, no log entries. Only before anything else was written, or the order of changes would lie. */
export function seedPersons(
  world: World,
  count: number,
  make: (index: number) => { name: string; email?: string; phone?: string } = (i) => ({
    name: `Lead ${i + 1}`,
    email: `lead${i + 1}@example.com`,
  }),
): void {
  const first = world.tables.person.nextId();
  const at = Math.min(world.nowMs - AGE_MS, world.tables.person.get(first - 1)?.updatedMs ?? world.nowMs);
  const label = "work";
  for (let i = 0; i < count; i++) {
    const { name, email, phone } = make(i);
    const person: PersonRecord = {
      id: first + i,
      name,
      owner_id: world.users[0]!.id,
      org_id: null,
      addedMs: at,
      updatedMs: at,
      emails: email === undefined ? [] : [{ value: email, primary: true, label }],
      phones: phone === undefined ? [] : [{ value: phone, primary: true, label }],
      is_deleted: false,
      mergedInto: null,
      visible_to: 3,
      label_ids: [],
      custom_fields: {},
    };
    store(world, "person", person);
  }
}
