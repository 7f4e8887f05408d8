/** Which of several submissions that share keys mean one person, before any of them is written. Pure. */
import type { StepContent } from "../domain/chain.ts";
import { type IdentityKey, normalizeEmail } from "../domain/identity.ts";

interface Group {
  members: number[];
  keys: Set<IdentityKey>;
  hasEmail: boolean;
}

/**
 * Groups the indices of person contents, in their order, as if each had been written before the next was looked up: the
 * first key of a content that a group carries decides, and a phone number only where content or group has no e-mail.
 */
export function groupByPerson(contents: readonly StepContent[]): number[][] {
  const groups: Group[] = [];
  for (const [index, content] of contents.entries()) {
    const hasEmail = (content.values.emails ?? []).some((email) => normalizeEmail(email) !== null);
    const keys = content.matchKeys ?? [];
    const group = groupOf(groups, keys, hasEmail) ?? { members: [], keys: new Set(), hasEmail: false };
    if (group.members.length === 0) groups.push(group);
    group.members.push(index);
    for (const key of keys) group.keys.add(key);
    group.hasEmail ||= hasEmail;
  }
  return groups.map(({ members }) => members);
}

function groupOf(groups: readonly Group[], keys: readonly IdentityKey[], hasEmail: boolean): Group | null {
  for (const key of keys) {
    const decides = (group: Group): boolean => !key.startsWith("phone:") || !hasEmail || !group.hasEmail;
    const found = groups.find((group) => group.keys.has(key) && decides(group));
    if (found !== undefined) return found;
  }
  return null;
}
