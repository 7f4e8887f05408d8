import { LANES } from "../domain/submission.ts";
import { alertsShape } from "./alert-settings.ts";
import { PLAN_MULTIPLIERS, type PlanName } from "./daily-tokens.ts";
import { parseDuration } from "./durations.ts";
import { quietHours } from "./quiet.ts";
import { group, type Meaning, record, required, value } from "./shape.ts";
import {
  country,
  delimiter,
  duration,
  encoding,
  flag,
  httpsUrl,
  listOf,
  oneOf,
  part,
  text,
  timezone,
  wholeNumber,
  wholeNumberOrAuto,
} from "./values.ts";

/**
 * The file's shape: every key of the public interface and no other. Absent keys stay absent here; the defaults are put in
 * by `parseConfig`, because a source falls back on the general settings first.
 */

const MATCH_FIELD = /^person\.fields\.(?:`([^`]+)`|([^`.]+))$/;

const persons = group({
  match: listOf('a list of email, phone, or a field such as "person.fields.`Customer no.`"', (item) => {
    if (item === "email" || item === "phone") return item;
    const field = typeof item === "string" ? MATCH_FIELD.exec(item) : null;
    return field ? `person.fields.${field[1] ?? field[2]}` : undefined;
  }),
  onMatch: oneOf(["fillEmpty", "overwrite", "keep"]),
  country: country(),
});

const deals = group({ match: oneOf(["submission", "key", "openDealOfPerson"]) });
const notes = group({ reference: flag(), format: oneOf(["text", "html"]), join: flag() });
const onBadValue = oneOf(["note", "reject"]);

const mapTarget = value("a path into the record, an expression after =, or a list of these", (given) => {
  if (typeof given === "string") return given.trim() === "" ? undefined : given;
  if (!Array.isArray(given) || given.length === 0) return undefined;
  return given.every((item) => typeof item === "string" && item.trim() !== "") ? (given as string[]) : undefined;
});

const source = group({
  spool: text("a folder"),
  after: oneOf(["archive", "delete", "keep"]),
  lane: oneOf(LANES),
  target: duration(1),
  dailyShare: part("a number above 0 and up to 1", true, false),
  quiet: quietHours(),
  sendFrom: text("an instant such as 2026-11-24T00:00:00+01:00"),
  map: record(mapTarget),
  restToNote: text("a path into the record"),
  format: oneOf(["json", "jsonl", "csv", "form"]),
  records: text("a path, or an expression after ="),
  where: text("an expression"),
  timezone: timezone(),
  country: country(),
  encoding: encoding(),
  delimiter: delimiter(),
  revisions: oneOf(["report", "update"]),
  sameWithin: value("off, or a duration such as 10m", (given) =>
    given === "off" || given === false ? 0 : (parseDuration(given) ?? undefined),
  ),
  persons,
  deals,
  notes,
  onBadValue,
});

const tries = {
  maxAttempts: wholeNumber(1, 100),
  baseDelay: duration(1),
  maxDelay: duration(1),
};

const lane = group({ retry: group(tries), quiet: quietHours(), timezone: timezone() });

export const fileSchema = group({
  ledger: text("a file's path"),
  crm: required(
    group({
      type: required(text("a CRM's name, such as pipedrive")),
      baseUrl: text("a URL such as https://acme.pipedrive.com"),
      // biome-ignore lint/suspicious/noTemplateCurlyInString: that is what the user writes
      apiToken: text("a token, as ${NAME} of an environment variable"),
      apiTokenFile: text("a file's path"),
      plan: oneOf(Object.keys(PLAN_MULTIPLIERS) as PlanName[]),
      seats: wholeNumber(1),
      timeout: duration(1),
      allowHosts: listOf("a list of host names, with a port or without", (item) =>
        typeof item === "string" && /^[A-Za-z0-9.-]+(:\d+)?$/.test(item) ? item : undefined,
      ),
    }),
  ),
  limits: group({
    burst: wholeNumberOrAuto(1),
    dailyTokens: wholeNumberOrAuto(1),
    share: part("a number above 0 and up to 1", true, false),
    operationalReserve: part("a number from 0 to below 1", false, true),
    concurrency: wholeNumberOrAuto(1, 256),
    backfill: wholeNumber(0),
  }),
  retry: group({
    ...tries,
    settle: value("a list of rising durations such as [60s, 300s]", (given) => {
      if (!Array.isArray(given) || given.length === 0) return undefined;
      const ages = given.map(parseDuration);
      const rising = ages.every((age, index) => age !== null && age > (index === 0 ? 0 : (ages[index - 1] ?? 0)));
      return rising ? (ages as number[]) : undefined;
    }),
  }),
  lanes: group({ operational: lane, background: lane }),
  breaker: group({
    failureRate: part("a number above 0 and up to 1", true, false),
    window: wholeNumber(1, 1000),
    cooldown: duration(1),
  }),
  persons: group({ ...persons.members, freshness: duration() }),
  deals,
  notes,
  onBadValue,
  alerts: alertsShape,
  heartbeat: httpsUrl("a URL"),
  log: text("a file's path"),
  retention: group({
    archive: duration(1),
    payloads: duration(1),
    rejects: duration(1),
  }),
  sources: record(source),
});

export type FileShape = Meaning<typeof fileSchema>;
export type SourceShape = Meaning<typeof source>;
