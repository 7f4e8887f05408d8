import type { CommandRow } from "./command.ts";
import { readCount, readPort, readWholeNumber } from "./flag-values.ts";

/** Commands that set the tool up and try it out: rows of the command table. */
export const SETUP_COMMANDS: readonly CommandRow[] = [
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
    options: [
      { flags: "--fix", description: "create the CRM fields, folders and modes it needs" },
      { flags: "--alerts", description: "send a test message to each channel of alerts" },
      { flags: "--measure", description: "how late the CRM shows a write and more, with test records that go again" },
      { flags: "--yes", description: "with --measure: do not ask" },
    ],
    examples: [
      ["doctor", "is everything ready?"],
      ["doctor --fix", "once after init: creates the stamp fields in the CRM"],
      ["doctor --alerts", "does Slack really get them?"],
      ["doctor --measure", "settings for your own account, from what it does"],
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
];
