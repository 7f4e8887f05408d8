import type { CrmFound } from "./init-contact.ts";

export interface InitSource {
  name: string;
  spool: string;
}

/** What `init` found out, from flags or by asking. Null: not known, so the default stands in the file as a comment. */
export interface InitAnswers {
  ledger: string;
  baseUrl: string | null;
  tokenFile: string | null;
  tokenEnv: string | null;
  plan: string | null;
  seats: number | null;
  sources: InitSource[];
  /** Of the form's visitors and of the CRM's phone numbers. */
  country: string | null;
  timezone: string | null;
  /** Where new deals go that name no pipeline themselves. */
  pipeline: string | null;
  /** Instants with their offset. */
  sendFrom: string;
  importFrom: string;
  /** What the CRM answered; null where it was not asked or not reached. */
  found: CrmFound | null;
}

/**
 * The text of a new `crmledger.yaml`: every key of the public interface with a line that says what it is. A key behind `#`
 * shows its default, so that taking the `#` away changes nothing.
 */
export function configText(answers: InitAnswers): string {
  return [HEAD, ledgerPart(answers), crmPart(answers), GENERAL, personsPart(answers), REST, sourcesPart(answers)].join(
    "\n",
  );
}

const HEAD = `# What goes where: crmledger's settings. Unknown keys are errors. Check after a change with: crmledger doctor
# A key behind # shows its default: take the # away to change it. Relative paths start at this file's folder.
`;

const ledgerPart = ({
  ledger,
}: InitAnswers): string => `# Every submission and every attempt. Back it up. Default: ./crmledger.db
ledger: ${scalar(ledger)}
`;

function crmPart(answers: InitAnswers): string {
  const { baseUrl, tokenFile, tokenEnv, plan, seats, found } = answers;
  const whose = found === null ? "" : ` This is the token of ${oneLine(found.user)} at ${oneLine(found.account)}.`;
  const token =
    tokenEnv === null
      ? `  # File with the API token alone, mode 600.${whose}\n  apiTokenFile: ${scalar(tokenFile ?? "./pipedrive.token")}`
      : `  # The API token, from the environment.${whose}\n  apiToken: \${${tokenEnv}}`;
  return `crm:
  # Which CRM. Needed.
  type: pipedrive
  # Your company's own address. Default: https://api.pipedrive.com
  ${baseUrl === null ? "#baseUrl: https://api.pipedrive.com" : `baseUrl: ${scalar(baseUrl)}`}
${token}
  # Plan (lite, growth, premium, ultimate) and seats: for the day's budget when no header of the CRM tells it. Default: not known
  ${plan === null ? "#plan:" : `plan: ${plan}`}
  ${seats === null ? "#seats:" : `seats: ${seats}`}
  # Without an answer for so long a write is uncertain: it is looked for, never blindly sent again.
  #timeout: 30s
  # Other hosts that the token may be sent to, such as a proxy of your own. Default: none
  #allowHosts:
${setupLines(found)}`;
}

/** Names for the maps, as the CRM has them today. */
function setupLines(found: CrmFound | null): string {
  if (found === null || found.pipelines.length === 0) return "";
  const lines = found.pipelines.map(
    ({ name, stages }) => `#   ${oneLine(name)}: ${stages.map(oneLine).join(" | ") || "no stages"}\n`,
  );
  return `\n# Pipelines and their stages in ${oneLine(found.account)}, for deal.pipeline and deal.stage below:\n${lines.join("")}`;
}

const GENERAL = `limits:
  # Requests per 2 s of this token; auto reads the CRM's own header.
  #burst: auto
  # The company's tokens a day; auto: the CRM's header, else plan x seats.
  #dailyTokens: auto
  # The part of burst and budget that crmledger may use; the rest is for your other integrations.
  #share: 0.8
  # The part of its own day's budget that only the operational lane may spend.
  #operationalReserve: 0.2
  # Requests in flight; auto: rate x round trip.
  #concurrency: auto
  # More new submissions than this, older than a week, of one source in one run, wait for \`crmledger sync --yes\`.
  #backfill: 1000

retry:
  # Tries that were the submission's own fault, before it counts as failed.
  #maxAttempts: 5
  # Wait after a failed try: doubles from baseDelay to maxDelay.
  #baseDelay: 5s
  #maxDelay: 5m
  # Ages at which a write with a lost answer is looked for; after the last miss it is sent again.
  #settle: [60s, 300s]

# By lane: retries of its own, and quiet hours in which nothing of it is begun, such as "Mon-Fri 08:00-18:00". Default: none.
# Example: { background: { quiet: "08:00-18:00", timezone: Europe/Tallinn, retry: { maxAttempts: 10, maxDelay: 1h } } }
#lanes:

# The CRM fails: so many of the last requests failed, rest so long.
#breaker: { failureRate: 0.5, window: 20, cooldown: 30s }
`;

function personsPart({ country }: InitAnswers): string {
  return `persons:
  # How a known person is recognised, in this order; a field too, as person.fields.\`Customer no.\` in quotes.
  #match: [email, phone]
  # What becomes of a known person's fields: fillEmpty, overwrite or keep.
  #onMatch: fillEmpty
  # Country of the CRM's phone numbers that are written without one, such as EE. Default: none
  ${country === null ? "#country:" : `country: ${country}`}
  # Age at which the copy of the CRM's directory is refreshed before an unknown person is believed to be new.
  #freshness: 0s
`;
}

