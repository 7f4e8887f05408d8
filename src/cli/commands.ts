import { LANES, SUBMISSION_STATES } from "../domain/submission.ts";
import { CARE_COMMANDS } from "./care-commands.ts";
import type { CommandOption, CommandRow } from "./command.ts";
import { readCount, readMonth, readSince, readSpan } from "./flag-values.ts";
import { SETUP_COMMANDS } from "./setup-commands.ts";

const SOURCE: CommandOption = { flags: "--source <name>", description: "this source only" };
const LANE: CommandOption = { flags: "--lane <name>", description: "this lane only", choices: LANES };
const SHELLS = ["bash", "zsh", "fish", "man"];
const FORMATS = ["json", "jsonl", "csv", "form"] as const;

/** Every command, one row each, in the order of `--help`. */
export const COMMANDS: readonly CommandRow[] = [
  {
    name: "sync",
    group: "Every day",
    summary: "ingest every source, then drain to the CRM: what cron runs",
    options: [
      { flags: "--dry-run", description: "show the plan; send nothing, write nothing" },
      { flags: "--limit <n>", description: "at most so many submissions", read: readCount },
      { flags: "--max-duration <time>", description: "stop after this time, e.g. 4m", read: readSpan },
      { flags: "--max-wait <time>", description: "go on while something falls due within (30s)", read: readSpan },
      { flags: "--max-tokens <n>", description: "spend at most so many of the CRM's tokens", read: readCount },
      SOURCE,
      LANE,
      { flags: "--join", description: "work beside a running sync instead of leaving with 4" },
      { flags: "--yes", description: "send what limits.backfill keeps back too" },
    ],
    examples: [
      ["sync", "what the cron line runs"],
      ["sync --dry-run", "what would be sent, and what it would cost"],
      ["sync --max-duration 4m --quiet", "stop before the next cron run starts"],
    ],
    load: () => import("./sync.ts"),
  },
  {
    name: "status",
    group: "Every day",
    summary: "queue, delay, quota (ours and others'), holds, alerts, last runs",
    options: [
      { flags: "--watch", description: "show it anew every 2 seconds" },
      { flags: "--html <file>", description: "write it as a page too ( - prints that instead)" },
      {
        flags: "--prometheus <file>",
        description: "write it for a textfile collector too, whole, then renamed ( - prints that instead)",
      },
      { flags: "--check", description: "for monitors: exit 0 ok, 1 warning, 2 critical, 3 unknown" },
    ],
    examples: [
      ["status", "how things stand"],
      ["status --json", "the same for a script"],
      ["status --check", "one line and an exit code for Nagios and the like"],
    ],
    load: () => import("./status.ts"),
  },
  {
    name: "show",
    group: "Every day",
    summary: "one submission's whole story: origin, steps, every attempt, every wait, CRM links",
    args: [["<id>", "SOURCE/KEY, the key alone where unambiguous, or an e-mail address"]],
    examples: [
      ["show website/wf_8812", "by source and key"],
      ["show ada@example.com", "the newest one of a person"],
    ],
    load: () => import("./show.ts"),
  },
  {
    name: "report",
    group: "Every day",
    summary: 'every submission accounted for: the answer to "did we lose any?"',
    options: [
      {
        flags: "--month <month>",
        description: "such as 2026-03, in this machine's zone (this month)",
        read: readMonth,
      },
      { flags: "--since <time>", description: "submitted since, e.g. 7d or 2026-11-01", read: readSince },
      { flags: "--until <time>", description: "submitted before", read: readSince },
      SOURCE,
      {
        flags: "--against <file...>",
        description: "exports of the source; what the ledger doesn't know of them is named",
      },
      {
        flags: "--format <name>",
        description: "of what is printed or written",
        choices: ["table", "json", "csv", "html"],
      },
      { flags: "--out <file>", description: "write it there (the format by its name, too)" },
      { flags: "--fresh", description: "look at the CRM first, as reconcile does" },
    ],
    examples: [
      ["report --month 2026-03", "did we lose any in March?"],
      ["report --month 2026-03 --fresh --out march.html", "the same after a look at the CRM, as a page"],
      ["report --since 7d --against export.csv --source website", "the form tool's own export against ours"],
    ],
    load: () => import("./report.ts"),
  },
  {
    name: "failed",
    group: "When something is wrong",
    summary: "list what failed, grouped by cause with the fix; read, mend or set aside one",
    args: [
      ["[action]", "show, edit or drop; none lists", ["show", "edit", "drop"]],
      ["[id]", "SOURCE/KEY or key"],
    ],
    options: [{ flags: "--why <text>", description: "of drop: why it is set aside" }],
    examples: [
      ["failed", "what failed, and why"],
      ["failed show website/wf_8812", "one of them with its whole story"],
      ["failed edit website/wf_8812", "mend the record in $EDITOR and queue it again"],
      ['failed drop website/wf_8812 --why "spam"', "set it aside"],
    ],
    load: () => import("./failed.ts"),
  },
  {
    name: "retry-failed",
    group: "When something is wrong",
    summary: "put failed ones back in the queue, on the same paced path",
    args: [["[ids...]", "SOURCE/KEY or key"]],
    options: [
      {
        flags: "--cause <code>",
        description:
          "those of this cause, as `crmledger failed` names it, or of its first parts: one goes first, as a sample",
      },
      SOURCE,
      { flags: "--since <time>", description: "those that failed since, e.g. 7d or 2026-11-01", read: readSince },
      { flags: "--limit <n>", description: "at most so many", read: readCount },
      { flags: "--all", description: "every failed one" },
      { flags: "--dry-run", description: "name them, change nothing" },
      { flags: "--drain", description: "then send, as `sync --join` does" },
    ],
    examples: [
      ["retry-failed website/wf_8812", "one of them"],
      ["retry-failed --cause BAD_VALUE --since 7d", "all of one cause"],
      ["retry-failed --all --drain", "all of them, and send at once"],
    ],
    load: () => import("./retry-failed.ts"),
  },
  {
    name: "rejects",
    group: "When something is wrong",
    summary: "rejected records and conflicts; export, mend and import them again, or decide on one",
    args: [
      ["[action]", "take or keep (of a conflict), or drop; none lists", ["take", "keep", "drop"]],
      ["[id]", "its number in the list"],
    ],
    options: [
      {
        flags: "--export <file>",
        description: "write them to a .csv or .jsonl that can be mended and imported ( - prints JSONL)",
      },
      { flags: "--limit <n>", description: "at most so many (100; all with --export)", read: readCount },
      { flags: "--retry", description: "every reject through today's map; those that it takes are closed" },
      { flags: "--why <text>", description: "of drop: why it is set aside" },
    ],
    examples: [
      ["rejects", "what never became a submission, and why"],
      ["rejects --export rejects.csv", "then mend it and: crmledger import rejects.csv"],
      ["rejects --retry", "after the map was mended"],
      ["rejects take 7", "of a conflict: the newer content, where nothing was sent yet"],
      ["rejects keep 7", "of a conflict: what the ledger has"],
      ['rejects drop 7 --why "spam"', "set it aside"],
    ],
    load: () => import("./rejects.ts"),
  },
  {
    name: "reconcile",
    group: "When something is wrong",
    summary: "compare source, ledger and CRM; report, and on request queue the repairs",
    args: [
      [
        "[ids...]",
        "`accept` and ids of discrepancies, or ids for --repair=recreate, =overwrite and =merge",
        ["accept"],
      ],
    ],
    options: [
      { flags: "--since <time>", description: "submitted since, e.g. 7d or 2026-11-01", read: readSince },
      { flags: "--until <time>", description: "submitted before", read: readSince },
      SOURCE,
      {
        flags: "--format <name>",
        description: "of what is printed or written",
        choices: ["table", "json", "csv", "html"],
      },
      { flags: "--out <file>", description: "write it there (the format by its name, too)" },
      { flags: "--against <file...>", description: "exports of the source to hold against the ledger" },
      { flags: "--edits", description: "list what people changed, too" },
      {
        flags: "--repair [how]",
        description: "queue what is safe to repair; recreate, overwrite or merge by name",
        choices: ["recreate", "overwrite", "merge"],
      },
      { flags: "--yes", description: "don't ask before repairs are queued" },
      { flags: "--dry-run", description: "what the check would cost, and the repairs of what the last one found" },
      { flags: "--kind <kind>", description: "of accept: all open ones of this kind" },
      { flags: "--why <text>", description: "of accept: why it is all right as it is" },
    ],
    examples: [
      ["reconcile", "is everything that we accepted in the CRM?"],
      ["reconcile --since 30d --format html --out check.html", "the last 30 days, as a page"],
      ["reconcile --source website --against export.csv", "what the form tool says that it sent, too"],
      ["reconcile --repair", "queue what is safe to mend; the next sync sends it"],
      ["reconcile --repair=merge 12", "merge the doubles of discrepancy 12"],
      ['reconcile accept 13 --why "sales wants it so"', "leave a difference as it is"],
    ],
    load: () => import("./reconcile.ts"),
  },
  {
    name: "pause",
    group: "When something is wrong",
    summary: "hold by hand (all or one --source); ingest goes on",
    options: [
      { flags: "--why <text>", description: "the reason, shown to everybody who looks" },
      { flags: "--source <name>", description: "hold this source only" },
    ],
    examples: [
      ['pause --why "CRM clean-up until Monday"', "nothing is sent"],
      ['pause --source website --why "form is broken"', "only this source waits"],
    ],
    load: () => import("./pause.ts"),
  },
  {
    name: "resume",
    group: "When something is wrong",
    summary: "end a hold by hand",
    options: [{ flags: "--source <name>", description: "end this source's hold only" }],
    examples: [["resume", "the next sync sends again"]],
    load: () => import("./resume.ts"),
  },
  {
    name: "import",
    group: "Getting things in",
    summary: "a CSV / JSON / JSONL of missed submissions into the ledger ( - is standard input)",
    args: [["<files...>", "files, or - for standard input"]],
    options: [
      { flags: "--dry-run", description: "count what it would make; write nothing" },
      { flags: "--source <name>", description: "source whose map and settings apply (import)" },
      { flags: "--lane <name>", description: "lane to send them in (background)", choices: LANES },
      { flags: "--rejects <file>", description: "write rejected records here too, to mend and import again" },
      { flags: "--format <name>", description: "instead of finding out", choices: FORMATS },
      { flags: "--as-new", description: "take a file that looks like a re-export or has no readable times" },
    ],
    examples: [
      ["import missed.csv", "then send them with: crmledger sync"],
      ["import --source website --dry-run export.json", "what the website's map makes of it"],
      ["import - --format jsonl < missed.jsonl", "from standard input"],
    ],
    load: () => import("./import.ts"),
  },
  {
    name: "ingest",
    group: "Getting things in",
    summary: "only the first half of sync: every spool into the ledger",
    options: [SOURCE],
    examples: [["ingest", "take what the spools have; send nothing"]],
    load: () => import("./ingest.ts"),
  },
  {
    name: "check-source",
    group: "Getting things in",
    summary: "what a map makes of a sample, and what it leaves out; --draft writes a map to start from",
    args: [["<file>", "a file as the source gives it, or - for standard input"]],
    options: [
      { flags: "--source <name>", description: "source whose map and settings apply (the only one, or by its spool)" },
      {
        flags: "--draft",
        description: "recognise the tool and print a `sources:` block to start from; needs no config",
      },
      { flags: "--format <name>", description: "instead of finding out", choices: FORMATS },
      { flags: "--limit <n>", description: "show at most so many records (5); all are counted", read: readCount },
    ],
    examples: [
      ["check-source sample.json", "what sync would take of it; nothing is written"],
      ["check-source --source website --limit 20 export.csv", "more of it, with this source's map"],
      ["check-source --draft export.csv", "a map to start from"],
    ],
    load: () => import("./check-source.ts"),
  },
  {
    name: "adopt",
    group: "Getting things in",
    summary: "take over what an earlier script or Zap already wrote to the CRM",
    args: [["<files...>", "exports of the source: all that the earlier script should have delivered"]],
    options: [
      { flags: "--source <name>", description: "source whose map reads the files (the only one with a spool)" },
      { flags: "--since <time>", description: "submitted since, e.g. 30d or 2026-11-01", read: readSince },
      { flags: "--until <time>", description: "submitted before", read: readSince },
      { flags: "--dry-run", description: "audit the earlier script: take nothing over, write no stamps" },
      { flags: "--send-missing", description: "queue what it did not deliver, or only half" },
    ],
    examples: [
      ["adopt --dry-run export.csv", "what did the old script lose?"],
      ["adopt export.csv", "take over what it delivered; the next sync stamps it"],
      ["adopt --send-missing export.csv", "and send what it did not deliver"],
    ],
    load: () => import("./adopt.ts"),
  },
  ...SETUP_COMMANDS,
  ...CARE_COMMANDS,
  {
    name: "export",
    group: "Set-up",
    summary: "every submission with CRM ids, links and delays, as CSV or JSONL; --pending in importable shape",
    options: [
      { flags: "--since <time>", description: "submitted since, e.g. 7d or 2026-11-01", read: readSince },
      { flags: "--until <time>", description: "submitted before", read: readSince },
      SOURCE,
      { flags: "--state <name>", description: "in this state only", choices: SUBMISSION_STATES },
      { flags: "--pending", description: "what nothing was sent of yet, in the shape that import takes" },
      {
        flags: "--format <name>",
        description: "csv or jsonl (by the file's name, else csv)",
        choices: ["csv", "jsonl"],
      },
      { flags: "--out <file>", description: "write it there: whole, then renamed" },
    ],
    examples: [
      ["export --since 30d --out leads.csv", "for a spreadsheet"],
      ["export --state failed --format jsonl", "what failed, for a script"],
      ["export --pending --format jsonl --out waiting.jsonl", "for another ledger: crmledger import waiting.jsonl"],
    ],
    load: () => import("./export.ts"),
  },
  {
    name: "completion",
    group: "Set-up",
    summary: "a completion script for your shell, or the manual page",
    args: [["<shell>", "bash, zsh or fish; man for the manual page", SHELLS]],
    examples: [
      ["completion bash > /etc/bash_completion.d/crmledger", "for everybody"],
      ["completion fish > ~/.config/fish/completions/crmledger.fish", "for you"],
      ["completion man | man -l -", "read the manual page"],
    ],
    load: () => import("./completion.ts"),
  },
];
