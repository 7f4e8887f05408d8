/** `retry-failed --cause`: one goes first, and the others wait for what becomes of it. */
import type { SubmissionId } from "../domain/ids.ts";
import { submissionName } from "../domain/submission.ts";
import type { FailedRow } from "../ledger/rows.ts";
import type { RetrySample } from "../ledger/samples.ts";
import { count } from "../report/human.ts";
import { safeLine } from "../report/safe-text.ts";
import type { Invocation, Reply } from "./command.ts";
import type { Shop } from "./compose.ts";
import { currentUser } from "./local-user.ts";
import { limitsOf, runSync, type SyncPlan } from "./sync.ts";
import { todaysContents } from "./todays-contents.ts";

/** Ids of one transaction. */
const CHUNK = 200;

type Sample = Pick<RetrySample, "sampleId" | "source" | "key" | "waiting">;

export interface Sampled {
  /** What went back to the queue: the sample, or nothing where one of this cause was under way. */
  requeued: FailedRow[];
  /** Null: nothing waits for one. */
  sample: Sample | null;
}

export const nameOf = ({ source, key }: { source: string; key: string }): string => submissionName(source, key);

/** What `sendSample` would do. */
export async function previewSample({ ledger }: Shop, cause: string, rows: readonly FailedRow[]): Promise<Sampled> {
  const free = rows.filter(({ sampleId }) => sampleId == null);
  const open = (await ledger.samples()).find((sample) => sample.cause === cause);
  if (open !== undefined) return { requeued: [], sample: { ...open, waiting: open.waiting + free.length } };
  const [first, ...rest] = free;
  if (first === undefined) return { requeued: [], sample: await waitedFor(ledger, rows) };
  if (rest.length === 0) return { requeued: [first], sample: null };
  return { requeued: [first], sample: { ...first, sampleId: first.id, waiting: rest.length } };
}

/** Failed ones of one cause, two or more: the first goes back to the queue unless a sample of the cause is under way. */
export async function sendSample(
  shop: Shop,
  invocation: Invocation,
  cause: string,
  rows: readonly FailedRow[],
): Promise<Sampled> {
  const free = rows.filter(({ sampleId }) => sampleId == null);
  const by = (invocation.io.user ?? currentUser()).name;
  const requeued: FailedRow[] = [];
  for (let from = 0; from < free.length; from += CHUNK) {
    const chunk = free.slice(from, from + CHUNK);
    const contents = await todaysContents(shop, invocation, chunk.slice(0, 1));
    const ids = chunk.map((row) => row.id);
    const request = { cause, ids, content: contents.get(ids[0]!) ?? null, by };
    const { sent } = await shop.ledger.sendSample(request, shop.now());
    requeued.push(...chunk.filter(({ id }) => id === sent));
  }
  return { requeued, sample: await waitedFor(shop.ledger, rows) };
}

/** The sample that some of these rows wait for. */
async function waitedFor(ledger: Shop["ledger"], rows: readonly FailedRow[]): Promise<Sample | null> {
  const waiting = await ledger.failed({ ids: rows.map((row) => row.id) });
  const ids = new Set(waiting.map(({ sampleId }) => sampleId));
  return (await ledger.samples()).findLast(({ sampleId }) => ids.has(sampleId)) ?? null;
}

/** What is told of a retry behind a sample. */
export function sampleText(cause: string, { requeued, sample }: Sampled): string {
  if (sample === null) return "";
  const name = safeLine(nameOf(sample));
  const goes = requeued.length > 0 ? "goes first, as the" : "is under way as the";
  const others = sample.waiting === 1 ? "the other one follows" : `the other ${count(sample.waiting)} follow`;
  const stays = sample.waiting === 1 ? "stays" : "stay";
  return `${name} ${goes} sample of ${safeLine(cause)}: ${others} once it went through, and ${stays} failed if it fails again.\n`;
}

const RETRY: Omit<SyncPlan, "limits"> = { kind: "retry-failed", ingest: false, join: true, yes: false };

/** As `sync --join`, without reading spools. */
export const drainAll = (shop: Shop, invocation: Invocation): Promise<Reply> =>
  runSync(shop, invocation, { ...RETRY, limits: limitsOf({}) });

export interface SampleDrained {
  outcome: "done" | "failed" | "waiting";
  /** The sample's own run. */
  first: Reply;
  /** The run of everything after it; null where the sample did not go through. */
  rest: Reply | null;
}

/** Sends the sample alone, and the rest of the queue when it went through. */
export async function drainSample(shop: Shop, invocation: Invocation, id: SubmissionId): Promise<SampleDrained> {
  const first = await runSync(shop, invocation, { ...RETRY, limits: { ...limitsOf({}), ids: [id] } });
  const state = (await shop.ledger.story(id))?.submission.state;
  const isOpen = (await shop.ledger.samples()).some(({ sampleId }) => sampleId === id);
  if (isOpen && state !== "done") return { outcome: "waiting", first, rest: null };
  if (state !== "done") return { outcome: "failed", first, rest: null };
  return { outcome: "done", first, rest: await drainAll(shop, invocation) };
}
