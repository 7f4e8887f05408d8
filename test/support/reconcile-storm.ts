/**
 * A random history from a seed: submissions come, runs fail and die, people edit, delete, merge and copy what is theirs, checks
 * are made and stopped half-way, repairs are queued. Then the trouble ends, and what is left is held against what people did.
 */
import type { Entity } from "../../src/domain/catalog.ts";
import { CrmledgerError } from "../../src/domain/errors.ts";
import type { RunId } from "../../src/domain/ids.ts";
import type { DiscrepancyRow } from "../../src/ledger/checks.ts";
import { LookupFailed } from "../../src/mirror/lookup-failed.ts";
import { FAULT_PRESETS, type FaultPlan } from "../../src/simulator/fault-plan.ts";
import { type CheckRun, checkOn, repairOn } from "./check-rig.ts";
import { createRig, type Given, lead, type Rig, seeded } from "./drain-rig.ts";
import { Died, type Fate, IMMORTAL, mortalLedger, mortalRun } from "./mortal-run.ts";
import { type Deeds, newDeeds, somebodyActs, undone } from "./storm-people.ts";

const ROUNDS = 10;
const HOUR_MS = 3_600_000;
/** Beyond the last settle time: such effects make doubles that only a check can see. */
const TOO_LATE_MS = 900_000;

export interface StormEnd {
  rig: Rig;
  /** Whether effects came so late that doubles were made. */
  late: boolean;
  /** Whether a look by id tells deleted records from those that never were. */
  showsDeleted: boolean;
  delivered: Given[];
  last: CheckRun;
  /** Open differences, as the last check left them. */
  open: DiscrepancyRow[];
  /** What people did and is not so any more. */
  undone: string[];
  deeds: Deeds;
  checksStopped: number;
  deaths: number;
}

interface Storm {
  rig: Rig;
  dice: { next(): number };
  given: Given[];
  deeds: Deeds;
  checksStopped: number;
  deaths: number;
}

/** Of a seed by its number: how late effects come, and what a look at a deleted record says. */
export async function storm(seed: number): Promise<StormEnd> {
  const late = seed % 4 === 0;
  const faults = copyOf(FAULT_PRESETS.storm.faults);
  if (late) faults.lateApply = { on: 1, perCall: 0.05, ms: TOO_LATE_MS };
  const deletedGet = ([200, 404, 410] as const)[seed % 3]!;
  const rig = await createRig({ seed, simulator: { faults, deletedGet, limits: { dailyTokens: null } } });
  const history: Storm = { rig, dice: seeded(seed * 7_919), given: [], deeds: newDeeds(), checksStopped: 0, deaths: 0 };
  for (let round = 0; round < ROUNDS; round += 1) await oneRound(history);
  for (const odds of Object.values(faults)) odds.perCall = 0;
  await rig.clock.advance(HOUR_MS);
  const last = await becomeQuiet(rig);
  const open = last.rows.filter(({ state }) => state === "new" || state === "open");
  const { deeds, checksStopped, deaths } = history;
  const delivered = await deliveredOf(history);
  const showsDeleted = deletedGet === 200;
  return {
    rig,
    late,
    showsDeleted,
    delivered,
    last,
    open,
    undone: undone(rig.simulator, deeds),
    deeds,
    checksStopped,
    deaths,
  };
}

const copyOf = (plan: FaultPlan): FaultPlan => structuredClone(plan);

async function oneRound(history: Storm): Promise<void> {
  const { rig, dice } = history;
  const chance = (odds: number): boolean => dice.next() < odds;
  if (chance(0.7)) await comeIn(history, 1 + Math.floor(dice.next() * 5));
  if (chance(0.8)) await runOnce(history);
  await rig.clock.advance(Math.floor(dice.next() * 600_000));
  const acts = chance(0.6) ? 1 + Math.floor(dice.next() * 4) : 0;
  for (let act = 0; act < acts; act += 1) await somebodyActs(rig, dice, history.deeds);
  if (chance(0.5)) await checkOnce(history);
  if (chance(0.4) && (await rig.ledger.account()) !== null) await repairOn(rig);
  if (chance(0.2)) await putBack(rig);
  await rig.clock.advance(Math.floor(dice.next() * 600_000));
}

