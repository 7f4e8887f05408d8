/** What happens in a world beside its runs: submissions come, people act, machines and credentials have their bad days. */
import type { Lane } from "../../src/domain/submission.ts";
import { type Rig, START_MS } from "../support/drain-rig.ts";
import { somebodyActs } from "../support/storm-people.ts";
import type { Trouble } from "./choices.ts";
import { type Dice, dice } from "./dice.ts";
import { reconcile, type SyncOptions, sync } from "./runs.ts";
import { incoming, type Sent, workload } from "./workload.ts";
import { count, nowOf, say, type World } from "./world.ts";

const MINUTE_MS = 60_000;

/** Everything that happens while there is trouble. Resolves when it is over; runs may still be at work. */
export async function haveTrouble(world: World): Promise<void> {
  const { choices, time } = world;
  const acts = timetable(world).sort((a, b) => a.atMs - b.atMs);
  for (const { atMs, act } of acts) {
    if (atMs > time.nowMs) await time.sleep(atMs - time.nowMs);
    await act();
  }
  if (choices.troubleMs > time.nowMs) await time.sleep(choices.troubleMs - time.nowMs);
}

interface Appointment {
  atMs: number;
  act: () => Promise<void> | void;
}

function timetable(world: World): Appointment[] {
  const { choices } = world;
  const die = dice(choices.seed, "timetable");
  const list: Appointment[] = [];
  const waves = workload(choices, START_MS);
  waves.forEach((wave, index) => {
    const atMs = index === 0 ? 0 : die.between(0, choices.troubleMs * 0.8);
    list.push({ atMs, act: () => comeIn(world, wave, `wave ${index + 1}`) });
  });
  for (let atMs = 1_000; atMs < choices.troubleMs; atMs += choices.cronMs) {
    list.push({ atMs, act: () => startRun(world, die) });
  }
  for (const [trouble, often, act] of TROUBLES_BY_TIME) {
    if (!choices.troubles.has(trouble)) continue;
    const times = die.between(1, often);
    for (let time = 0; time < times; time += 1) {
      list.push({ atMs: die.between(5_000, choices.troubleMs), act: () => act(world) });
    }
  }
  return list;
}

/** Versions of a record come in order, as a source gives them. */
async function comeIn(world: World, wave: readonly Sent[], name: string): Promise<void> {
  if (wave.length === 0) return;
  const { ledger } = world;
  const now = nowOf(world);
  const runId = await ledger.openRun({ kind: "ingest", pid: 1, host: "test", lockName: null, now });
  for (const sent of wave) {
    const batch = { runId, submissions: [incoming(sent)], rejects: [], progress: null, closesRejects: [] };
    const { verdicts } = await ledger.ingest(batch, nowOf(world));
    world.given.push(sent);
    const { content } = sent;
    const who = content.person?.email ?? content.person?.phone ?? "?";
    say(world, name, `${sent.source}/${sent.key} v${sent.version} of ${who} (${sent.lane}) is ${verdicts[0]!.type}`);
  }
  await ledger.closeRun(runId, { stopped: "drained", exitCode: 0, summary: null, nowMs: nowOf(world).wallMs });
}

/** As cron does it: it is not waited for. */
function startRun(world: World, die: Dice): void {
  const { choices, machine, time } = world;
  if (machine.stillUntilMs > time.nowMs) return;
  const options: SyncOptions = { join: choices.troubles.has("together") };
  const how = die.next();
  const lane: Lane = die.chance(0.5) ? "operational" : "background";
  if (how < 0.06) options.limits = { submissionsMax: die.between(1, 4) };
  else if (how < 0.12) options.limits = { durationMaxMs: die.pick([2_000, 20_000]) };
  else if (how < 0.18) options.limits = { tokensMax: die.between(20, 200) };
  else if (how < 0.24) options.limits = { lane };
  else if (how < 0.3) options.limits = { waitMaxMs: die.pick([0, 120_000]) };
  void sync(world, options);
  if (choices.troubles.has("together") && die.chance(0.6)) void sync(world, { join: true });
}

type Act = (world: World) => Promise<void> | void;

/** How often at the most in one world. */
const TROUBLES_BY_TIME: readonly (readonly [Trouble, number, Act])[] = [
  ["kill", 4, kill],
  ["signal", 3, terminate],
  ["reboot", 2, reboot],
  ["clock", 3, setClock],
  ["suspend", 2, suspend],
  ["people", 10, somebody],
  ["revoked", 2, revoke],
  ["byHand", 2, pause],
  ["retryFailed", 4, retrySome],
  ["check", 3, (world) => check(world, false)],
  ["repair", 3, (world) => check(world, true)],
];

function kill(world: World): void {
  const process = world.dice.troubles.pick([...world.live]);
  process?.die("kill -9");
}

/** A run that is ended as SIGTERM ends it; where one is at work already, nothing comes of it. */
function terminate(world: World): void {
  if (world.machine.stillUntilMs > world.time.nowMs) return;
  const end = new AbortController();
  count(world, "signal");
  void sync(world, { signal: end.signal, join: true });
  void world.time.sleep(world.dice.troubles.between(10, 4_000)).then(() => end.abort());
}