const REST = `deals:
  # submission: a deal for each; key: deal.key names it; openDealOfPerson: the person's open one, if there is one.
  #match: submission

notes:
  # A last line such as "Ref. website/wf_8812", by which lost answers are found again.
  #reference: true
  # Format of the notes: text or html.
  #format: text
  # All notes of a submission as one, an empty line between them; each note costs 10 tokens.
  #join: false

# A value that its field can't take: note (it goes into the note and is counted) or reject (the record is).
#onBadValue: note

alerts:
  # Who is told of trouble, once, and of its end. Default: nobody. Example: [{ slack: "\${SLACK_WEBHOOK}" }, { command: ./notify.sh }]
  #to:
  # So many failed submissions are an alert; parts of the day's API budget; part of the requests that must be made again.
  #failed: 1
  #quota: [0.7, 0.85, 0.95]
  #retryRate: 0.1 in 5m
  # Deals and leads that the CRM's plan allows. Default: from plan and seats
  #dealCap:

# Address that is told start, success and failure of each sync, as healthchecks.io takes them. Default: none
#heartbeat:
# A file that gets a JSON line for each thing that happens, with ids only. Default: none. Example: ./events.log
#log:
# When old data of people goes; the accounting rows stay. Default: nothing is erased. Example: { archive: 90d, payloads: 400d, rejects: 90d }
#retention:
`;

function sourcesPart(answers: InitAnswers): string {
  const sources = answers.sources.map((source, index) => sourceText(source, answers, index === 0));
  return `sources:
${sources.join("")}  # What \`crmledger import FILE\` reads: files of missed submissions.
  import:
    lane: background
    # Older ones are history: kept and compared, never sent to the CRM. A month before this file was written.
    sendFrom: ${answers.importFrom}
${answers.country === null ? "" : `    country: ${answers.country}\n`}${answers.timezone === null ? "" : `    timezone: ${answers.timezone}\n`}`;
}

function sourceText({ name, spool }: InitSource, answers: InitAnswers, explained: boolean): string {
  const { sendFrom, country, timezone, pipeline } = answers;
  const say = (text: string): string => (explained ? `    # ${text}\n` : "");
  return `  ${scalar(name)}:
${say("Folder of .json, .jsonl, .csv or .form files, read at each run. Write a file as .tmp or .part, then rename it.")}    spool: ${scalar(spool)}
${say("What becomes of a file once it is in the ledger: archive, delete or keep.")}    #after: archive
${say("Someone waits (operational), or it is a backfill (background).")}    lane: operational
${say("Older than this without being in the CRM is overdue.")}    target: 15m
${say("Submissions from before this instant are history: kept and compared, never sent to the CRM. Default: none are.")}    sendFrom: ${sendFrom}
${say("Zone of local times without an offset, and country of phone numbers without one.")}    ${timezone === null ? "#timezone: UTC" : `timezone: ${timezone}`}
    ${country === null ? "#country:" : `country: ${country}`}
${explained ? SOURCE_REST : ""}${pipeline === null ? mapExample(explained) : mapWithPipeline(pipeline)}`;
}

const SOURCE_REST = `    # A known id with other content: report it as a conflict, or update what the first one wrote.
    #revisions: report
    # The same person and content under another id within this time (a double click) is a duplicate.
    #sameWithin: off
    # Hours in which nothing of it is sent, such as "22:00-07:00" or [Sat-Sun, "20:00-08:00"], in its timezone.
    #quiet:
    # Also: dailyShare, format, records, where, encoding, delimiter, restToNote, and persons, deals, notes, onBadValue of its own.
`;

const mapExample = (explained: boolean): string =>
  explained
    ? `    # Where a record's members go. Without it records have the submission's own shape. Example, for a web form:
    # map:
    #   id: event_id
    #   submittedAt: submitted_at
    #   person.name: fields.full_name
    #   person.email: fields.email
    #   deal.title: "= 'Website: ' & fields.product"
    #   deal.pipeline: "= 'Sales'"
    #   notes: ["= fields.message"]
`
    : "";

/** The submission's own shape, a CSV's columns included, with the pipeline for deals that name none. */
function mapWithPipeline(pipeline: string): string {
  const same = SAME_PATHS.map((path) => `      ${path}: ${path}\n`).join("");
  const chosen = `= deal or \`deal.title\` ? ${JSON.stringify(pipeline)}`;
  return `    # The submission's own shape, and a pipeline for deals without one. Put your form's names on the right; a CRM field
    # is a line such as person.fields.\`Job title\`: fields.job
    map:
${same}      deal.pipeline: [deal.pipeline, ${scalar(chosen)}]
      notes: ["= notes ? notes : \`notes.0\`"]
`;
}

const SAME_PATHS = [
  ...["id", "submittedAt", "person.name", "person.email", "person.phone", "person.owner", "person.labels"],
  ...["organization.name", "deal.title", "deal.value", "deal.currency", "deal.stage", "deal.owner", "deal.labels"],
  "deal.key",
];

/** Text as a YAML scalar. `\${` would be an environment variable. */
function scalar(text: string): string {
  return /^[A-Za-z./][\w./-]*$/.test(text) && !/^(true|false|null|y|n|yes|no|on|off)$/i.test(text)
    ? text
    : JSON.stringify(text).replaceAll("${", () => "$${");
}

/** What others wrote must not end the comment that it stands in. */
function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, " ").trim();
}