/** A few persons and organizations, so that submissions share them. */
async function comeIn({ rig, dice, given }: Storm, count: number): Promise<void> {
  const fresh = Array.from({ length: count }, (_, index) => {
    const number = given.length + index;
    const person = Math.floor(dice.next() * 12);
    return lead(number, {
      person: { name: `Person ${person}`, email: `person${person}@example.com` },
      ...(dice.next() < 0.5 && { organization: { name: `Organization ${Math.floor(dice.next() * 4)}` } }),
      ...(dice.next() < 0.3 && { notes: [`First note of lead ${number}`, `Second note of lead ${number}`] }),
    });
  });
  await rig.take(fresh);
  given.push(...fresh);
}

async function runOnce(history: Storm): Promise<void> {
  const { rig, dice } = history;
  const fate: Fate = () => dice.next() < 0.002;
  const { report } = await mortalRun(rig, fate, new Map());
  if (report === null) history.deaths += 1;
}

/** Often it does not come to its end: a signal, a death, a hold. */
async function checkOnce(history: Storm): Promise<void> {
  const { rig, dice } = history;
  const stop = new AbortController();
  const how = dice.next();
  let left = how < 0.6 ? 1 + Math.floor(dice.next() * 8) : Number.POSITIVE_INFINITY;
  const dies = how < 0.3;
  const life = { over: false };
  const instant = (name: string): void => {
    if (life.over) throw new Died(name);
  };
  const ledger = mortalLedger(rig.ledger, instant);
  const deps: Rig["deps"] = (runId: RunId, more) => {
    const plain = rig.deps(runId, more);
    const send: typeof plain.send = async (request) => {
      left -= 1;
      if (left < 0 && dies) life.over = true;
      else if (left < 0) stop.abort();
      instant("send");
      return await plain.send(request);
    };
    return { ...plain, ledger, send };
  };
  try {
    await checkOn({ ...rig, ledger, deps }, { signal: stop.signal });
  } catch (error) {
    const held = error instanceof LookupFailed || (error instanceof CrmledgerError && error.code === "held");
    const expected = held || error instanceof Died;
    if (!expected) throw error;
    history.checksStopped += 1;
  }
}

async function putBack({ ledger, clock }: Rig): Promise<void> {
  const ids = (await ledger.failed({})).map(({ id }) => id);
  await ledger.requeue(ids, new Map(), { wallMs: clock.wallMs(), monoMs: clock.monoMs(), bootId: clock.bootId });
}

/** What the contract promises a good end of: sync, reconcile --repair, sync, reconcile. */
async function becomeQuiet(rig: Rig): Promise<CheckRun> {
  await drainToTheEnd(rig);
  await checkOn(rig);
  await repairOn(rig);
  await drainToTheEnd(rig);
  return await checkOn(rig);
}

async function drainToTheEnd(rig: Rig): Promise<void> {
  for (let round = 0; round < 60; round += 1) {
    const { report } = await mortalRun(rig, IMMORTAL, new Map());
    if (report?.remaining === 0) return;
    await rig.clock.advance(120_000);
  }
  throw new Error(`there is work left: ${JSON.stringify(await rig.ledger.queue())}`);
}

async function deliveredOf({ rig, given }: Storm): Promise<Given[]> {
  const done: Given[] = [];
  for (const one of given) {
    const [found] = await rig.ledger.findByName(`website/${one.key}`, []);
    const story = found === undefined ? null : await rig.ledger.story(found.id);
    if (story?.submission.state === "done") done.push(one);
  }
  return done;
}

/** Records of ours that were made more than once for one step and are all there, as `entity stamp part`, with their ids. */
export function doublesOf({ simulator }: Rig): Map<string, number[]> {
  const made = new Map<string, number[]>();
  for (const { action, via, entity, stamp, id, body } of simulator.log) {
    if (action !== "create" || via !== "api") continue;
    const part = /\((\d+)\/\d+\)\s*$/.exec(String(body.content ?? ""))?.[1] ?? "1";
    const name = `${entity} ${stamp} ${entity === "note" ? part : ""}`.trim();
    made.set(name, [...(made.get(name) ?? []), id]);
  }
  const areThere = (name: string, ids: number[]): boolean =>
    ids.every((id) => isThere(simulator, name.split(" ")[0] as Entity, id));
  return new Map([...made].filter(([name, ids]) => ids.length > 1 && areThere(name, ids)));
}

function isThere({ records }: Rig["simulator"], entity: Entity, id: number): boolean {
  const table: readonly { id: number; is_deleted: boolean }[] = records[`${entity}s`];
  return table.some((row) => row.id === id && !row.is_deleted);
}
