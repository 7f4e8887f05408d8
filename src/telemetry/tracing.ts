/**
 * Traces of submissions, across runs: what is committed is read back from the ledger and sent on. Nothing here is waited for by
 * the run, but for its end, and there only for so long; nothing here changes how a run ends.
 */
import type { Clock } from "../domain/clock.ts";
import type { RunId, SubmissionId } from "../domain/ids.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { RunStart, Turn, TurnResult } from "../ledger/rows.ts";
import type { TracedWork } from "../ledger/traces.ts";
import type { LedgerEvent, LedgerListener } from "./ledger-events.ts";
import type { SpanSender } from "./span-sender.ts";
import { arrivalTrace, runTrace, type ServerPlace, type TracedRun, type WorkEnd, workTrace } from "./spans.ts";
import { FLUSH_MS } from "./trace-settings.ts";

/** So many works or this much time are gathered before they are sent. */
const WORKS_GATHERED = 100;
const GATHER_MS = 5_000;
const AT_ONCE = 500;
const ENDED_KEPT = 10_000;

export interface TracingDeps {
  ledger: Pick<Ledger, "beginTraces" | "workOf" | "takeArrivals">;
  clock: Clock;
  /** Opens the way to the collector; a text says why there is none. */
  open: () => Promise<SpanSender | string>;
  /** Where requests go. */
  server: ServerPlace;
  warn: (message: string) => void;
}

export interface Tracing extends LedgerListener {
  /** Sends what is left, for two seconds at the most. */
  end(): Promise<void>;
}

/** What there is once a run was opened. */
interface Way {
  sender: SpanSender;
  ledgerId: string;
}

interface Ended extends WorkEnd {
  submission: SubmissionId;
  /** Requests up to this one were of an earlier pass. */
  after: number;
  /** The newest request of this process when it left the run's hands. */
  through: number;
}

/** What one process is at. */
interface Hands {
  runs: Map<RunId, RunStart>;
  endedRuns: TracedRun[];
  claimed: Map<SubmissionId, number>;
  steps: Map<number, WorkEnd["steps"][number]>;
  newestRequest: number;
  /** Of submissions that may come back in this run. */
  passes: Map<SubmissionId, { pass: number; after: number }>;
  ended: Ended[];
}

export function createTracing(deps: TracingDeps): Tracing {
  const hands = emptyHands();
  let way: Promise<Way | null> | null = null;
  let sentAtMs = deps.clock.monoMs();
  let sending: Promise<boolean> | null = null;
  let isOff = false;
  const send = async (): Promise<boolean> => {
    const opened = await way;
    return opened == null || (await tellAll(deps, opened, hands));
  };
  return {
    wantsHands: true,
    async prepare() {
      way ??= openWay(deps);
      isOff = (await way) === null;
    },
    tell(event) {
      if (isOff) return;
      note(deps.clock, hands, event);
      const due = hands.ended.length >= WORKS_GATHERED || deps.clock.monoMs() - sentAtMs >= GATHER_MS;
      if (event.type !== "turn" || !due || sending !== null) return;
      sentAtMs = deps.clock.monoMs();
      const sent = send().catch(() => false);
      sending = sent.finally(() => {
        sending = null;
      });
    },
    async end() {
      const enough = new AbortController();
      const late = deps.clock.sleep(FLUSH_MS, enough.signal).then(() => false);
      const rest = (sending ?? Promise.resolve(true)).then(send).catch(() => false);
      const sent = await Promise.race([rest, late]);
      enough.abort();
      if (!sent || ((await way)?.sender.lost() ?? 0) > 0) deps.warn(NOT_TAKEN);
    },
  };
}

const NOT_TAKEN =
  "the collector of traces (OTEL_EXPORTER_OTLP_ENDPOINT) did not take all spans; nothing else is lost, and `crmledger show` has the story";

async function openWay({ ledger, open, warn }: TracingDeps): Promise<Way | null> {
  try {
    const sender = await open();
    if (typeof sender !== "string") return { sender, ledgerId: await ledger.beginTraces() };
    warn(sender);
  } catch (error) {
    warn(`no traces: ${error instanceof Error ? error.message : String(error)}`);
  }
  return null;
}

