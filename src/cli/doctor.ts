import type { Config } from "../config/config.ts";
import { EXIT_CODES } from "../domain/errors.ts";
import { type Check, type DoctorDocument, renderDoctor } from "../report/doctor-list.ts";
import { counted } from "../report/human.ts";
import { checkMaps } from "./check-maps.ts";
import type { Reply, RunCommand } from "./command.ts";
import { checkAlerts } from "./doctor-alerts.ts";
import { checkCrm } from "./doctor-crm.ts";
import { type Finding, fromError, nodeFinding, ok } from "./doctor-finding.ts";
import { checkConfig, checkLedger, checkSpools, checkSurroundings } from "./doctor-machine.ts";
import { checkMayMeasure, type MeasureReply, measureAccount } from "./doctor-measure.ts";
import { currentUser } from "./local-user.ts";

/** `crmledger doctor [--fix|--measure]`: every check on its own, so that one trouble does not hide the next. */
export const run: RunCommand = async (invocation) => {
  const fix = invocation.flags.fix === true;
  const wantsMeasure = invocation.flags.measure === true;
  if (wantsMeasure) checkMayMeasure(invocation);
  const findings: Finding[] = [nodeFinding(process.versions.node)];
  const { config, found } = checkConfig(invocation, fix);
  findings.push(...found);
  if (config !== null) {
    findings.push(...(await withChecks("maps", () => mapsFinding(config))));
    const user = invocation.io.user ?? currentUser();
    findings.push(...(await withChecks("spools", async () => checkSpools(config, user, fix))));
    findings.push(...(await withChecks("ledger", () => checkLedger(invocation, config, fix))));
    findings.push(...(await withChecks("files", async () => checkSurroundings(invocation, config, user))));
    const isTest = invocation.flags.alerts === true;
    findings.push(...(await withChecks("alerts", () => checkAlerts(invocation, config, isTest))));
    const crm = await withChecks("CRM", () => checkCrm(invocation, fix, wantsMeasure));
    // Without ledger or token the CRM can't be asked; that is said already.
    findings.push(...crm.filter((one) => !findings.some((other) => other.message === one.message)));
    if (wantsMeasure && crm.every(({ status }) => status !== "fail")) {
      const measured = await measureAccount(invocation, config);
      return replyOf([...findings, ...measured.findings], measured);
    }
  }
  return replyOf(findings, wantsMeasure ? { document: null, left: [] } : null);
};

async function mapsFinding(config: Config): Promise<Finding[]> {
  const sources = Object.values(config.sources);
  await checkMaps(config, sources);
  const mapped = sources.filter((source) => source.map !== null).length;
  return mapped === 0 ? [] : [ok("maps", `of ${counted(mapped, "source")} can be read`)];
}

async function withChecks(name: string, look: () => Promise<Finding[]>): Promise<Finding[]> {
  try {
    return await look();
  } catch (error) {
    return [fromError(name, error)];
  }
}

function replyOf(findings: readonly Finding[], measured: Pick<MeasureReply, "document" | "left"> | null): Reply {
  const checks: Check[] = findings.map(({ name, status, message, fix }) => ({ name, status, message, fix }));
  const document: DoctorDocument = {
    ok: checks.every((check) => check.status !== "fail"),
    checks,
    ...(measured && { measurement: measured.document, left: measured.left }),
  };
  return { json: document, text: (style) => renderDoctor(document, style), exitCode: exitCodeOf(findings) };
}

/** As `sync` would end: 78 before 77 before 74 before 75 before 3. */
function exitCodeOf(findings: readonly Finding[]): number {
  const codes = new Set(findings.filter((finding) => finding.status === "fail").map((finding) => finding.exitCode));
  const order = [
    EXIT_CODES.configInvalid,
    EXIT_CODES.credentialsRefused,
    EXIT_CODES.spoolUnreadable,
    EXIT_CODES.held,
    EXIT_CODES.attention,
  ];
  return order.find((code) => codes.has(code)) ?? (codes.size > 0 ? EXIT_CODES.unexpected : 0);
}