const JUMPS_MS = [1_000, 90_000, 600_000, 3_600_000, 12 * 3_600_000, 24 * 3_600_000];
/** A look for a lost write reaches back 26 hours behind what the clock says now: no two settings are further apart. */
const APART_MAX_MS = 24 * 3_600_000;

function reboot(world: World): void {
  const { machine, dice } = world;
  const downMs = dice.troubles.between(15_000, 120_000);
  count(world, "reboot");
  say(world, "machine", `reboots, and is down for ${Math.round(downMs / 1000)} s`);
  for (const process of world.live) process.die("reboot");
  machine.reboot(downMs);
  if (world.choices.troubles.has("clock") && dice.troubles.chance(0.5)) setClock(world);
}

function setClock(world: World): void {
  const { dice, choices, machine } = world;
  const far = dice.troubles.pick(JUMPS_MS);
  const ahead = choices.seed % 2 === 0;
  const [least, most] = ahead ? [0, APART_MAX_MS] : [-APART_MAX_MS, 0];
  const wanted = machine.setMs + (dice.troubles.chance(0.5) ? far : -far);
  const ms = Math.min(most, Math.max(least, wanted)) - machine.setMs;
  if (ms === 0) return;
  count(world, ms > 0 ? "clock forwards" : "clock backwards");
  say(world, "machine", `its clock is set by ${ms / 1000} s`);
  machine.setWall(ms);
}

function suspend(world: World): void {
  const { machine, time, dice } = world;
  if (machine.stillUntilMs > time.nowMs) return;
  const ms = dice.troubles.between(20_000, 30 * MINUTE_MS);
  count(world, "suspend");
  say(world, "machine", `sleeps for ${Math.round(ms / 1000)} s`);
  void machine.suspend(ms);
}

async function somebody(world: World): Promise<void> {
  const { simulator, dice, deeds, live, machine, time } = world;
  // What is edited while a process stands still between its fresh read and its write is outside of the promise.
  if ([...live, { stillUntilMs: machine.stillUntilMs }].some(({ stillUntilMs }) => stillUntilMs > time.nowMs)) return;
  const before = simulator.log.length;
  await somebodyActs({ simulator, ledger: world.ledger } as Rig, dice.people, deeds);
  for (const { action, entity, id, via, body } of simulator.log.slice(before)) {
    if (via === "api") continue;
    count(world, `people ${action}`);
    say(world, "somebody", `${action} ${entity} ${id} ${JSON.stringify(body)}`);
  }
}

/** The token is taken back; later it is good again, or another one is put in its place. */
function revoke(world: World): void {
  const { simulator, choices, dice, time } = world;
  const { token } = world;
  count(world, "revoked");
  say(world, "administrator", "takes the token back");
  simulator.revokeToken(token);
  const other = dice.troubles.chance(0.5) ? dice.troubles.pick(choices.tokens.filter((each) => each !== token)) : null;
  void time.sleep(dice.troubles.between(20_000, 10 * MINUTE_MS)).then(() => {
    if (other === null || other === world.token) simulator.restoreToken(token);
    else world.token = other;
    simulator.restoreToken(world.token);
    say(world, "administrator", other === null ? "gives the token back" : "puts another token in its place");
  });
}

async function pause(world: World): Promise<void> {
  const { ledger, dice, time } = world;
  const scope = dice.troubles.chance(0.5) ? ("account" as const) : ("source:website" as const);
  count(world, "by hand");
  say(world, "operator", `pauses ${scope}`);
  const hold = { kind: "paused" as const, scope, untilMs: null, probe: false, message: "by hand" };
  await ledger.openHold(null, hold, nowOf(world).wallMs);
  void time.sleep(dice.troubles.between(20_000, 8 * MINUTE_MS)).then(() => resume(world));
}

export async function resume({ ledger, machine }: World): Promise<void> {
  await ledger.closeHolds({ kind: "paused" }, machine.wallMs());
}

export async function retryFailed(world: World): Promise<void> {
  const ids = (await world.ledger.failed({})).map(({ id }) => id);
  if (ids.length === 0) return;
  count(world, "retry-failed");
  say(world, "operator", `puts ${ids.length} failed ones back`);
  await world.ledger.requeue(ids, new Map(), nowOf(world));
}

/** Of one cause behind a sample, or all at once. No die decides it, so that the seeds tell the stories that they told. */
async function retrySome(world: World): Promise<void> {
  const { ledger } = world;
  const rows = (await ledger.failed({})).filter(({ sampleId }) => sampleId == null);
  const cause = rows[0]?.error.code ?? "";
  const ids = rows.filter(({ error }) => error.code === cause).map(({ id }) => id);
  if (ids.length < 2) return await retryFailed(world);
  count(world, "retry behind a sample");
  say(world, "operator", `puts one of ${ids.length} back that failed for ${cause}`);
  await ledger.sendSample({ cause, ids, content: null, by: null }, nowOf(world));
}

function check(world: World, repairing: boolean): void {
  if (world.machine.stillUntilMs > world.time.nowMs) return;
  const end = new AbortController();
  const die = world.dice.troubles;
  if (die.chance(0.3)) void world.time.sleep(die.between(100, 10_000)).then(() => end.abort());
  void reconcile(world, repairing, end.signal);
}
