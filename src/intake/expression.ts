/** JSONata expressions of maps. The library is loaded only where a map has one. */
import { CrmledgerError } from "../domain/errors.ts";
import type { PhoneNormalizer } from "../domain/identity.ts";
import { readForm } from "./form.ts";
import { parseJson, withoutBigints } from "./json-text.ts";
import { loadTimeReader } from "./time.ts";
import { timedRegex } from "./timed-regex.ts";

/**
 * Evaluates to a plain value, undefined for no result. `plain`: the record is known to hold no bigint. Rejects with an
 * error whose message explains what went wrong.
 */
export type Expression = (record: unknown, plain?: boolean) => Promise<unknown>;

export interface CompiledExpression {
  evaluate: Expression;
  /** Dotted paths that it reads, as far as its text shows. */
  reads: string[][];
}

export interface ExpressionTools {
  phone: PhoneNormalizer;
  country: string | null;
  timezone: string;
}

type Jsonata = typeof import("jsonata");

/**
 * Bounds of one evaluation, far beyond what any record needs: how deep calls may stand in each other, how many values a list
 * may have, and for how long it may run, in ms; a regular expression has a bound of its own. Without them one record could
 * keep all the others waiting for ever.
 */
const BOUNDS = { stack: 1_000, sequence: 1_000_000, timeout: 5_000 };

/** Where others had the processor meanwhile, or the machine slept, a time tells nothing of the expression: it is tried once more. */
const PATIENCE = 3;
const TIMED_OUT = "D1012";

/** Compiles the text after `=`. Rejects with `configInvalid`, naming `where` (a config key), for a text that is no JSONata. */
export async function compileExpression(
  text: string,
  where: string,
  tools: ExpressionTools,
  bounds: typeof BOUNDS = BOUNDS,
): Promise<CompiledExpression> {
  const { default: jsonata } = await import("jsonata");
  const expression = parse(jsonata, text, where, bounds);
  const own = await ownFunctions(jsonata, tools);
  for (const [name, [implementation, signature]] of Object.entries(own)) {
    expression.registerFunction(name, implementation, signature);
  }
  let patience = PATIENCE;
  const evaluate = async (input: unknown): Promise<unknown> => {
    try {
      return await expression.evaluate(input);
    } catch (error) {
      if ((error as { code?: unknown } | null)?.code !== TIMED_OUT || patience === 0) throw error;
      // So often it takes as long again, and then none keeps the others waiting twice.
      patience -= 1;
      return await expression.evaluate(input);
    }
  };
  return {
    reads: readsOf(expression.ast(), []),
    evaluate: async (record, isPlain = false) => plain(await evaluate(isPlain ? record : withoutBigints(record))),
  };
}

function parse(jsonata: Jsonata, text: string, where: string, bounds: typeof BOUNDS): ReturnType<Jsonata> {
  try {
    return jsonata(text, { ...bounds, RegexEngine: timedRegex() as unknown as RegExpConstructor });
  } catch (error) {
    throw new CrmledgerError(
      "configInvalid",
      `${where}: "= ${text.trim()}" is not a JSONata expression: ${messageOf(error)}`,
      {
        hint: "Texts in an expression stand in quotes, names with dots or spaces in backticks.",
        cause: error,
      },
    );
  }
}

/** What a failed evaluation says; JSONata throws plain objects. Not the value: it is somebody's, and logs keep what is said. */
export function messageOf(error: unknown): string {
  const { message, value, value2 } = (error ?? {}) as Record<string, unknown>;
  if (typeof message !== "string") return String(error);
  const quoted = [value, value2]
    .filter((one) => typeof one === "string" && one !== "")
    .map((one) => JSON.stringify(one));
  return quoted.reduce((text, one) => text.replaceAll(one, "a text"), message);
}

/** JSONata marks its sequences with extra members, and may give functions: neither is data. */
function plain(value: unknown): unknown {
  if (typeof value === "function") return undefined;
  if (value === null || typeof value !== "object") return value;
  if ("_jsonata_lambda" in value || "_jsonata_function" in value) return undefined;
  if (Array.isArray(value)) return Array.from(value, plain);
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, plain(member)]));
}

// biome-ignore lint/suspicious/noExplicitAny: JSONata hands over whatever the record holds
type OwnFunction = [(...args: any[]) => unknown, string];

