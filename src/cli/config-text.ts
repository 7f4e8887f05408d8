export interface InitAnswers {
  ledger: string;
  baseUrl: string | null;
  tokenFile: string | null;
  tokenEnv: string | null;
  plan: string | null;
  seats: number | null;
  source: string;
  spool: string;
}

/** The text of a new `crmledger.yaml`, with the settings that matter first explained and the others as comments. */
export function configText(answers: InitAnswers): string {
  const text = (value: string): string => (/^[\w./-]+$/.test(value) ? value : JSON.stringify(value));
  const token =
    answers.tokenEnv === null
      ? `apiTokenFile: ${text(answers.tokenFile ?? "./pipedrive.token")}   # the token alone, mode 600`
      : `apiToken: \${${answers.tokenEnv}}   # from the environment`;
  return `# crmledger: what goes where. Unknown keys are errors; check with: crmledger doctor

ledger: ${text(answers.ledger)}   # every submission and every attempt; back it up

crm:
  type: pipedrive
  ${answers.baseUrl === null ? "# baseUrl: https://acme.pipedrive.com   # your company's own address" : `baseUrl: ${text(answers.baseUrl)}`}
  ${token}
  ${answers.plan === null ? "# plan: growth   # lite | growth | premium | ultimate: for the daily budget" : `plan: ${answers.plan}`}
  ${answers.seats === null ? "# seats: 3" : `seats: ${answers.seats}`}

# limits:
#   share: 0.8             # the part of the CRM's limits that crmledger may use

# persons:
#   match: [email, phone]  # how a known person is recognised
#   onMatch: fillEmpty     # fillEmpty | overwrite | keep
#   country: EE            # for phone numbers written nationally

sources:
  ${text(answers.source)}:
    spool: ${text(answers.spool)}   # files put here are read at each run, then archived
    lane: operational
    target: 15m            # older than this is overdue
    # map:                 # where a record's members go; without it records have the submission's own shape
    #   id: event_id
    #   submittedAt: submitted_at
    #   person.name: fields.full_name
    #   person.email: fields.email
    #   deal.title: "= 'Website: ' & fields.product"
    #   notes: ["= fields.message"]
  import:                  # what \`crmledger import FILE\` reads
    lane: background
`;
}
