import { count, counted } from "./human.ts";
import { safeLine } from "./safe-text.ts";
import type { Style } from "./style.ts";
import { pairs } from "./table.ts";

/** One run of the demo's hour. */
export interface DemoRound {
  /** Since the hour began. */
  minute: number;
  /** What came in before it: all records, and how many of them are repeats or can't be delivered. */
  records: number;
  repeats: number;
  rejects: number;
  /** Submissions that are in the CRM, and that still wait, after it. */
  done: number;
  open: number;
  /** Faults of the CRM, by kind. */
  trouble: Record<string, number>;
  killed: { inDoubt: number } | null;
  /** Why the run ended early by itself, where it did. */
  held: string | null;
  /** What became of writes that were in doubt since the kill. */
  settled: { found: number; sentAgain: number; left: number } | null;
}

/** What was given, held against what the CRM itself says. */
export interface DemoProof {
  submissions: number;
  lost: string[];
  doubled: string[];
  /** Records that hang on the wrong ones. */
  wrong: string[];
  persons: { created: number; known: number };
  organizations: { created: number; known: number };
  deals: number;
  notes: number;
  /** Ours, and those of a script that searches for each person and company. */
  tokens: { ours: number; script: number };
}

/** The document of `demo --json`. */
export interface DemoDocument {
  proved: boolean;
  seed: number;
  clock: { factor: number; minutes: number };
  delivered: { records: number; submissions: number; repeats: number; rejected: number };
  crm: Omit<DemoProof, "submissions" | "tokens">;
  tokens: DemoProof["tokens"];
  requests: { total: number; refusedForOurPace: number; faults: Record<string, number> };
  lostAnswers: { total: number; sentAgain: number };
  waiting: number;
  failed: number;
  rounds: DemoRound[];
  rejects: { where: string; reason: string }[];
  /** The folder, where it was kept. */
  kept: string | null;
  /** A submission of which a write was on its way at the kill. */
  interrupted: string | null;
  seconds: number;
}

/** Kinds of faults in words that a newcomer knows. */
const TROUBLE: readonly (readonly [words: string, kinds: readonly string[]])[] = [
  ["429", ["rateLimit429"]],
  ["5xx", ["error500Before", "error500After", "error503"]],
  ["cut", ["resetBefore", "resetAfter", "truncated"]],
  ["garbled", ["garbage2xx", "html2xx"]],
];

export function troubleText(faults: Readonly<Record<string, number>>): string {
  const known = new Set(TROUBLE.flatMap(([, kinds]) => kinds));
  const other = Object.keys(faults).filter((kind) => !known.has(kind));
  return [...TROUBLE, ["other", other] as const]
    .map(([words, kinds]) => [words, kinds.reduce((sum, kind) => sum + (faults[kind] ?? 0), 0)] as const)
    .filter(([, total]) => total > 0)
    .map(([words, total]) => `${words} x${total}`)
    .join(", ");
}

/** What stands above the rounds. Lines of at most 79 columns, as all of the story. */
export function demoIntro(
  facts: { factor: number; records: number; persons: number; folder: string },
  style: Style,
): string {
  return [
    style.bold("One noisy hour at a CRM, from the first form to the proof"),
    "",
    "A simulated Pipedrive runs on this machine, with the limits of the smallest",
    `plan, ${count(facts.persons)} persons in it, and another client that uses the same token.`,
    `${count(facts.records)} records come in by website forms, phone calls and lists from a fair.`,
    `Every 5 minutes cron runs ${style.bold("crmledger sync")}, each time a process of its own. From`,
    "09:05 on the CRM fails now and then, as real ones do. One run is killed.",
    "",
    `The clock is accelerated: ${facts.factor} times as fast, and waits between runs are skipped.`,
    "Nothing leaves this machine, and no account is needed. It plays in",
    safeLine(facts.folder),
    "",
    style.dim(row("TIME", "CAME IN", "IN CRM", "OPEN", "WHAT WENT WRONG AT THE CRM")),
    "",
  ].join("\n");
}

export function demoRound(round: DemoRound, style: Style): string {
  const { minute, done, open, killed, held, settled } = round;
  const lines = [row(demoTime(minute), cameIn(round), count(done), count(open), troubleText(round.trouble) || "-")];
  const below = (text: string): string => `        ${text}`;
  if (killed !== null) {
    lines.push(style.red(below("killed with SIGKILL here, in the middle of its work")));
    if (killed.inDoubt > 0)
      lines.push(below(`${counted(killed.inDoubt, "write")} had left and no answer was recorded: in doubt`));
  }
  if (settled !== null) lines.push(style.green(below(`resumed: ${settledText(settled)}`)));
  if (held !== null) lines.push(style.yellow(below(`${held}; the next run goes on`)));
  return `${lines.join("\n")}\n`;
}

function settledText({ found, sentAgain, left }: { found: number; sentAgain: number; left: number }): string {
  const parts = [
    found > 0 ? `${found} found in the CRM` : "",
    sentAgain > 0 ? `${sentAgain} not there, sent again` : "",
    left > 0 ? `${left} still open` : "",
  ];
  return `of ${found + sentAgain + left} in doubt ${parts.filter((part) => part !== "").join(", ")}`;
}

