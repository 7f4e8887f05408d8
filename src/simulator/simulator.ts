import type { FieldedEntity } from "../domain/catalog.ts";
import { STAMP_FIELD_NAME } from "../domain/stamp.ts";
import type { Transport } from "../domain/wire.ts";
import { type Account, createAccount } from "./account.ts";
import { type Arrival, type Delivery, receive } from "./exchange.ts";
import type { OtherClients, PeopleWhoEdit, ScriptedFault } from "./fault-plan.ts";
import type { LimitOptions } from "./limits.ts";
import type { LogEntry, RequestCounters } from "./log.ts";
import type { SimulatorOptions } from "./options.ts";
import { createPeople, type People } from "./people.ts";
import { createSeededRandom } from "./random.ts";
import type { DealRecord, FieldRecord, NoteRecord, OrganizationRecord, PersonRecord, UserRecord } from "./records.ts";
import { seedPersons } from "./seed.ts";
import { type RunningServer, serve } from "./server.ts";
import { exchangeOnWire, legs } from "./wire-time.ts";
import type { World } from "./world.ts";

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

/** @see Simulator */
export function createSimulator(options: SimulatorOptions): Simulator {
  const account = createAccount(options);
  const { world, limits, timeline, counters } = account;
  const wireRandom = createSeededRandom((options.seed ?? 1) ^ 0x2545f491);
  const onArrival = (arrival: Arrival): Delivery => receive(account, arrival);
  const takeLegs = () => legs(options.roundTripMs ?? 0, wireRandom);
  const current = (): World => {
    timeline.catchUp();
    return world;
  };
  return {
    ...createPeople(current, "person"),
    ...controls(account),
    integration: createPeople(current, "other"),
    handle: (request) => exchangeOnWire(options.clock, takeLegs, onArrival, request),
    serve: (where = {}) => serve({ clock: options.clock, takeLegs, onArrival }, where),
    get log() {
      return current().log;
    },
    requests: counters,
    records: recordViews(current),
    users: world.users,
    tokens: account.tokenNames,
    stampField: (entity) => world.fields[entity].find((one) => one.field_name === STAMP_FIELD_NAME)?.field_code ?? null,
    fields: (entity) => world.fields[entity],
    pipelines: () =>
      world.pipelines.map(({ id, name }) => ({ id, name, stages: world.stages.filter((s) => s.pipeline_id === id) })),
    seedPersons: (count, make) => seedPersons(current(), count, make),
    spentToday: () => limits?.spentToday(current().nowMs) ?? counters.tokens,
    nowMs: () => current().nowMs,
  };
}

function recordViews(current: () => World): SimulatorRecords {
  return {
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
  };
}

type Controls = Pick<
  Simulator,
  "failNext" | "revokeToken" | "restoreToken" | "setLimits" | "setOthers" | "setEdits" | "setPlanCaps"
>;

function controls({ world, limits, timeline, dice, tokens, tokenNames, owners }: Account): Controls {
  const first = tokenNames[0] ?? "";
  return {
    failNext: (fault) => dice.script(fault),
    revokeToken: (token = first) => void tokens.delete(token),
    restoreToken: (token = first) => void tokens.set(token, owners.get(token)!),
    setLimits: (changed) => void (limits && Object.assign(limits.options, changed)),
    setOthers: (changed) => timeline.setOthers(changed),
    setEdits: (changed) => timeline.setEdits(changed),
    setPlanCaps: (caps) => {
      world.planCaps = { ...caps };
    },
  };
}
