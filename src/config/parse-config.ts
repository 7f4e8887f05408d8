import { dirname, sep } from "node:path";
import { type Document, isScalar, LineCounter, parseDocument, visit } from "yaml";
import { CrmledgerError } from "../domain/errors.ts";
import type { DrainSettings, SourceSettings } from "../domain/settings.ts";
import { alertsOf } from "./alert-settings.ts";
import type { Config, Retention, TokenSource } from "./config.ts";
import { dailyTokensOfPlan } from "./daily-tokens.ts";
import { type Environment, expandEnvironment } from "./environment.ts";
import { dailyShares, laneRetries, quietSettings } from "./lane-settings.ts";
import { configError, type Path, type Problem } from "./problem.ts";
import { type FileShape, fileSchema } from "./schema.ts";
import { Secret } from "./secret.ts";
import { generalPlan, resolvePath, sourceSettings } from "./source-settings.ts";

export interface Vendor {
  defaultBaseUrl: string;
  /** Decides whether the token may be sent there; throws `configInvalid` where not. */
  checkBaseUrl(text: string, allowHosts: readonly string[]): URL;
}

export interface ConfigOrigin {
  /** Absolute path of the file. */
  file: string;
  env: Environment;
  /** Whether nobody but its owner can read the file: only then may a secret stand in it. */
  ownerOnly: boolean;
  /** The CRMs that this version speaks to, by `crm.type`. */
  vendors: Readonly<Record<string, Vendor>>;
}

const DAY_MS = 86_400_000;
/** Hundreds of sources with long maps. What is more is no config, and would take gigabytes and minutes. */
const TEXT_MAX = 256 * 1024;
const MARKS_MAX = 20_000;

/**
 * Turns the text of `crmledger.yaml` into a frozen `Config`. Rejects with `configInvalid`, naming file, line, column and
 * key of everything that is wrong, the nearest known key for an unknown one, and missing environment variables; with
 * `secretExposed` where a token stands in a file that others can read. Reads nothing itself.
 */
export function parseConfig(text: string, origin: ConfigOrigin): Config {
  refuseTooLarge(text, origin.file);
  if (text.includes("\0")) {
    throw new CrmledgerError("configInvalid", `${origin.file} is no UTF-8 text`, {
      hint: "Nothing was read or sent. An editor saved it as UTF-16 or as something else: save it as UTF-8.",
    });
  }
  const lines = new LineCounter();
  // The library compares each key with each other one.
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: false, prettyErrors: false, version: "1.2" });
  refuseBrokenYaml(document, lines, origin.file);
  const { problems, fromEnvironment } = expandEnvironment(document, origin.env);
  const shape = readShape(document, problems);
  if (shape === null || problems.length > 0) throw configError(origin.file, document, lines, problems);
  const token = tokenSource(shape, origin, fromEnvironment, problems);
  const config = build(shape, origin, fromEnvironment, token, problems);
  if (problems.length > 0) throw configError(origin.file, document, lines, problems);
  return deepFreeze(config);
}

function refuseTooLarge(text: string, file: string): void {
  let marks = 0;
  for (let at = 0; at < text.length && marks <= MARKS_MAX; at += 1) if (MARKS.includes(text[at]!)) marks += 1;
  if (text.length <= TEXT_MAX && marks <= MARKS_MAX) return;
  throw new CrmledgerError(
    "configInvalid",
    `${file} is too large for a config: ${TEXT_MAX / 1024} KiB, and ${MARKS_MAX} lines, keys and values, are the limit`,
    {
      hint: "Nothing was read or sent. Is it another file? If it is not: sources that have nothing in common can have a config and a ledger of their own.",
    },
  );
}

const MARKS = "\n:,[{";

/** Keys that stand twice in one group, by where they stand the second time. */
function repeatedKeys(document: Document): number[] {
  const places: number[] = [];
  visit(document, {
    Map(_, { items }) {
      const seen = new Set<unknown>();
      for (const { key } of items) {
        if (!isScalar(key)) continue;
        if (seen.has(key.value)) places.push(key.range?.[0] ?? 0);
        seen.add(key.value);
      }
    },
  });
  return places.sort((a, b) => a - b);
}

