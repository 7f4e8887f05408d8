/** Damage to chains that share records, that were made twice by late answers, or that never came to be: beside `damage.ts`. */
import type { NotIngested } from "../../src/reconcile/reconcile.ts";
import { alter, type Chain, type Expected } from "./damage.ts";
import { type Given, type Rig, START_MS } from "./drain-rig.ts";

const HOUR_MS = 3_600_000;
const GROUP_SIZE = 3;

interface Group {
  chains: Chain[];
  /** Submissions that wait or failed, by their keys. */
  keys: string[];
}

interface Context {
  rig: Rig;
  file: string;
  notIngested: NotIngested[];
}

interface GroupDamage {
  /** What is delivered before; `name` tells one group from another. */
  given(name: string): Given[];
  act(context: Context, group: Group): Expected[];
}

function given(name: string, number: number, more: Given["content"] = {}): Given {
  const key = `${name}_${number}`;
  return {
    key,
    submittedAtMs: START_MS - HOUR_MS,
    content: {
      person: { name: `Lead ${key}`, email: `lead.${key}@example.com` },
      organization: { name: `Company ${key}` },
      deal: { title: `Deal ${key}`, value: 100, currency: "EUR" },
      notes: [`Note of ${key}`],
      ...more,
    },
  };
}

const several = (name: string, more: Given["content"]): Given[] =>
  Array.from({ length: GROUP_SIZE }, (_, number) => given(name, number, more));
const one = (name: string): Given[] => [given(name, 0)];
const two = (name: string): Given[] => [given(name, 0), given(name, 1)];
const ofOnePerson = (name: string): Given[] =>
  several(name, { person: { name: `Lead ${name}`, email: `lead.${name}@example.com` } });
const ofOneCompany = (name: string): Given[] => several(name, { organization: { name: `Company ${name}` } });

const SHARED: Record<string, GroupDamage> = {
  "persons of two chains merged": {
    given: two,
    act: ({ rig }, { chains: [a, b] }) => {
      rig.simulator.mergePersons(b!.person, a!.person);
      return [`person-merged person:${b!.person}`];
    },
  },
  "organizations of two chains merged": {
    given: two,
    act: ({ rig }, { chains: [a, b] }) => {
      rig.simulator.mergeOrganizations(b!.organization, a!.organization);
      return [`organization-merged organization:${b!.organization}`];
    },
  },
  "deals of two chains merged": {
    given: two,
    act: ({ rig }, { chains: [a, b] }) => {
      rig.simulator.mergeDeals(b!.deal, a!.deal);
      return [`deal-merged deal:${b!.deal}`];
    },
  },
  "shared organization deleted": {
    given: ofOneCompany,
    act: ({ rig }, { chains: [a] }) => {
      rig.simulator.deleteOrganization(a!.organization);
      return [`organization-deleted organization:${a!.organization}`];
    },
  },
  "shared organization merged": {
    given: ofOneCompany,
    act: ({ rig }, { chains: [a] }) => {
      rig.simulator.mergeOrganizations(a!.organization, rig.simulator.addOrganization({ name: "Holding" }).id);
      return [`organization-merged organization:${a!.organization}`];
    },
  },
  "person of several submissions deleted": {
    given: ofOnePerson,
    act: ({ rig }, { chains: [a] }) => {
      rig.simulator.deletePerson(a!.person);
      return [`person-deleted person:${a!.person}`];
    },
  },
  "person of several submissions renamed": {
    given: ofOnePerson,
    act: ({ rig }, { chains: [a] }) => {
      rig.simulator.editPerson(a!.person, { name: "Renamed" });
      return [`person-drift person:${a!.person}`];
    },
  },
  "second of two notes vanished": {
    given: (name) => [given(name, 0, { notes: [`First of ${name}`, `Second of ${name}`] })],
    act: ({ rig }, { chains: [a] }) => {
      rig.simulator.erase("note", a!.notes[1]!);
      return [`note-missing note:${a!.notes[1]}`];
    },
  },
};

const MIXED: Record<string, GroupDamage> = {
  "deal archived and edited": {
    given: one,
    act: ({ rig }, { chains: [a] }) => {
      rig.simulator.editDeal(a!.deal, { value: 7 });
      rig.simulator.archiveDeal(a!.deal);
      return [`deal-drift deal:${a!.deal}`];
    },
  },
  "deal copied, then deleted": {
    given: one,
    act: ({ rig }, { chains: [a] }) => {
      const copy = rig.simulator.copyDeal(a!.deal).id;
      rig.simulator.deleteDeal(a!.deal);
      return [`copied deal:${copy}`, `deal-deleted deal:${a!.deal}`];
    },
  },
  "person copied, then deleted": {
    given: one,
    act: ({ rig }, { chains: [a] }) => {
      const copy = rig.simulator.copyPerson(a!.person).id;
      rig.simulator.deletePerson(a!.person);
      return [`copied person:${copy}`, `person-deleted person:${a!.person}`];
    },
  },
  "person hidden": {
    given: one,
    act: ({ rig }, { chains: [a] }) => {
      rig.simulator.hide("person", a!.person);
      return [`person-missing person:${a!.person}`];
    },
  },
  "deal hidden": {
    given: one,
    act: ({ rig }, { chains: [a] }) => {
      rig.simulator.hide("deal", a!.deal);
      return [`deal-missing deal:${a!.deal}`];
    },
  },
};

