import type { Config } from "../config/config.ts";
import type { CrmAdapter } from "../crm/adapter.ts";
import { CrmledgerError, EXIT_CODES } from "../domain/errors.ts";
import { endsRun } from "../domain/hold.ts";
import type { LeftRecord, MeasurementDocument } from "../report/doctor-list.ts";
import { counted, span, utcTime } from "../report/human.ts";
import { measuredFacts } from "../report/measurement-words.ts";
import type { Desk } from "../runner/runner.ts";
import type { LeftTestRecord } from "../runner/test-records.ts";
import type { Invocation } from "./command.ts";
import { openCrmLine, type Shop, withRun, withShop } from "./compose.ts";
import { type Finding, fail, fromError, ok } from "./doctor-finding.ts";
import { adviceOf } from "./measure-advice.ts";
import { canAsk, openQuestions } from "./questions.ts";

const NAME = "measurement";
const PARTS = ["fields:person", "fields:organization", "fields:deal"] as const;
const FIELDS_AGE_MAX_MS = 3_600_000;

export interface MeasureReply {
  findings: Finding[];
  document: MeasurementDocument | null;
  left: LeftRecord[];
}

/** Throws `usage` before anything is done where nobody can be asked and nobody said yes. */
export function checkMayMeasure({ flags, io }: Invocation): void {
  if (flags.fix || flags.alerts) {
    throw new CrmledgerError("usage", "--measure goes neither with --fix nor with --alerts", {
      hint: "One after the other.",
    });
  }
  if (flags.yes || canAsk(io)) return;
  throw new CrmledgerError("usage", "--measure writes test records to the CRM, and nobody is here to be asked", {
    hint: "Run it at a terminal, or with --yes.",
  });
}

/** Asks, measures, and takes away what it made: also where it is stopped or fails. */
export async function measureAccount(invocation: Invocation, config: Config): Promise<MeasureReply> {
  const { adapterOf } = await import("../crm/registry.ts");
  const { measureCost } = await import("../runner/measure.ts");
  const price = measureCost(adapterOf(config.crm.type).capabilities.cost);
  const text =
    `To measure, crmledger makes 1 organization, 3 persons, 1 deal and 1 note at ${config.crm.baseUrl}, each called ` +
    `"crmledger measurement, please ignore", looks for them, and deletes them again. Automations of the CRM run for ` +
    `them as for any new record. It takes about ${counted(price.tokensMin, "token")} (${counted(price.tokensMax, "token")} at ` +
    `the most) and a minute or two (${span(price.msMax)} at the most).\n`;
  if (!invocation.flags.yes && !(await isWanted(invocation, text))) {
    return { findings: [ok(NAME, "not wanted; nothing was written")], document: null, left: [] };
  }
  return await withShop(invocation, "create", (shop) =>
    withRun(shop, "doctor", async (runId) => {
      const result = await measureOn(shop, invocation, runId);
      const bad = result.findings.find(({ status }) => status === "fail");
      return { result, summary: { left: result.left.length }, exitCode: bad?.exitCode ?? 0 };
    }),
  );
}

async function isWanted({ io, signals }: Invocation, text: string): Promise<boolean> {
  if (signals.received() !== null) return false;
  io.stderr.write(text);
  const questions = openQuestions(io);
  const signal = signals.graceful();
  try {
    const left = new Promise<string>((answer) => signal.addEventListener("abort", () => answer("n"), { once: true }));
    return /^y(es)?$/i.test(await Promise.race([questions.ask("Measure? [y/N]: "), left]));
  } finally {
    questions.close();
  }
}

async function measureOn(
  shop: Shop,
  invocation: Invocation,
  runId: Parameters<typeof openCrmLine>[2],
): Promise<MeasureReply> {
  const { ledger, clock } = shop;
  const held = (await ledger.holds()).find((hold) => endsRun(hold));
  if (held !== undefined) {
    const finding = fail(
      NAME,
      `not taken: ${held.message}`,
      "Once the hold is over: crmledger status",
      EXIT_CODES.held,
    );
    return { findings: [finding], document: null, left: [] };
  }
  const [{ openDesk }, { measure }, { watchSends }] = await Promise.all([
    import("../runner/desk.ts"),
    import("../runner/measure.ts"),
    import("../runner/measure-watch.ts"),
  ]);
  const signal = invocation.signals.graceful();
  const line = await openCrmLine(shop, invocation, runId, () => undefined);
  try {
    const watch = watchSends(line.deps.send, line.deps.adapter, clock);
    // Not the desk's: what was made is taken away after the signal too.
    const desk = await openDesk({ ...line.deps, send: watch.send });
    try {
      await desk.catalog(PARTS, FIELDS_AGE_MAX_MS);
      const { capabilities } = line.deps.adapter;
      const name = Math.round(clock.wallMs()).toString(36);
      const found = await measure({ desk, ledger, clock, watch, capabilities, name, signal });
      const left = found.left.map((record) => leftRecord(record, desk, line.deps.adapter));
      return replyOf(found, left, shop.config);
    } finally {
      await desk.close();
    }
  } finally {
    await line.close();
  }
}

type Found = Awaited<ReturnType<typeof import("../runner/measure.ts").measure>>;

function replyOf({ measurement, error }: Found, left: LeftRecord[], config: Config): MeasureReply {
  const findings: Finding[] = [];
  if (error !== null) findings.push(fromError(NAME, error));
  else if (measurement === null)
    findings.push(ok(NAME, `stopped before its end${left.length === 0 ? "; what it had made is deleted" : ""}`));
  else findings.push(...measuredFacts(measurement).map(([name, text]) => ok(name, text)));
  findings.push(...leftFindings(left));
  if (measurement === null) return { findings, document: null, left };
  const { atMs, ...facts } = measurement;
  const { yaml, changes } = adviceOf(measurement, config);
  return { findings, document: { at: utcTime(atMs), ...facts, proposals: yaml, changes }, left };
}

/** Test records that are or may be at the CRM. */
export function leftFindings(left: readonly LeftRecord[]): Finding[] {
  return left.map(({ entity, id, stamp, link, refusal }) => {
    const which =
      id === null
        ? `a test ${entity} (${stamp}) may still come up at the CRM`
        : `the test ${entity} ${id} is still at the CRM`;
    const where = link === null ? "" : `: ${link}`;
    const why = refusal === undefined ? "" : `. The CRM refused to delete it: ${refusal}`;
    const fix =
      refusal === undefined
        ? "crmledger doctor --measure takes it away, with a token that may delete; or delete it by hand"
        : "Delete it in the CRM as a user who may. Or let this token delete, and crmledger doctor --measure takes it away";
    return fail("test records", `${which}${where}${why}`, fix, EXIT_CODES.attention);
  });
}

export function leftRecord(
  { entity, crmId, stamp, refusal }: LeftTestRecord,
  desk: Pick<Desk, "crmSession">,
  adapter: Pick<CrmAdapter, "link">,
): LeftRecord {
  const link = crmId === null ? null : adapter.link(entity, crmId, desk.crmSession());
  return { entity, id: crmId, stamp, link, ...(refusal !== undefined && { refusal }) };
}
