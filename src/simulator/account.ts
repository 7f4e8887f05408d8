import { STAMP_FIELD_NAME } from "../domain/stamp.ts";
import type { ExchangeParts } from "./exchange.ts";
import { FaultDice } from "./fault-plan.ts";
import { LITE_LIMITS, Limits } from "./limits.ts";
import { createCounters } from "./log.ts";
import type { SimulatorOptions } from "./options.ts";
import { createPeople } from "./people.ts";
import { createSeededRandom } from "./random.ts";
import type { DealRecord, NoteRecord, OrganizationRecord, PersonRecord, UserRecord } from "./records.ts";
import { SearchIndex } from "./search-index.ts";
import { addPipeline, createField, systemFields } from "./setup.ts";
import { Table } from "./table.ts";
import { Timeline } from "./timeline.ts";
import type { World } from "./world.ts";

export const DEFAULT_TOKEN = "simulator-token";

const DEFAULT_FIRST_IDS = { person: 1_001, organization: 5_001, deal: 9_001, note: 30_001 };

function createWorld(options: SimulatorOptions, seed: number): World {
  const first = { ...DEFAULT_FIRST_IDS, ...options.firstIds };
  const lagMs = options.searchLagMs ?? 3_000;
  const world: World = {
    nowMs: options.clock.wallMs() + (options.clockSkewMs ?? 0),
    company: { id: 4242, name: "Acme", domain: "acme", currency: "EUR", ...options.company },
    tables: {
      person: new Table<PersonRecord>(first.person, ["org_id"]),
      organization: new Table<OrganizationRecord>(first.organization),
      deal: new Table<DealRecord>(first.deal, ["person_id", "org_id"]),
      note: new Table<NoteRecord>(first.note, ["deal_id", "person_id", "org_id"]),
    },
    search: { person: new SearchIndex(lagMs), organization: new SearchIndex(lagMs), deal: new SearchIndex(lagMs) },
    fields: { person: systemFields("person"), organization: systemFields("organization"), deal: systemFields("deal") },
    pipelines: [],
    stages: [],
    users: [
      { id: 71, name: "Sam Sales", email: "sales@example.com", active: true },
      { id: 72, name: "Olga Owner", email: "olga@example.com", active: true },
      { id: 73, name: "Peter Past", email: "peter@example.com", active: false },
    ],
    log: [],
    random: createSeededRandom(seed),
    planCaps: { ...options.planCaps },
    openDeals: 0,
    deletedGet: options.deletedGet ?? 404,
    unknownFields: options.unknownFields ?? "refuse",
    textMax: options.textMax ?? null,
    hidden: new Set(),
    searchLagMs: lagMs,
    listLagMs: options.listLagMs ?? 0,
    readLagMs: options.readLagMs ?? 0,
  };
  addPipeline(world, "Sales", ["New", "Contacted", "Proposal", "Negotiation"]);
  addPipeline(world, "Partners", ["Inbound", "Signed"]);
  if (options.withStampFields)
    for (const entity of ["person", "organization", "deal"] as const)
      createField(world, entity, { field_name: STAMP_FIELD_NAME, field_type: "varchar" });
  return world;
}

/** What a server needs to answer, and who every token belonged to at first. */
export interface Account extends ExchangeParts {
  owners: ReadonlyMap<string, UserRecord>;
  tokenNames: readonly string[];
}

/** A company's account as it is on its first day. Each kind of chance has its own dice, so that one more throw here changes nothing there. */
export function createAccount(options: SimulatorOptions): Account {
  const seed = options.seed ?? 1;
  const world = createWorld(options, seed);
  const limits = options.limits === null ? null : new Limits({ ...LITE_LIMITS, ...options.limits });
  const tokenNames = options.tokens ?? [DEFAULT_TOKEN];
  const active = world.users.filter((user) => user.active);
  const owners = new Map(tokenNames.map((name, i) => [name, active[i % active.length]!]));
  const timeline = new Timeline({
    clock: options.clock,
    world,
    limits,
    random: createSeededRandom(seed ^ 0x9e3779b9),
    people: createPeople(() => world, "person"),
    others: options.others ?? null,
    edits: options.edits ?? null,
    clockSkewMs: options.clockSkewMs ?? 0,
    firstToken: tokenNames[0] ?? "",
  });
  const dice = new FaultDice(options.faults ?? {}, createSeededRandom(seed ^ 0x51ed270b));
  return { world, limits, dice, timeline, counters: createCounters(), tokens: new Map(owners), owners, tokenNames };
}
