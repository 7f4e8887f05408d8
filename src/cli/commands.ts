import { LANES } from "../domain/submission.ts";
import type { CommandOption, CommandRow } from "./command.ts";
import { readCount, readPort, readSince, readSpan, readWholeNumber } from "./flag-values.ts";

const SOURCE: CommandOption = { flags: "--source <name>", description: "this source only" };
const LANE: CommandOption = { flags: "--lane <name>", description: "this lane only", choices: LANES };
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
      { flags: "--html <file>", description: "write it as a page too" },
      { flags: "--prometheus <file>", description: "write it for a textfile collector too, whole, then renamed" },
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
    name: "failed",
    group: "When something is wrong",
    summary: "list what failed, grouped by cause with the fix; read, mend or set aside one",
    args: [
      ["[action]", "show, edit or drop; none lists"],
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
      { flags: "--cause <code>", description: "those of this cause, as `crmledger failed` names it" },
      SOURCE,
      { flags: "--since <time>", description: "those that failed since, e.g. 7d or 2026-11-01", read: readSince },
      { flags: "--limit <n>", description: "at most so many", read: readCount },
      { flags: "--all", description: "every failed one" },
      { flags: "--dry-run", description: "name them, change nothing" },
      { flags: "--drain", description: "then send, as `sync --join` does" },
    ],
    examples: [
      ["retry-failed website/wf_8812", "one of them"],
      ["retry-failed --cause CRM_REFUSED --since 7d", "all of one cause"],
      ["retry-failed --all --drain", "all of them, and send at once"],
    ],
    load: () => import("./retry-failed.ts"),
  },
  {
    name: "rejects",
    group: "When something is wrong",
    summary: "rejected records and conflicts; export, mend and import them again, or decide on one",
    args: [
      ["[action]", "take or keep (of a conflict), or drop; none lists"],
      ["[id]", "its number in the list"],
    ],
    options: [
      { flags: "--export <file>", description: "write them to a .csv or .jsonl that can be mended and imported" },
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
      { flags: "--as-new", description: "take a file that looks like a re-export" },
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
    name: "init",
    group: "Set-up",
    summary: "write crmledger.yaml, create the ledger, print the cron line; asks at a terminal, flags otherwise",
    options: [
      { flags: "--base-url <url>", description: "the CRM's address, such as https://acme.pipedrive.com" },
      { flags: "--token-file <file>", description: "file with the CRM's API token (mode 600)" },
      { flags: "--token-env <name>", description: "environment variable with the token instead" },
      { flags: "--plan <name>", description: "the CRM's plan", choices: ["lite", "growth", "premium", "ultimate"] },
      { flags: "--seats <n>", description: "seats of the plan", read: readCount },
      { flags: "--source <name>", description: "a source: NAME or NAME=FOLDER, once for each (website)", many: true },
      { flags: "--spool <folder>", description: "spool folder of a single source (./spool/NAME)" },
      { flags: "--country <code>", description: "country of phone numbers written without one, such as EE" },
      { flags: "--timezone <zone>", description: "of local times without an offset, such as Europe/Tallinn" },
      { flags: "--pipeline <name>", description: "pipeline of new deals that name none" },
      { flags: "--systemd <folder>", description: "write the systemd service and timer there" },
      { flags: "--offline", description: "don't ask the CRM whose token it is" },
      { flags: "--force", description: "replace a config that is there" },
    ],
    examples: [
      ["init", "asks for what it needs"],
      ["init --token-file ./pipedrive.token --plan growth --seats 3", "in a script"],
      ["init --token-file ./pipedrive.token --source website=./forms --source shop=./orders", "several sources"],
    ],
    load: () => import("./init.ts"),
  },
  {
    name: "doctor",
    group: "Set-up",
    summary: "check config, ledger, credentials, clock, spools, CRM fields",
    options: [{ flags: "--fix", description: "create the CRM fields, folders and modes it needs" }],
    examples: [
      ["doctor", "is everything ready?"],
      ["doctor --fix", "once after init: creates the stamp fields in the CRM"],
    ],
    load: () => import("./doctor.ts"),
  },
  {
    name: "demo",
    group: "Set-up",
    summary: "the whole tool on an embedded CRM simulator: no account needed",
    options: [
      { flags: "--keep <folder>", description: "play it in this folder, and leave ledger and spools there" },
      { flags: "--seed <n>", description: "another seed, other people and other trouble (7)", read: readWholeNumber },
      { flags: "--as-cron <time>", description: "one run inside of a demo", hidden: true },
    ],
    examples: [
      ["demo", "a noisy hour in under a minute, and its proof"],
      ["demo --keep ./demo", "then look: cd demo && crmledger show, status, rejects"],
    ],
    load: () => import("./demo.ts"),
  },
  {
    name: "simulator",
    group: "Set-up",
    summary: "an embedded CRM simulator as a server, to develop and test against",
    options: [
      { flags: "--port <n>", description: "port (any free one)", read: readPort },
      { flags: "--seed <n>", description: "the same seed, the same behaviour (1)", read: readWholeNumber },
      { flags: "--faults <preset>", description: "what goes wrong: calm, noisy or storm (calm)" },
      {
        flags: "--limits <plan>",
        description: "limits of this plan (lite)",
        choices: ["lite", "growth", "premium", "ultimate", "none"],
      },
    ],
    examples: [
      ["simulator", "prints its address, a token and a config to copy"],
      ["simulator --port 8090 --faults noisy --limits growth", "with trouble, at a fixed port"],
    ],
    load: () => import("./simulator.ts"),
  },
  {
    name: "completion",
    group: "Set-up",
    summary: "a completion script for your shell",
    args: [["<shell>", "bash, zsh or fish"]],
    examples: [
      ["completion bash > /etc/bash_completion.d/crmledger", "for everybody"],
      ["completion fish > ~/.config/fish/completions/crmledger.fish", "for you"],
    ],
    load: () => import("./completion.ts"),
  },
];