/** 09:05 for the fifth minute of the hour. */
export function demoTime(minute: number): string {
  const pad = (value: number): string => String(value).padStart(2, "0");
  return `${pad(9 + Math.floor(minute / 60))}:${pad(minute % 60)}`;
}

function cameIn({ records, repeats, rejects }: DemoRound): string {
  if (records === 0) return "-";
  const parts = [repeats > 0 ? `${repeats} again` : "", rejects > 0 ? `${rejects} bad` : ""].filter(Boolean);
  return parts.length === 0 ? count(records) : `${count(records)} (${parts.join(", ")})`;
}

function row(time: string, came: string, done: string, open: string, trouble: string): string {
  return ` ${time.padEnd(5)}  ${came.padEnd(20)}  ${done.padStart(6)}  ${open.padStart(4)}  ${trouble}`;
}

/** How this program and the config of the demo are called on this command line. */
export interface Called {
  program: string;
  config: string;
}

/** The end: what it proved, in numbers that the CRM gave, and where to look next. */
export function renderDemo(demo: DemoDocument, called: Called, style: Style): string {
  const { delivered } = demo;
  const lines = [
    style.bold("What came in, held against the CRM's own log"),
    "",
    pairs(demoNumbers(demo, style), style),
    "",
    `${style.bold("Rejected")}, kept whole to be mended and imported again:`,
    ...demo.rejects.map(({ where, reason }) => safeLine(`  ${where}: ${reason}`)),
    "",
    demo.proved
      ? style.green(
          style.bold(`Proved: each of ${counted(delivered.submissions, "submission")} is in the CRM exactly once.`),
        )
      : style.red(style.bold("Not proved:")),
    ...(demo.proved ? [] : shortcomings(demo)),
    style.dim(`${demo.clock.minutes} minutes on an accelerated clock, played in ${Math.round(demo.seconds)} s.`),
    "",
    ...whereNext(demo, called, style),
    "",
  ];
  return lines.join("\n");
}

function demoNumbers(demo: DemoDocument, style: Style): [string, string][] {
  const { delivered, crm, tokens, requests, lostAnswers } = demo;
  const { records, submissions, repeats, rejected } = delivered;
  const per = (total: number): string => (total / Math.max(1, submissions)).toFixed(1);
  const known = (of: { created: number; known: number }): string =>
    `${count(of.created)} created, ${count(of.known)} were known already`;
  const good = (value: number, text: string): string => (value === 0 ? style.green(text) : style.red(text));
  const { lost, doubled, wrong, deals, notes } = crm;
  return [
    [
      "came in",
      `${count(records)} records: ${count(submissions)} submissions, ${repeats} repeats, ${rejected} rejected`,
    ],
    ["persons", known(crm.persons)],
    ["organizations", known(crm.organizations)],
    ["deals, notes", `${count(deals)} and ${count(notes)} created`],
    ["lost", good(lost.length, count(lost.length))],
    ["doubled", good(doubled.length, count(doubled.length))],
    ["misplaced", good(wrong.length, `${count(wrong.length)} on somebody else's record`)],
    ["CRM faults", `${troubleText(requests.faults) || "none"}; in ${counted(requests.total, "request")}`],
    [
      "lost answers",
      `${count(lostAnswers.total)} writes looked for; ${count(lostAnswers.sentAgain)} were not there, sent again`,
    ],
    ["own 429s", good(requests.refusedForOurPace, `${count(requests.refusedForOurPace)} refused for our pace`)],
    ["price", `${per(tokens.ours)} API tokens a submission; with searches for each: ${per(tokens.script)}`],
  ];
}

function shortcomings({ crm, waiting, failed }: DemoDocument): string[] {
  const all = [
    ...crm.lost.map((what) => `lost: ${what}`),
    ...crm.doubled.map((what) => `doubled: ${what}`),
    ...crm.wrong.map((what) => `on the wrong record: ${what}`),
    ...(waiting > 0 ? [`${counted(waiting, "submission")} still waiting`] : []),
    ...(failed > 0 ? [`${counted(failed, "submission")} failed`] : []),
  ];
  const shown = all.slice(0, 20).map((line) => safeLine(`  ${line}`));
  return all.length > shown.length ? [...shown, `  and ${all.length - shown.length} more`] : shown;
}

function whereNext({ kept, interrupted }: DemoDocument, { program, config }: Called, style: Style): string[] {
  const next: [string, string][] = [
    [`${program} init`, "set it up for your own Pipedrive"],
    [`${program} simulator`, "this CRM as a server, to try things out"],
    ["README.md", "a first sync in five minutes"],
    ["docs/architecture.md", "how a write stays a single one"],
  ];
  if (kept === null) next.unshift([`${program} demo --keep DIR`, "the same, and leaves its ledger to look into"]);
  const width = Math.max(...next.map(([line]) => line.length));
  const look = `${program} ${interrupted === null ? "status" : `show ${interrupted}`} --config ${safeLine(config)}`;
  return [
    style.bold("Where to look next"),
    ...next.map(([line, what]) => `  ${style.cyan(line.padEnd(width))}  ${what}`),
    ...(kept === null ? [] : ["", interrupted === null ? "The ledger:" : "A submission that the kill interrupted:"]),
    ...(kept === null ? [] : [`  ${style.cyan(look)}`]),
  ];
}