function emptyHands(): Hands {
  return {
    newestRequest: 0,
    runs: new Map(),
    endedRuns: [],
    claimed: new Map(),
    steps: new Map(),
    passes: new Map(),
    ended: [],
  };
}

const DIED = {
  pass: 1,
  after: 0,
  through: Number.MAX_SAFE_INTEGER,
  claimedAtMs: null,
  endedAtMs: null,
  to: "died",
  errorCode: null,
  wait: null,
} as const;

function note(clock: Clock, hands: Hands, event: LedgerEvent): void {
  if (event.type === "runOpened") hands.runs.set(event.run, event.start);
  else if (event.type === "turn") noteTurn(hands, event.turn, event.result);
  else if (event.type === "recovered") {
    for (const { run, submission } of event.inHand) hands.ended.push({ ...DIED, run, submission, steps: [] });
  } else if (event.type === "claimed") {
    const atMs = clock.wallMs();
    for (const claim of event.claims) for (const { id } of claim.submissions) hands.claimed.set(id, atMs);
  } else if (event.type === "runClosed") {
    const { run, stopped, exitCode } = event;
    const start = hands.runs.get(run);
    hands.runs.delete(run);
    if (start === undefined) return;
    const { kind, pid, now } = start;
    hands.endedRuns.push({ run, kind, pid, startedAtMs: now.wallMs, endedAtMs: clock.wallMs(), stopped, exitCode });
  }
}

function noteTurn(hands: Hands, turn: Turn, { fenced, granted }: TurnResult): void {
  const atMs = Math.round(turn.now.wallMs);
  for (const { claimId, stepId, from, to, action } of turn.steps) {
    if (from !== to && !fenced.includes(claimId)) hands.steps.set(stepId, { stepId, to, action: action ?? null, atMs });
  }
  const through = hands.newestRequest;
  for (const { claimId, submissionId, to, error, wait } of turn.submissions) {
    if (to === "inProgress" || fenced.includes(claimId)) continue;
    const { pass, after } = hands.passes.get(submissionId) ?? { pass: 1, after: 0 };
    hands.ended.push({
      ...{ run: turn.runId, submission: submissionId, pass, after, through, to, endedAtMs: atMs, steps: [] },
      claimedAtMs: hands.claimed.get(submissionId) ?? null,
      errorCode: error?.code ?? null,
      wait: wait === undefined ? null : { kind: wait.kind, untilMs: wait.untilMs },
    });
    // A collector that takes nothing must not fill the memory.
    if (hands.ended.length > ENDED_KEPT) hands.ended.shift();
    hands.claimed.delete(submissionId);
    if (to === "done" || to === "failed") hands.passes.delete(submissionId);
    else hands.passes.set(submissionId, { pass: pass + 1, after: through });
  }
  for (const { requestId } of granted) hands.newestRequest = Math.max(hands.newestRequest, requestId);
}

/** Reads back what is told, plans its spans and sends them. */
async function tellAll(deps: TracingDeps, { sender, ledgerId }: Way, hands: Hands): Promise<boolean> {
  for (;;) {
    const arrived = await deps.ledger.takeArrivals(AT_ONCE);
    for (const submission of arrived) sender.take(arrivalTrace(ledgerId, submission));
    for (const ended of hands.ended.splice(0, AT_ONCE)) {
      const work = await workOf(deps, hands, ended);
      if (work !== null) sender.take(workTrace(ledgerId, ...work, deps.server));
    }
    for (const run of hands.endedRuns.splice(0)) sender.take(runTrace(ledgerId, run));
    if (!(await sender.send())) return false;
    if (arrived.length < AT_ONCE && hands.ended.length === 0) return true;
  }
}

async function workOf({ ledger }: TracingDeps, hands: Hands, ended: Ended): Promise<[TracedWork, WorkEnd] | null> {
  const { run, submission, after, through } = ended;
  const work = await ledger.workOf(run, submission, after, through);
  if (work === null) return null;
  // What another run did is not the dead one's.
  const steps = ended.to === "died" ? [] : work.steps.flatMap(({ id }) => hands.steps.get(id) ?? []);
  for (const { stepId } of steps) hands.steps.delete(stepId);
  return [work, { ...ended, steps }];
}