const QUEUE: Record<string, GroupDamage> = {
  failed: {
    given: () => [],
    act: ({ file }, { keys: [key] }) => {
      alter(
        file,
        `UPDATE submissions SET state = 'failed', failed_at_ms = ?, error_code = 'HTTP_400',
          error = '{"code":"HTTP_400","message":"refused"}' WHERE key = ?`,
        START_MS,
        key,
      );
      return [`failed website/${key}`];
    },
  },
  overdue: { given: () => [], act: (_context, { keys: [key] }) => [`overdue website/${key}`] },
  conflict: {
    given: one,
    act: (_context, { chains: [a] }) => [`conflict website/${a!.key}`],
  },
  rejected: { given: () => [], act: () => ["rejected website/null"] },
  "not ingested": {
    given: () => [],
    act: ({ notIngested }, { keys: [key] }) => {
      const row = { source: "website", email: null, submittedAtMs: null, file: "archive/one.json", line: 1 };
      notIngested.push({ ...row, key: `never_${key}` });
      return [`not-ingested website/never_${key}`];
    },
  },
};

export const GROUP_DAMAGES: Readonly<Record<string, GroupDamage>> = { ...SHARED, ...MIXED, ...QUEUE };

const nameOf = (kind: string, index: number): string => `${kind.replaceAll(/\W+/g, "-")}.${index}`;

export function givenOfGroups(each: number): Given[] {
  return Object.entries(GROUP_DAMAGES).flatMap(([kind, damage]) =>
    Array.from({ length: each }, (_, index) => damage.given(nameOf(kind, index))).flat(),
  );
}

/** Every damage to groups of their own, `each` times. */
export async function damageGroups(
  rig: Rig,
  file: string,
  chains: readonly Chain[],
  each: number,
): Promise<{ expected: Expected[]; notIngested: NotIngested[] }> {
  const byKey = new Map(chains.map((chain) => [chain.key, chain]));
  const context: Context = { rig, file, notIngested: [] };
  const expected: Expected[] = [];
  for (const [kind, damage] of Object.entries(GROUP_DAMAGES)) {
    for (let index = 0; index < each; index += 1) {
      const name = nameOf(kind, index);
      const group = damage.given(name).map(({ key }) => byKey.get(key)!);
      if (kind === "failed" || kind === "overdue") await rig.take([given(name, 0)]);
      if (kind === "conflict") await rig.take([given(name, 0, { deal: { title: "Another", value: 1 } })]);
      if (kind === "rejected") await reject(rig, name);
      expected.push(...damage.act(context, { chains: group, keys: [`${name}_0`] }));
    }
  }
  return { expected, notIngested: context.notIngested };
}

async function reject({ ledger, clock }: Rig, name: string): Promise<void> {
  const now = { wallMs: clock.wallMs(), monoMs: clock.monoMs(), bootId: clock.bootId };
  const runId = await ledger.openRun({ kind: "ingest", pid: 1, host: "test", lockName: null, now });
  const origin = { file: `${name}.json`, line: 1 };
  const rejects = [{ source: "website", rawHash: `hash of ${name}`, raw: "{}", reason: "no e-mail", origin }];
  await ledger.ingest({ runId, submissions: [], rejects, progress: null, closesRejects: [] }, now);
  await ledger.closeRun(runId, { stopped: "drained", exitCode: 3, summary: null, nowMs: clock.wallMs() });
}

const LATE = ["persons", "organizations", "deals", "notes"] as const;
/** Beyond the last look for a lost write. */
const LATE_MS = 1_200_000;

/** Delivers chains of which one create each is executed twice: its first request comes through when the second was answered. */
export async function deliverTwice(rig: Rig, each: number): Promise<void> {
  for (const plural of LATE) {
    for (let index = 0; index < each; index += 1) {
      const path = new RegExp(`/${plural}$`);
      rig.simulator.failNext({ kind: "lateApply", ms: LATE_MS, match: { method: "POST", path } });
      await rig.take(one(`late-${plural}.${index}`));
      for (let runs = 0; runs < 5; runs += 1) {
        if ((await rig.run()).remaining === 0) break;
        await rig.clock.advance(300_000);
      }
    }
  }
  await rig.clock.advance(LATE_MS);
}

/** The second record of each step that was made twice. */
export function expectedDoubles(rig: Rig, chains: readonly Chain[]): Expected[] {
  const own = new Set(
    chains.flatMap(({ organization, person, deal, notes }) => [organization, person, deal, ...notes]),
  );
  return rig.simulator.log
    .filter(({ action, via, id, stamp }) => action === "create" && via === "api" && !own.has(id) && stamp !== null)
    .map(({ entity, id }) => `${entity}-duplicate ${entity}:${id}`);
}
