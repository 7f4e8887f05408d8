import { z } from "zod";
import { LANES } from "../domain/submission.ts";
import { PLAN_MULTIPLIERS, type PlanName } from "./daily-tokens.ts";
import { parseDuration } from "./durations.ts";
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
  value,
  wholeNumber,
  wholeNumberOrAuto,
} from "./values.ts";

/**
 * The file's shape: every key of the public interface and no other. Absent keys stay absent here; the defaults are put in
 * by `parseConfig`, because a source falls back on the general settings first.
 */

const MATCH_FIELD = /^person\.fields\.(?:`([^`]+)`|([^`.]+))$/;

const persons = z.strictObject({
  match: listOf('a list of email, phone, or a field such as "person.fields.`Customer no.`"', (item) => {
    if (item === "email" || item === "phone") return item;
    const field = typeof item === "string" ? MATCH_FIELD.exec(item) : null;
    return field ? `person.fields.${field[1] ?? field[2]}` : undefined;
  }).optional(),
  onMatch: oneOf(["fillEmpty", "overwrite", "keep"]).optional(),
  country: country().optional(),
});

const deals = z.strictObject({ match: oneOf(["submission", "key", "openDealOfPerson"]).optional() });
const notes = z.strictObject({ reference: flag().optional(), format: oneOf(["text", "html"]).optional() });
const onBadValue = oneOf(["note", "reject"]).optional();

const mapTarget = value("a path into the record, an expression after =, or a list of these", (given) => {
  if (typeof given === "string") return given.trim() === "" ? undefined : given;
  if (!Array.isArray(given) || given.length === 0) return undefined;
  return given.every((item) => typeof item === "string" && item.trim() !== "") ? (given as string[]) : undefined;
});

const source = z.strictObject({
  spool: text("a folder").optional(),
  after: oneOf(["archive", "delete", "keep"]).optional(),
  lane: oneOf(LANES).optional(),
  target: duration(1).optional(),
  sendFrom: text("an instant such as 2026-11-24T00:00:00+01:00").optional(),
  map: z.record(z.string(), mapTarget).optional(),
  restToNote: text("a path into the record").optional(),
  format: oneOf(["json", "jsonl", "csv", "form"]).optional(),
  records: text("a path, or an expression after =").optional(),
  where: text("an expression").optional(),
  timezone: timezone().optional(),
  country: country().optional(),
  encoding: encoding().optional(),
  delimiter: delimiter().optional(),
  revisions: oneOf(["report", "update"]).optional(),
  sameWithin: value("off, or a duration such as 10m", (given) =>
    given === "off" || given === false ? 0 : (parseDuration(given) ?? undefined),
  ).optional(),
  persons: persons.optional(),
  deals: deals.optional(),
  notes: notes.optional(),
  onBadValue,
});

const alertTarget = z.union([
  z.strictObject({ slack: httpsUrl("a Slack webhook's URL") }),
  z.strictObject({ webhook: httpsUrl("a URL") }),
  z.strictObject({ command: text("a command") }),
]);

export const fileSchema = z.strictObject({
  ledger: text("a file's path").optional(),
  crm: z.strictObject({
    type: text("a CRM's name, such as pipedrive"),
    baseUrl: text("a URL such as https://acme.pipedrive.com").optional(),
    // biome-ignore lint/suspicious/noTemplateCurlyInString: that is what the user writes
    apiToken: text("a token, as ${NAME} of an environment variable").optional(),
    apiTokenFile: text("a file's path").optional(),
    plan: oneOf(Object.keys(PLAN_MULTIPLIERS) as PlanName[]).optional(),
    seats: wholeNumber(1).optional(),
    timeout: duration(1).optional(),
    allowHosts: listOf("a list of host names, with a port or without", (item) =>
      typeof item === "string" && /^[A-Za-z0-9.-]+(:\d+)?$/.test(item) ? item : undefined,
    ).optional(),
  }),
  limits: z
    .strictObject({
      burst: wholeNumberOrAuto(1).optional(),
      dailyTokens: wholeNumberOrAuto(1).optional(),
      share: part("a number above 0 and up to 1", true, false).optional(),
      operationalReserve: part("a number from 0 to below 1", false, true).optional(),
      concurrency: wholeNumberOrAuto(1, 256).optional(),
      backfill: wholeNumber(0).optional(),
    })
    .optional(),
  retry: z
    .strictObject({
      maxAttempts: wholeNumber(1, 100).optional(),
      baseDelay: duration(1).optional(),
      maxDelay: duration(1).optional(),
      settle: value("a list of rising durations such as [60s, 300s]", (given) => {
        if (!Array.isArray(given) || given.length === 0) return undefined;
        const ages = given.map(parseDuration);
        const rising = ages.every((age, index) => age !== null && age > (index === 0 ? 0 : (ages[index - 1] ?? 0)));
        return rising ? (ages as number[]) : undefined;
      }).optional(),
    })
    .optional(),
  breaker: z
    .strictObject({
      failureRate: part("a number above 0 and up to 1", true, false).optional(),
      window: wholeNumber(1, 1000).optional(),
      cooldown: duration(1).optional(),
    })
    .optional(),
  persons: persons.extend({ freshness: duration().optional() }).optional(),
  deals: deals.optional(),
  notes: notes.optional(),
  onBadValue,
  alerts: z
    .strictObject({
      to: z.array(alertTarget).optional(),
      failed: wholeNumber(1).optional(),
      quota: listOf("a list of parts such as [0.7, 0.85, 0.95]", (item) =>
        typeof item === "number" && item > 0 && item <= 1 ? item : undefined,
      ).optional(),
      retryRate: text("a rate such as 0.1 in 5m").optional(),
    })
    .optional(),
  heartbeat: httpsUrl("a URL").optional(),
  retention: z
    .strictObject({
      archive: duration(1).optional(),
      payloads: duration(1).optional(),
      rejects: duration(1).optional(),
    })
    .optional(),
  sources: z.record(z.string(), source).optional(),
});

export type FileShape = z.infer<typeof fileSchema>;
export type SourceShape = z.infer<typeof source>;

/** The keys that may stand at a path, for the suggestion of the nearest one. */
export function knownKeys(path: readonly (string | number)[]): string[] {
  let schema: z.core.$ZodType = fileSchema;
  for (const part of path) {
    schema = unwrap(schema);
    if (schema instanceof z.ZodObject) schema = schema.shape[String(part)] ?? z.unknown();
    else if (schema instanceof z.ZodRecord) schema = schema.valueType;
    else if (schema instanceof z.ZodArray) schema = schema.element;
    else return [];
  }
  schema = unwrap(schema);
  if (schema instanceof z.ZodUnion) {
    return schema.options.flatMap((option) => (option instanceof z.ZodObject ? Object.keys(option.shape) : []));
  }
  return schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
}

function unwrap(schema: z.core.$ZodType): z.core.$ZodType {
  return schema instanceof z.ZodOptional ? unwrap(schema.unwrap()) : schema;
}