async function ownFunctions(jsonata: Jsonata, tools: ExpressionTools): Promise<Record<string, OwnFunction>> {
  const readers = new Map<string, Awaited<ReturnType<typeof loadTimeReader>>>();
  const pictured = jsonata("$toMillis($text, $picture)", BOUNDS);
  const local = async (ms: number, zone: string): Promise<number | null> => {
    if (!readers.has(zone)) readers.set(zone, await loadTimeReader(zone));
    return readers.get(zone)?.(new Date(ms).toISOString().slice(0, -1)) ?? null;
  };
  const time = async (text?: unknown, picture?: string, zone?: string): Promise<string | undefined> => {
    if (text === undefined || text === null || text === "") return undefined;
    const reader = await loadTimeReader(zone ?? tools.timezone);
    const parsed: unknown =
      picture === undefined ? reader(text) : await pictured.evaluate({}, gmtWritten(String(text), picture));
    const hasZone = picture === undefined || /\[[zZ]/.test(picture);
    const ms = typeof parsed !== "number" || hasZone ? parsed : await local(parsed, zone ?? tools.timezone);
    if (typeof ms !== "number") throw new Error("$time: it is no such time");
    return new Date(ms).toISOString();
  };
  return {
    json: [(text?: string) => (text === undefined ? undefined : jsonOf(text)), "<s?:x>"],
    form: [(text?: string) => (text === undefined ? undefined : readForm(text).value), "<s?:o>"],
    phone: [(text?: unknown, country?: string) => phoneOf(tools, text, country), "<x?s?:s>"],
    time: [time, "<x?s?s?:s>"],
    eval: [
      () => {
        throw new Error("$eval is off");
      },
      "<x?x?:x>",
    ],
  };
}

/**
 * Google writes `GMT`, `GMT+1` and `GMT+5:30`, by row; JSONata's pictures want one form for all, and know `[z]` as
 * `GMT+05:30`.
 */
function gmtWritten(text: string, picture: string): { text: string; picture: string } {
  const zone = /\[z[^\]]*\]/;
  if (!zone.test(picture)) return { text, picture };
  const full = text.replace(
    /\bGMT(?:([+-])(\d{1,2})(?::?(\d{2}))?)?(?!\d)/,
    (_, sign = "+", hours = "0", minutes = "00") => {
      return `GMT${sign}${String(hours).padStart(2, "0")}:${minutes}`;
    },
  );
  return { text: full, picture: picture.replace(zone, "[z]") };
}

function jsonOf(text: string): unknown {
  const parsed = parseJson(text);
  if (!parsed.ok) throw new Error(`$json: ${parsed.reason}`);
  return withoutBigints(parsed.value);
}

function phoneOf(tools: ExpressionTools, text: unknown, country: string | undefined): string | undefined {
  if (text === undefined || text === null || text === "") return undefined;
  return tools.phone(String(text), country ?? tools.country ?? undefined) ?? undefined;
}

interface AstNode {
  type?: string;
  value?: unknown;
  steps?: AstNode[];
  [member: string]: unknown;
}

/**
 * Paths of names in the syntax tree, each from the record's root. What stands in brackets or parentheses behind a path
 * reads from there; so `data.(a & b)` reads `data.a` and `data.b`. Behind a function or wildcard all of the path counts.
 */
function readsOf(node: unknown, base: readonly string[]): string[][] {
  if (node === null || typeof node !== "object") return [];
  if (Array.isArray(node)) return node.flatMap((member) => readsOf(member, base));
  const { type, steps, ...members } = node as AstNode;
  const below = Object.values(members).flatMap((member) => readsOf(member, base));
  return type === "path" && steps !== undefined ? [...readsOfSteps(steps, base), ...below] : below;
}

function readsOfSteps(steps: readonly AstNode[], base: readonly string[]): string[][] {
  const at = [...base];
  const found: string[][] = [];
  for (const [index, step] of steps.entries()) {
    if (step.type === "name" && typeof step.value === "string") {
      at.push(step.value);
      found.push(...Object.values(step).flatMap((member) => readsOf(member, at)));
      continue;
    }
    found.push(...readsOf(step, at));
    const isSelection = step.type === "block" || step.type === "unary" || step.type === "variable";
    if (isSelection && index === steps.length - 1) return found;
    if (!isSelection) break;
  }
  return at.length > base.length ? [...found, at] : found;
}