function refuseBrokenYaml(document: Document, lines: LineCounter, file: string): void {
  const [broken] = document.errors;
  const placed = (offset: number, what: string): string => {
    const { line, col } = lines.linePos(offset);
    return `${file}:${line}:${col}: ${what}`;
  };
  // Never the text itself: it may be a token. The first confuses what comes after it.
  const texts = broken === undefined ? [] : [placed(broken.pos[0], broken.message.replace(/: ".*/s, ""))];
  if (broken === undefined) texts.push(...repeatedKeys(document).map((at) => placed(at, "this key stands here twice")));
  if (texts.length === 0) return;
  throw new CrmledgerError("configInvalid", texts.slice(0, 5).join("\n"), {
    hint: "The file is no valid YAML. A value that starts with a backtick, * or & or that holds ': ' or ' #' needs quotes; inside of { } a variable's reference does too.",
  });
}

function readShape(document: Document, problems: Problem[]): FileShape | null {
  const raw = plainOf(document);
  if (raw === NO_VALUE) {
    const message = "has aliases (*name) that lead nowhere, in a circle or to too much";
    problems.push({ path: [], message, at: "value" });
    return null;
  }
  problems.push(
    ...namesOfNothing(raw).map((path) => ({ path, message: "is no name to be used here", at: "key" as const })),
  );
  if (typeof raw !== "object" || raw === null || Array.isArray(raw)) {
    problems.push({ path: [], message: "holds no settings; it needs at least `crm:` with `type:`", at: "value" });
    return null;
  }
  const found: Problem[] = [];
  const shape = fileSchema.read(raw, [], found);
  if (shape !== undefined && found.length === 0) return shape;
  // A value whose variable is missing was named already.
  const named = new Set(problems.map((problem) => JSON.stringify(problem.path)));
  problems.push(...found.filter((problem) => !named.has(JSON.stringify(problem.path))));
  return null;
}

const NO_VALUE = Symbol("no value");

/** Aliases are only followed here: one of nothing, one inside of what it names, and a few that stand for billions. */
function plainOf(document: Document): unknown {
  try {
    return withoutNulls(document.toJS({ maxAliasCount: 100 }));
  } catch (error) {
    if (error instanceof ReferenceError || error instanceof RangeError) return NO_VALUE;
    throw error;
  }
}

/** A key of this name would be passed over in silence by what reads the settings. */
function namesOfNothing(value: unknown, path: Path = []): Path[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, member]) => [
    ...(key === "__proto__" ? [[...path, key]] : []),
    ...namesOfNothing(member, [...path, key]),
  ]);
}

/** A key without a value (its lines commented out) counts as absent; a source without any is one with defaults. */
function withoutNulls(value: unknown, path: Path = []): unknown {
  if (Array.isArray(value)) return value.map((item, index) => withoutNulls(item, [...path, index]));
  if (typeof value !== "object" || value === null) return value;
  const members = Object.entries(value)
    .map(([key, member]) => [key, member === null && path.length === 1 && path[0] === "sources" ? {} : member] as const)
    .filter(([, member]) => member !== null)
    .map(([key, member]) => [key, withoutNulls(member, [...path, key])] as const);
  return Object.fromEntries(members);
}

function tokenSource(
  shape: FileShape,
  origin: ConfigOrigin,
  fromEnvironment: ReadonlySet<string>,
  problems: Problem[],
): TokenSource {
  const { apiToken, apiTokenFile } = shape.crm;
  if (apiToken !== undefined && apiTokenFile !== undefined) {
    problems.push({ path: ["crm", "apiTokenFile"], message: "and crm.apiToken exclude each other", at: "key" });
  }
  if (apiTokenFile !== undefined) return { type: "file", path: resolvePath(dirname(origin.file), apiTokenFile) };
  if (apiToken === undefined) return { type: "none" };
  if (!origin.ownerOnly && !fromEnvironment.has(JSON.stringify(["crm", "apiToken"]))) {
    throw new CrmledgerError("secretExposed", `${origin.file} holds crm.apiToken and can be read by other users`, {
      hint: `chmod 600 ${origin.file}, or write it as \${PIPEDRIVE_API_TOKEN} or use crm.apiTokenFile`,
    });
  }
  return { type: "value", secret: new Secret(apiToken.trim()) };
}

function build(
  shape: FileShape,
  origin: ConfigOrigin,
  fromEnvironment: ReadonlySet<string>,
  token: TokenSource,
  problems: Problem[],
): Config {
  const folder = dirname(origin.file);
  const sources = sourceSettings(shape, folder, problems);
  const ledger = resolvePath(folder, shape.ledger ?? "./crmledger.db");
  const log = shape.log === undefined ? null : resolvePath(folder, shape.log);
  if (log !== null) checkLog(log, ledger, sources, problems);
  return {
    file: origin.file,
    ledger,
    crm: {
      type: shape.crm.type,
      baseUrl: baseUrl(shape, origin, problems),
      token,
      timeoutMs: shape.crm.timeout ?? 30_000,
      plan: shape.crm.plan ?? null,
    },
    drain: drainSettings(shape, sources, problems),
    plan: generalPlan(shape),
    sources,
    retention: retentionOf(shape),
    alerts: alertsOf(
      shape.alerts,
      {
        resolve: (path) => resolvePath(folder, path),
        mayHoldSecret: (path) => origin.ownerOnly || fromEnvironment.has(JSON.stringify(path)),
        plan: shape.crm.plan ?? null,
        seats: shape.crm.seats ?? null,
      },
      problems,
    ),
    heartbeat: shape.heartbeat === undefined ? null : new Secret(shape.heartbeat),
    log,
  };
}

