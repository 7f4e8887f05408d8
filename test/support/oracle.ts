/** Holds the simulator's own log of what it applied against what was given: nothing lost, nothing twice. */
import { stampOf } from "../../src/domain/stamp.ts";
import type { Simulator } from "../../src/simulator/simulator.ts";
import type { Given } from "./drain-rig.ts";

export interface Verdict {
  /** `SOURCE/KEY step` that is not in the CRM. */
  lost: string[];
  /** `SOURCE/KEY step xN` made more than once, and identities with several persons of ours. */
  doubled: string[];
}

/** `expected`: the submissions that must be in the CRM, whole. Effects of people are left out. */
export function judge(simulator: Simulator, expected: readonly Given[]): Verdict {
  const creates = new Map<string, number>();
  for (const entry of simulator.log) {
    if (entry.action !== "create" || entry.via !== "api") continue;
    const text = entry.entity === "note" ? String(entry.body.content ?? "") : "";
    const part = /\((\d+)\/\d+\)\s*$/.exec(text)?.[1] ?? "1";
    const name = `${entry.stamp} ${entry.entity}${entry.entity === "note" ? `.${part}` : ""}`;
    creates.set(name, (creates.get(name) ?? 0) + 1);
  }
  const lost: string[] = [];
  for (const { source = "website", key, content } of expected) {
    const stamp = stampOf(source, key);
    const wanted = [...(content.deal ? ["deal"] : []), ...(content.notes ?? []).map((_, index) => `note.${index + 1}`)];
    for (const step of wanted) if (!creates.has(`${stamp} ${step}`)) lost.push(`${stamp} ${step}`);
    if (!hasPerson(simulator, content.person?.email)) lost.push(`${stamp} person`);
  }
  const doubled = [...creates].filter(([, count]) => count > 1).map(([name, count]) => `${name} x${count}`);
  return { lost, doubled: [...doubled, ...doubledPersons(simulator)] };
}

function hasPerson(simulator: Simulator, email: string | undefined): boolean {
  if (!email) return true;
  return (
    simulator.log.some(
      (entry) => entry.entity === "person" && JSON.stringify(entry.body).toLowerCase().includes(email.toLowerCase()),
    ) || personsByEmail(simulator).has(email.toLowerCase())
  );
}

function personsByEmail(simulator: Simulator): Map<string, number> {
  const counts = new Map<string, number>();
  for (const person of simulator.records.persons) {
    for (const { value } of person.emails) counts.set(value.toLowerCase(), (counts.get(value.toLowerCase()) ?? 0) + 1);
  }
  return counts;
}

function doubledPersons(simulator: Simulator): string[] {
  const made = new Map<string, number>();
  for (const entry of simulator.log) {
    if (entry.entity !== "person" || entry.action !== "create" || entry.via !== "api") continue;
    const emails = (entry.body.emails as { value: string }[] | undefined) ?? [];
    for (const { value } of emails) made.set(value.toLowerCase(), (made.get(value.toLowerCase()) ?? 0) + 1);
  }
  return [...made].filter(([, count]) => count > 1).map(([email, count]) => `person ${email} x${count}`);
}
