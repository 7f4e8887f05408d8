import type { FieldedEntity } from "../domain/catalog.ts";
import { STAMP_FIELD_NAME } from "../domain/stamp.ts";
import type { HttpRequest, HttpResult, Transport } from "../domain/wire.ts";
import { type Arrival, type Delivery, receive } from "./exchange.ts";
import { FaultDice, type OtherClients, type PeopleWhoEdit, type ScriptedFault } from "./fault-plan.ts";
import { LITE_LIMITS, type LimitOptions, Limits } from "./limits.ts";
import { createCounters, type LogEntry, type RequestCounters } from "./log.ts";
import type { SimulatorOptions } from "./options.ts";
import { createPeople, type People } from "./people.ts";
import { createSeededRandom } from "./random.ts";
import type { DealRecord, FieldRecord, NoteRecord, OrganizationRecord, PersonRecord, UserRecord } from "./records.ts";
import { SearchIndex } from "./search-index.ts";
import { seedPersons } from "./seed.ts";
import { type RunningServer, serve } from "./server.ts";
import { addPipeline, createField, systemFields } from "./setup.ts";
import { Table } from "./table.ts";
import { Timeline } from "./timeline.ts";
import { exchangeOnWire, legs } from "./wire-time.ts";
import type { World } from "./world.ts";

export const DEFAULT_TOKEN = "simulator-token";

/** Live views in the order of ids, deleted records included. Everything due by now has happened in them. */
export interface SimulatorRecords {
  readonly persons: readonly PersonRecord[];
  readonly organizations: readonly OrganizationRecord[];
  readonly deals: readonly DealRecord[];
  readonly notes: readonly NoteRecord[];
}

/** An embedded Pipedrive: a state machine over a clock and a seed. Same seed, same requests: same replies. */
export interface Simulator extends People {
  /** In-process transport: honours `timeoutMs` and `bytesMax`, never throws. The URL's host is not looked at. */
  handle: Transport;
  /** A real HTTP server on loopback over the same account; faults happen on the socket. Port 0: any free one. */
  serve(options?: { port?: number; host?: string }): Promise<RunningServer>;
  /** What was really applied, in its order. Append-only. */
  readonly log: readonly LogEntry[];
  readonly requests: RequestCounters;
  readonly records: SimulatorRecords;
  readonly users: readonly UserRecord[];
  readonly tokens: readonly string[];
  /** Code of the stamp field, or null where it was not made. */
  stampField(entity: FieldedEntity): string | null;
  fields(entity: FieldedEntity): readonly FieldRecord[];
  pipelines(): readonly { id: number; name: string; stages: readonly { id: number; name: string }[] }[];
  /** Faults by order, before any die is thrown. */
  failNext(fault: ScriptedFault): void;
  revokeToken(token?: string): void;
  restoreToken(token?: string): void;
  setLimits(limits: Partial<LimitOptions>): void;
  setOthers(others: OtherClients | null): void;
  setEdits(edits: PeopleWhoEdit | null): void;
  setPlanCaps(caps: { deals?: number; customFields?: number }): void;
  /** Other integrations that write records (`via: other`). */
  readonly integration: People;
  /** Makes many persons at once (`lead1@example.com`, …), as old as the account. */
  seedPersons(count: number, make?: (index: number) => { name: string; email?: string; phone?: string }): void;
  /** The company's spending today, ours and others'. */
  spentToday(): number;
  /** The CRM's clock, UTC ms. */
  nowMs(): number;
}

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
    searchLagMs: lagMs,
  };
  addPipeline(world, "Sales", ["New", "Contacted", "Proposal", "Negotiation"]);
  addPipeline(world, "Partners", ["Inbound", "Signed"]);
  if (options.withStampFields)
    for (const entity of ["person", "organization", "deal"] as const)
      createField(world, entity, { field_name: STAMP_FIELD_NAME, field_type: "varchar" });
  return world;
}

/** @see Simulator */
export function createSimulator(options: SimulatorOptions): Simulator {
  const seed = options.seed ?? 1;
  const world = createWorld(options, seed);
  const limits = options.limits === null ? null : new Limits({ ...LITE_LIMITS, ...options.limits });
  const names = options.tokens ?? [DEFAULT_TOKEN];
  const active = world.users.filter((user) => user.active);
  const tokens = new Map(names.map((name, i) => [name, active[i % active.length]!]));
  const owners = new Map(tokens);
  const counters = createCounters();
  const { others = null, edits = null, clockSkewMs = 0 } = options;
  const timeline: Timeline = new Timeline({
    clock: options.clock,
    world,
    limits,
    random: createSeededRandom(seed ^ 0x9e3779b9),
    people: createPeople(() => world, "person"),
    others,
    edits,
    clockSkewMs,
    firstToken: names[0] ?? "",
  });
  const dice = new FaultDice(options.faults ?? {}, createSeededRandom(seed ^ 0x51ed270b));
  const parts = { world, limits, dice, timeline, counters, tokens };
  const wireRandom = createSeededRandom(seed ^ 0x2545f491);
  const onArrival = (arrival: Arrival): Delivery => receive(parts, arrival);
  const takeLegs = () => legs(options.roundTripMs ?? 0, wireRandom);
  const current = (): World => {
    timeline.catchUp();
    return world;
  };
  const reset = (bag: object, values: object) => Object.assign(bag, values);

  return {
    ...createPeople(current, "person"),
    integration: createPeople(current, "other"),
    handle: (request: HttpRequest): Promise<HttpResult> => exchangeOnWire(options.clock, takeLegs, onArrival, request),
    serve: (where = {}) => serve({ clock: options.clock, takeLegs, onArrival }, where),
    get log() {
      return current().log;
    },
    requests: counters,
    records: {
      get persons() {
        return current().tables.person.all();
      },
      get organizations() {
        return current().tables.organization.all();
      },
      get deals() {
        return current().tables.deal.all();
      },
      get notes() {
        return current().tables.note.all();
      },
    },
    users: world.users,
    tokens: names,
    stampField: (entity) => world.fields[entity].find((one) => one.field_name === STAMP_FIELD_NAME)?.field_code ?? null,
    fields: (entity) => world.fields[entity],
    pipelines: () =>
      world.pipelines.map(({ id, name }) => ({ id, name, stages: world.stages.filter((s) => s.pipeline_id === id) })),
    failNext: (fault) => dice.script(fault),
    revokeToken: (token = names[0]!) => void tokens.delete(token),
    restoreToken: (token = names[0]!) => void tokens.set(token, owners.get(token) ?? active[0]!),
    setLimits: (changed) => void (limits && reset(limits.options, changed)),
    setOthers: (changed) => timeline.setOthers(changed),
    setEdits: (changed) => timeline.setEdits(changed),
    setPlanCaps: (caps) => {
      world.planCaps = { ...caps };
    },
    seedPersons: (count, make) => seedPersons(current(), count, make),
    spentToday: () => limits?.spentToday(current().nowMs) ?? counters.tokens,
    nowMs: () => current().nowMs,
  };
}
