import type { CrmAdapter } from "../crm/adapter.ts";
import type { Catalog, FieldedEntity } from "../domain/catalog.ts";
import { EXIT_CODES } from "../domain/errors.ts";
import type { RunId } from "../domain/ids.ts";
import { STAMP_FIELD_NAME } from "../domain/stamp.ts";
import { localTime, span } from "../report/human.ts";
import { measuredLine } from "../report/measurement-words.ts";
import { ACCOUNT_PARTS } from "../runner/first-contact.ts";
import type { Desk } from "../runner/runner.ts";
import { changedNames, type NameWarning } from "./changed-names.ts";
import type { Invocation } from "./command.ts";
import { openCrmLine, type Shop, withRun, withShop } from "./compose.ts";
import { checkAllowance, checkOwner, checkOwnerChange, checkSight, type KnownAccount } from "./doctor-account.ts";
import { type Finding, fail, ok, warn } from "./doctor-finding.ts";
import { leftFindings, leftRecord } from "./doctor-measure.ts";
import { checkNames, namesInMaps, partsForNames } from "./doctor-names.ts";
import { checkDay } from "./doctor-shares.ts";

const FIELDED: readonly FieldedEntity[] = ["person", "organization", "deal"];
const SKEW_MAX_MS = 30_000;

/** Credentials, account, clock and stamp fields, through the same paced wheel as every other request. */
export async function checkCrm(invocation: Invocation, fix: boolean, measure: boolean): Promise<Finding[]> {
  return await withShop(invocation, fix || measure ? "create" : "openOrPretend", (shop) =>
    withRun(shop, "doctor", async (runId: RunId) => {
      const line = await openCrmLine(shop, invocation, runId, () => undefined);
      try {
        const { openDesk } = await import("../runner/desk.ts");
        const desk = await openDesk(line.deps);
        try {
          const result = [
            ...(await checkAccount(shop, desk)),
            ...(await checkStamps(desk, fix)),
            ...checkClock(desk),
            ...(await checkSetup(shop, desk)),
            ...(await checkDay(shop)),
            ...(measure ? [] : await checkMeasured(shop, desk, line.deps.adapter)),
          ];
          return { result, summary: { checks: result.length }, exitCode: 0 };
        } finally {
          await desk.close();
        }
      } finally {
        await line.close();
      }
    }),
  );
}

async function checkAccount({ config, ledger, clock }: Shop, desk: Desk): Promise<Finding[]> {
  const { account } = await desk.catalog([], 0);
  const who = account === undefined ? config.crm.baseUrl : `${account.name} as ${account.userName}`;
  const found = [ok("CRM", `${who}, ${config.crm.baseUrl}`)];
  if (account !== undefined) {
    const known = knownAccounts(await ledger.loadCatalog(desk.accountId));
    found.push(checkSight(account), checkOwner(config, account), ...checkOwnerChange(account, known, clock.wallMs()));
  }
  return found;
}

/** After the reads: a reply has told the CRM's time. */
function checkClock(desk: Desk): Finding[] {
  const skewMs = desk.clockSkewMs();
  if (skewMs === null) return [];
  const size = Math.abs(skewMs);
  if (size <= SKEW_MAX_MS) return [ok("clock", "agrees with the CRM")];
  const side = skewMs > 0 ? "behind" : "ahead of";
  const message = `this machine is ${span(size)} ${side} the CRM`;
  return [warn("clock", message, "Let NTP set the clock: timedatectl set-ntp true")];
}

/** What the CRM said of each credential that this ledger has spoken with. */
function knownAccounts(rows: Awaited<ReturnType<Shop["ledger"]["loadCatalog"]>>): KnownAccount[] {
  return rows.flatMap(({ part, catalog: { account }, fetchedAtMs }) =>
    part.startsWith(ACCOUNT_PARTS) && account !== undefined ? [{ account, askedAtMs: fetchedAtMs }] : [],
  );
}

/** Names in maps against the CRM, and how much room its plan leaves. The fields were just read for the stamps. */
async function checkSetup(shop: Shop, desk: Desk): Promise<Finding[]> {
  const { config } = shop;
  const names = await namesInMaps(config);
  const catalog = await desk.catalog(partsForNames(names), 0);
  const changed = await changedNames(shop);
  return [
    ...checkNames(config, names, catalog).map((finding) => withNewName(finding, changed)),
    ...changed.map(({ message, fix }) => warn("names in the CRM", message, fix)),
    ...checkAllowance(config, catalog),
  ];
}

/** A name that the CRM had is not looked for among those that are written alike. */
function withNewName(finding: Finding, changed: readonly NameWarning[]): Finding {
  const meant = changed.find(
    ({ uses, name }) =>
      uses.some((key) => finding.message.startsWith(`${key}: `)) && finding.message.includes(`"${name}"`),
  );
  return meant === undefined ? finding : { ...finding, fix: meant.fix };
}

/** What was measured of the account, and test records that a measurement could not take away. */
async function checkMeasured({ ledger }: Shop, desk: Desk, adapter: Pick<CrmAdapter, "link">): Promise<Finding[]> {
  const last = await ledger.lastMeasurement(desk.accountId);
  const left = await ledger.testRecords(desk.accountId);
  const found = last === null ? [] : [ok("measured", `on ${localTime(last.atMs).slice(0, 10)}: ${measuredLine(last)}`)];
  return [...found, ...leftFindings(left.map((record) => leftRecord(record, desk, adapter)))];
}

async function checkStamps(desk: Desk, fix: boolean): Promise<Finding[]> {
  const parts = FIELDED.map((entity) => `fields:${entity}` as const);
  const missing = missingStamps(await desk.catalog(parts, 0));
  if (missing.length === 0) return [ok("stamp fields", "there for person, organization and deal")];
  if (!fix) {
    const message = `no text field called ${STAMP_FIELD_NAME} for: ${missing.join(", ")}`;
    return [fail("stamp fields", message, "crmledger doctor --fix creates them", EXIT_CODES.crmSetupMissing)];
  }
  const found: Finding[] = [];
  for (const entity of missing) found.push(await createStamp(desk, entity));
  // Read anew, so that the next sync finds them without asking.
  await desk.catalog(parts, 0);
  return found;
}

function missingStamps(catalog: Catalog): FieldedEntity[] {
  return FIELDED.filter(
    (entity) =>
      !catalog.fields[entity]?.some((field) => field.custom && field.name.trim().toLowerCase() === STAMP_FIELD_NAME),
  );
}

async function createStamp(desk: Desk, entity: FieldedEntity): Promise<Finding> {
  const name = `stamp field ${entity}`;
  const outcome = await desk.perform({ type: "createField", key: `stamp#${entity}`, entity, name: STAMP_FIELD_NAME });
  if (outcome.type === "applied") return ok(name, "created");
  const message = "message" in outcome ? outcome.message : outcome.type;
  const hint = `Make a text field called ${STAMP_FIELD_NAME} for ${entity} in the CRM by hand; that is fine too.`;
  return fail(name, `could not be created: ${message}`, hint, EXIT_CODES.crmSetupMissing);
}