/** Its lines must neither go into the ledger's own files nor be taken for submissions. */
function checkLog(
  log: string,
  ledger: string,
  sources: Readonly<Record<string, SourceSettings>>,
  problems: Problem[],
): void {
  const inSpool = Object.values(sources).find(({ spool }) => spool !== null && log.startsWith(`${spool}${sep}`));
  if (log === ledger || log.startsWith(`${ledger}-`) || log === `${ledger}.runs`)
    problems.push({ path: ["log"], message: "must not be a file of the ledger", at: "value" });
  else if (inSpool)
    problems.push({ path: ["log"], message: `must not lie in the spool of ${inSpool.name}`, at: "value" });
}

function baseUrl(shape: FileShape, origin: ConfigOrigin, problems: Problem[]): string {
  const vendor = Object.hasOwn(origin.vendors, shape.crm.type) ? origin.vendors[shape.crm.type] : undefined;
  if (vendor === undefined) {
    const names = Object.keys(origin.vendors).join(", ");
    problems.push({ path: ["crm", "type"], message: `must be one of ${names}`, at: "value" });
    return "";
  }
  try {
    const url = vendor.checkBaseUrl(shape.crm.baseUrl ?? vendor.defaultBaseUrl, shape.crm.allowHosts ?? []);
    return url.href.replace(/\/+$/, "");
  } catch (error) {
    if (!(error instanceof CrmledgerError)) throw error;
    const message = [error.message.replace(/^crm\.baseUrl /, ""), error.hint].filter(Boolean).join(". ");
    problems.push({ path: ["crm", "baseUrl"], message, at: "value" });
    return "";
  }
}

function drainSettings(
  shape: FileShape,
  sources: Readonly<Record<string, SourceSettings>>,
  problems: Problem[],
): DrainSettings {
  const retry = {
    maxAttempts: shape.retry?.maxAttempts ?? 5,
    baseDelayMs: shape.retry?.baseDelay ?? 5_000,
    maxDelayMs: shape.retry?.maxDelay ?? 300_000,
    settleMs: shape.retry?.settle ?? [60_000, 300_000],
  };
  if (retry.maxDelayMs < retry.baseDelayMs) {
    problems.push({ path: ["retry", "maxDelay"], message: "must not be shorter than retry.baseDelay", at: "value" });
  }
  const plans = Object.fromEntries(Object.values(sources).map((source) => [source.name, source.plan]));
  return {
    limits: {
      burst: shape.limits?.burst ?? null,
      dailyTokens: shape.limits?.dailyTokens ?? null,
      planDailyTokens: dailyTokensOfPlan(shape.crm.plan ?? null, shape.crm.seats ?? null),
      share: shape.limits?.share ?? 0.8,
      operationalReserve: shape.limits?.operationalReserve ?? 0.2,
      concurrency: shape.limits?.concurrency ?? null,
      backfill: shape.limits?.backfill ?? 1000,
    },
    retry,
    laneRetry: laneRetries(shape, retry, problems),
    quiet: quietSettings(shape),
    dailyShares: dailyShares(shape),
    breaker: {
      failureRate: shape.breaker?.failureRate ?? 0.5,
      window: shape.breaker?.window ?? 20,
      cooldownMs: shape.breaker?.cooldown ?? 30_000,
    },
    freshnessMs: shape.persons?.freshness ?? 0,
    plans: { default: generalPlan(shape), ...plans },
  };
}

function retentionOf({ retention }: FileShape): Retention | null {
  if (retention === undefined) return null;
  const { archive = 90 * DAY_MS, payloads = 400 * DAY_MS, rejects = 90 * DAY_MS } = retention;
  return { archiveMs: archive, payloadsMs: payloads, rejectsMs: rejects };
}

function deepFreeze<T>(value: T): T {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value) && !(value instanceof Secret)) {
    Object.freeze(value);
    for (const member of Object.values(value)) deepFreeze(member);
  }
  return value;
}
