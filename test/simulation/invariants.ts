/** What must hold once the trouble is over. Each finding begins with the invariant's name. */
import { stampOf } from "../../src/domain/stamp.ts";
import type { DiscrepancyRow } from "../../src/ledger/checks.ts";
import { isSafe } from "../../src/reconcile/repair.ts";
import { type CheckRun, named } from "../support/check-rig.ts";
import type { Rig } from "../support/drain-rig.ts";
import { doublesOf } from "../support/reconcile-storm.ts";
import { undone } from "../support/storm-people.ts";
import { lost, oldVersions, outOfOrder, overtaken, twice } from "./oracle.ts";
import { openDifferences } from "./runs.ts";
import { breaks, count, nowOf, say, type World } from "./world.ts";

/** After the last run and an hour of rest, before any check could mend what is wrong. */
export async function afterDrain(world: World): Promise<void> {
  const tell = (invariant: string, found: readonly string[]): void => {
    for (const each of found) breaks(world, `${invariant} ${each}`);
  };
  const done = doneOnes(world);
  say(world, "ledger", JSON.stringify(await world.ledger.queue()));
  tell("I-D1 lost:", lost(world, done));
  if (isBounded(world)) tell("I-X1 twice:", twice(world));
  else for (const _ of twice(world)) count(world, "twice");
  tell("order:", outOfOrder(world, done));
  tell("order:", overtaken(world));
  tell("versions:", oldVersions(world, done));
  tell("I-X9 undone:", undoneByUs(world));
  tell("I-D1 not accounted for:", await unaccounted(world));
  tell("left behind:", await leftBehind(world));
  tell("I-R1 pace:", ownRefusals(world));
  tell("tokens:", tokens(world));
  tell("ledger:", await world.ledger.check());
}

/** `SOURCE/KEY` of what the ledger calls done, in all its versions. */
function doneOnes({ db, given }: World): Set<string> {
  const open = db
    .prepare(
      "SELECT DISTINCT coalesce(f.key, s.key) AS key FROM submissions s LEFT JOIN submissions f ON f.id = s.revises WHERE s.state <> 'done'",
    )
    .pluck()
    .all() as string[];
  return new Set(given.filter(({ key }) => !open.includes(key)).map(({ source, key }) => stampOf(source, key)));
}

/** Every submission is there, and what is not done says why. */
async function unaccounted({ db, given, ...world }: World): Promise<string[]> {
  const rows = db.prepare("SELECT source, key, state, error_code AS code FROM submissions").all() as {
    source: string;
    key: string;
    state: string;
    code: string | null;
  }[];
  const known = new Set(rows.map(({ source, key }) => `${source}/${key}`));
  const missing = given
    .filter(({ source, key }) => !known.has(`${source}/${key}`))
    .map(({ source, key }) => `${source}/${key} is gone`);
  const stuck = rows.filter(({ state }) => state !== "done");
  for (const { code } of stuck) world.counts[`failed ${code}`] = (world.counts[`failed ${code}`] ?? 0) + 1;
  // Put back after the trouble, and failed again: only what people took away may do that. A later version sets a failed one aside.
  const why = stuck
    .filter(({ state, source }) => state !== "dropped" || source !== "events")
    .filter(({ state, code }) => state !== "failed" || !(world.choices.troubles.has("people") && code !== null))
    .map(({ source, key, state, code }) => `${source}/${key} is ${state} (${code})`);
  return [...missing, ...why];
}

/** What a run that is over must not leave: leases, slots, intents without an end, holds for ever. */
async function leftBehind({ db, ledger, simulator, ...world }: World): Promise<string[]> {
  const counts: Record<string, string> = {
    claims: "SELECT count(*) FROM claims",
    "failed ones that wait for a sample": "SELECT count(*) FROM submissions WHERE sample_of IS NOT NULL",
    "samples of which nobody told": "SELECT count(*) FROM retry_samples",
    "identity leases": "SELECT count(*) FROM identity_leases",
    "open runs": "SELECT count(*) FROM runs WHERE ended_at_ms IS NULL",
    "open requests": "SELECT count(*) FROM requests WHERE outcome IS NULL",
    "open attempts": "SELECT count(*) FROM attempts WHERE outcome IS NULL",
    "steps in doubt": "SELECT count(*) FROM steps WHERE state IN ('begun', 'uncertain', 'pending') AND dropped = 0",
    "holds of a stale ledger": "SELECT count(*) FROM holds WHERE kind = 'staleLedger'",
  };
  const found: string[] = [];
  for (const [what, sql] of Object.entries(counts)) {
    const number = db.prepare(sql).pluck().get() as number;
    if (number > 0) found.push(`${number} ${what}`);
  }
  const account = await ledger.account();
  const credentials = db
    .prepare("SELECT DISTINCT credential FROM quota WHERE credential <> ''")
    .pluck()
    .all() as string[];
  for (const credential of account === null ? [] : credentials) {
    const { use } = await ledger.buckets(account!.id, credential, nowOf(world));
    for (const { bucket, used } of use) if (bucket !== "day" && used > 0) found.push(`${used} slots of ${bucket}`);
  }
  return found;
}

