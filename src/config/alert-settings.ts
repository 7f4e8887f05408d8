import type { AlertSettings } from "../domain/alert.ts";
import { dealCapOfPlan, type PlanName } from "./daily-tokens.ts";
import { parseDuration } from "./durations.ts";
import type { Problem } from "./problem.ts";
import { Secret } from "./secret.ts";
import { group, list, type Meaning, oneGroupOf, value } from "./shape.ts";
import { httpsUrl, listOf, wholeNumber } from "./values.ts";

/** Where alerts go. An address may hold a secret of its own. */
export type ChannelSettings =
  | { type: "slack" | "webhook"; url: Secret }
  /** Program and arguments; a program that is named by a path has an absolute one. `shown` is what the file says. */
  | { type: "command"; argv: string[]; shown: string };

export interface AlertsConfig extends AlertSettings {
  to: ChannelSettings[];
}

interface Rate {
  part: number;
  windowMs: number;
}

const rate = value("a rate such as 0.1 in 5m", (given): Rate | undefined => {
  const [, part = "", window = ""] = /^(\d(?:\.\d+)?) in (\w+)$/.exec(String(given).trim()) ?? [];
  const windowMs = parseDuration(window);
  const isRate = part !== "" && Number(part) > 0 && Number(part) < 1;
  return isRate && windowMs !== null && windowMs > 0 ? { part: Number(part), windowMs } : undefined;
});

const argv = value("a command, with its arguments", (given) => {
  if (Array.isArray(given))
    return given.length > 0 && given.every(isWord) ? { words: given, shown: given[0]! } : undefined;
  const words = typeof given === "string" ? wordsOf(given) : null;
  return words === null || words.length === 0 ? undefined : { words, shown: String(given).trim() };
});

const isWord = (word: unknown): word is string => typeof word === "string" && word !== "";

export const alertsShape = group({
  to: list(
    oneGroupOf(
      group({ slack: httpsUrl("a Slack webhook's URL") }),
      group({ webhook: httpsUrl("a URL") }),
      group({ command: argv }),
    ),
  ),
  failed: wholeNumber(1),
  quota: listOf("a list of rising parts such as [0.7, 0.85, 0.95]", (item) =>
    typeof item === "number" && item > 0 && item <= 1 ? item : undefined,
  ),
  retryRate: rate,
  dealCap: wholeNumber(1),
});

const DEFAULT_RATE: Rate = { part: 0.1, windowMs: 5 * 60_000 };

export interface AlertsOrigin {
  /** Absolute path of a program that the file names by a path. */
  resolve(path: string): string;
  /** Whether a secret may stand at this path of the file. */
  mayHoldSecret(path: readonly (string | number)[]): boolean;
  plan: PlanName | null;
  seats: number | null;
}

/** With defaults where nothing is said; `to` is then empty. A Slack address that others can read is a problem. */
export function alertsOf(
  shape: Meaning<typeof alertsShape> | undefined,
  origin: AlertsOrigin,
  problems: Problem[],
): AlertsConfig {
  const { part, windowMs } = shape?.retryRate ?? DEFAULT_RATE;
  const quota = shape?.quota ?? [0.7, 0.85, 0.95];
  if (quota.some((one, index) => index > 0 && one <= quota[index - 1]!))
    problems.push({ path: ["alerts", "quota"], message: "must rise", at: "value" });
  return {
    to: (shape?.to ?? []).map((target, index) => channelOf(target, ["alerts", "to", index], origin, problems)),
    failed: shape?.failed ?? 1,
    quota,
    retryRate: part,
    retryWindowMs: windowMs,
    dealCap: shape?.dealCap ?? dealCapOfPlan(origin.plan, origin.seats),
  };
}

/** What counts where no config is at hand. */
export function defaultAlerts(): AlertsConfig {
  return alertsOf(undefined, { resolve: (path) => path, mayHoldSecret: () => true, plan: null, seats: null }, []);
}

type Target = NonNullable<Meaning<typeof alertsShape>["to"]>[number];

function channelOf(
  target: Target,
  path: readonly (string | number)[],
  origin: AlertsOrigin,
  problems: Problem[],
): ChannelSettings {
  if ("webhook" in target && target.webhook !== undefined) return { type: "webhook", url: new Secret(target.webhook) };
  if ("slack" in target && target.slack !== undefined) {
    if (!origin.mayHoldSecret([...path, "slack"])) {
      // biome-ignore lint/suspicious/noTemplateCurlyInString: that is what the user writes
      const message = "is a secret, and other users can read this file: chmod 600, or write it as ${SLACK_WEBHOOK}";
      problems.push({ path: [...path, "slack"], message, at: "value" });
    }
    return { type: "slack", url: new Secret(target.slack) };
  }
  const { words, shown } = (target as { command?: { words: string[]; shown: string } }).command ?? {
    words: [],
    shown: "",
  };
  const [program = "", ...rest] = words;
  return { type: "command", argv: [program.includes("/") ? origin.resolve(program) : program, ...rest], shown };
}

/** Words apart by blanks; quotes keep blanks, no shell reads anything else. Null where a quote does not end. */
function wordsOf(text: string): string[] | null {
  const words: string[] = [];
  const word = /\s*((?:[^\s"']+|"[^"]*"|'[^']*')+)/y;
  const trimmed = text.trim();
  while (word.lastIndex < trimmed.length) {
    const match = word.exec(trimmed);
    if (match === null) return null;
    words.push(match[1]!.replace(/"([^"]*)"|'([^']*)'/g, (_, double: string, single: string) => double ?? single));
  }
  return words;
}