/** Where nobody else used the token, no refusal can be but our own doing. */
function ownRefusals({ simulator, choices, tap }: World): string[] {
  const { limited, blocked, peakWindow } = simulator.requests;
  const { others, limits } = choices.simulator;
  if (others) return [];
  const found: string[] = [];
  const share = Math.floor((limits?.burst ?? 20) * choices.settings.limits.share);
  if (limited.burst > 0) found.push(`${limited.burst} requests over the burst limit`);
  if (limited.search > 0) found.push(`${limited.search} searches over their limit`);
  if (blocked > 0) found.push(`${blocked} requests met the abuse block`);
  // The question whose token it is goes past the quota, once for each run that begins on a new ledger.
  if (peakWindow > share + Math.max(0, tap.spending.firsts - 1))
    found.push(`${peakWindow} requests in a window of which ${share} are ours`);
  return found;
}

/** The ledger's own account against what left and what the CRM charged. */
function tokens({ db, tap, simulator, counts }: World): string[] {
  const told = db.prepare("SELECT coalesce(sum(tokens), 0) FROM runs").pluck().get() as number;
  const { sent, refused, chargedLeast, chargedMost, first } = tap.spending;
  const charged = simulator.requests.tokens;
  const found: string[] = [];
  if (charged < chargedLeast || charged > chargedMost)
    found.push(`the CRM charged ${charged}, which is not between ${chargedLeast} and ${chargedMost}`);
  // A process that died counts what it had begun, and never hears of a refusal.
  const died = (counts.death ?? 0) + (counts.pause ?? 0) > 0;
  if (told < sent - first || (!died && told > sent))
    found.push(`the ledger says ${told}, ${sent} left and ${refused} more were refused`);
  return found;
}

/** After `reconcile --repair` (`repaired` is what it saw), a sync and another check. */
export async function afterCheck(world: World, repaired: CheckRun | null, last: CheckRun | null): Promise<void> {
  if (repaired === null || last === null) {
    breaks(world, "I-O5 the last check did not come to its end");
    return;
  }
  const open = await openDifferences(world);
  const breaking = open.filter((row) => row.class === "break");
  // What one repair makes possible, such as to go on once a merge was followed, is the next one's.
  const wasSafe = new Set(repaired.rows.filter(isSafe).map(({ id }) => id));
  for (const row of breaking.filter((each) => isSafe(each) && wasSafe.has(each.id)))
    breaks(world, `I-O5 safe to mend and still open: ${named(row)}`);
  for (const row of breaking.filter(({ kind }) => kind.endsWith("-missing")))
    if (world.choices.simulator.deletedGet === 200) breaks(world, `I-O5 ${named(row)} although nobody made it vanish`);
  if (!world.choices.troubles.has("people") && isBounded(world)) {
    for (const row of open)
      breaks(world, `I-O5 a difference that nobody made: ${named(row)} ${JSON.stringify(row.actual)}`);
  }
  if (isBounded(world)) for (const each of twice(world)) breaks(world, `I-X1 twice after the repairs: ${each}`);
  for (const name of unnamedDoubles(world, open)) breaks(world, `I-X8 made twice, and no check names it: ${name}`);
  for (const each of undoneByUs(world)) breaks(world, `I-X9 undone by a repair: ${each}`);
  count(world, "judged");
}

/** Whether whatever happens late happens within the settle times. */
function isBounded({ choices }: World): boolean {
  return choices.lateMaxMs <= choices.settings.retry.settleMs.at(-1)!;
}

/** Of what was made twice by us and is all there: what the last check does not name. A note without a reference has no name. */
function unnamedDoubles({ simulator }: World, open: readonly DiscrepancyRow[]): string[] {
  const duplicates = open.filter(({ kind }) => kind.endsWith("-duplicate"));
  const named = new Set(
    duplicates.flatMap(({ entity, actual }) =>
      ((actual as { ids?: string[] } | null)?.ids ?? []).map((id) => `${entity} ${id}`),
    ),
  );
  return [...doublesOf({ simulator } as Rig)]
    .filter(([name, ids]) => !/ null( |$)/.test(name) && !ids.some((id) => named.has(`${name.split(" ")[0]} ${id}`)))
    .map(([name]) => name);
}

/** From a fresh read to the write that it is for: the CRM has no way to write only what nobody changed since. */
const BETWEEN_READ_AND_WRITE_MS = 10_000;

function undoneByUs({ simulator, deeds }: World): string[] {
  const raced = (what: string): boolean => {
    const [entity, id] = what.split(" ");
    const own = simulator.log.filter((entry) => entry.entity === entity && entry.id === Number(id));
    const edits = own.filter(({ via, action }) => via === "person" && action === "update");
    const within = (ms: number): boolean => ms >= 0 && ms <= BETWEEN_READ_AND_WRITE_MS;
    return edits.some((edit) => own.some(({ via, at }) => via === "api" && within(at - edit.at)));
  };
  return undone(simulator, deeds).filter((what) => !raced(what));
}
