/** Each line of the contract's rules for close cases, in our words, with the tests that fail without it. */
import { describe, expect, test } from "vitest";
import { readText } from "../support/house-source.ts";

const SPOOL = "integration/ingest-spool.test.ts";
const HOSTILE_SPOOL = "integration/ingest-hostile-spool.test.ts";
const FILE = "integration/ingest-file.test.ts";
const INGEST = "integration/ingest-rules.test.ts";
const INTAKE = "contract/ledger-suite-intake.ts";
const MAPPING = "unit/intake-mapping.test.ts";
const MENDING = "cli/cli-mending.test.ts";
const CHAIN = "unit/planner-chain.test.ts";
const CHOICES = "unit/planner-choices.test.ts";
const PERSONS = "integration/runner-persons.test.ts";
const PROFILES = "integration/runner-profiles.test.ts";
const DEALS = "integration/runner-deals.test.ts";
const RESUME = "integration/runner-resume.test.ts";
const OVERWRITE = "integration/runner-overwrite.test.ts";
const TYPES = "contract/field-types.test.ts";
const BACKFILL = "cli/cli-backfill.test.ts";
const SYNC = "cli/cli-sync.test.ts";

type Rule = readonly [rule: string, ...shownBy: readonly (readonly [file: string, name: string])[]];

const INPUT: Rule[] = [
  [
    "a known raw record is a duplicate, whatever the map says now",
    [INTAKE, "knows a raw record again whatever today's map makes of it"],
  ],
  [
    "a conflict needs raw record and content to differ",
    [INTAKE, "takes a known key with the same content as a duplicate, and from then on knows that raw record too"],
    [SPOOL, "counts a redelivery as a duplicate, other content as a conflict"],
  ],
  ["both versions are mapped by today's map", [SPOOL, "is no conflict where only the map changed"]],
  [
    "our time of ingest is no content",
    [INGEST, "is the same one whenever it comes in again, and however it is written"],
  ],
  [
    "an id that another source has, for the same e-mail or phone, is a duplicate, and that source is named",
    [INTAKE, "finds a record that another source has under the same id for the same person"],
    [INTAKE, "a shared match field is no proof of the same person in another source"],
    [SPOOL, "names the source that has the same id for the same person"],
    [INGEST, "counts as the ledger would: by raw record, and by what another source has"],
  ],
  [
    "a second export is refused as a whole with 65; --as-new takes it",
    [FILE, "takes nothing of a file whose persons and times are known under other keys; --as-new takes it"],
    [INGEST, "begins at 20 records, and at more than half of the file"],
    [INGEST, "knows the persons and times of every source: `import` takes no second export of the website's"],
    [FILE, "does not mind few of them, or the same keys"],
  ],
  [
    "only what nobody could use or read is rejected",
    [FILE, "takes the rows, keeps what it can't take, and rejects what nobody could use"],
    [MAPPING, "is known by a match field, too"],
    [HOSTILE_SPOOL, "goes on after records that break a bound, naming it"],
  ],
  ["import - finds the format by content, or is told", [FILE, "finds JSON, JSONL and CSV in a pipe by their content"]],
  [
    "an export of rejects can be mended and imported, which closes them",
    [MENDING, "are listed with file, line and reason, exported privately, mended and imported again"],
    [FILE, "come out as %s, are mended there, and are closed by the import"],
    [FILE, "hold the text of what could not be read, to be mended"],
    [INGEST, "of nested records is mended and read by their source's map (%s)"],
    [INGEST, "text that could not be read is one reject, however often its export comes back unmended"],
    [INGEST, "is not taken with its cells shifted: it stays a reject until it is mended (%s)"],
  ],
  ["a JSON file is archived once read, by day", [SPOOL, "takes an object and an array, and archives the files by day"]],
  [
    "JSONL and CSV are complete when unchanged for 24 hours, and then a last line without end counts",
    [SPOOL, "takes a last line without end and archives the file when it was unchanged for 24 hours"],
    [INGEST, "of CSV: a last line without end counts after 24 hours, and the archived file is read on"],
  ],
  ["an archived file that grows is read on for 7 days", [SPOOL, "reads an archived file on for 7 days"]],
  [
    "`after: delete` leaves it those 7 days",
    [SPOOL, "with `after: delete` stays for the 7 days, then goes"],
    [INGEST, "are read on in the 7 days that `after: delete` leaves them, and stay longer for it"],
  ],
  [
    "JSON that does not parse waits, and is a reject after an hour",
    [SPOOL, "leaves what does not parse alone, takes it once it does, and rejects it after an hour"],
  ],
  [
    "links that leave the spool, FIFOs and devices are skipped with a warning",
    [HOSTILE_SPOOL, "follows no link out of the spool, and does not hang on a FIFO"],
    [HOSTILE_SPOOL, "takes a link that stays in the spool once, with its target"],
  ],
];

const PLANS: Rule[] = [
  [
    "a written step keeps its content",
    [
      "contract/ledger-suite-turn.ts",
      "leave written steps as they are, renew open and failed ones, drop what is not wanted any more",
    ],
  ],
  [
    "a chain keeps its plan until it has failed",
    [RESUME, "keeps its content byte for byte under changed settings and names"],
  ],
  [
    "retry-failed plans anew, from the kept record and today's map",
    [MENDING, "plans anew from the kept record and today's map, and --drain sends at once"],
    ["contract/ledger-suite-people.ts", "go back to the queue once, planned anew, with what is written kept"],
  ],
  [
    "failed edit does",
    [MENDING, "edit opens the record as it came, maps it with today's map, and a later retry keeps the edit"],
  ],
  ["rejects --retry does", [MENDING, "--retry takes what today's map reads, in each one's own source"]],
];

const PEOPLE: Rule[] = [
  [
    "e-mail without case and outer spaces",
    [CHOICES, "has its e-mail address, without case and outer spaces"],
    [PERSONS, "is found by e-mail, whatever its case and outer spaces"],
  ],
  ["phone as E.164", [MAPPING, "has its phone as E.164, nationally written ones by the source's country"]],
  [
    "what can't be normalised is text and not matched",
    [CHAIN, "stores a phone that can't be normalised as text and does not match by it"],
    [MAPPING, "keeps a phone that can't be normalised as text, unmatched"],
  ],
  [
    "a phone counts only where one side has no e-mail",
    [CHOICES, "is one with the same phone where the CRM's person has no e-mail address"],
    [CHOICES, "is one with the same phone where the submission has no e-mail address"],
    [PROFILES, "that two e-mail addresses share is two persons (%s)"],
    [
      PROFILES,
      "that is shared hides nobody whom the CRM knows: each of the two is looked up by all that is theirs (known: %j)",
    ],
    ["unit/planner-same-person.test.ts", "are two persons with one phone and two e-mails, whoever called without one"],
  ],
  [
    "else a new person is made, and show says why",
    [PERSONS, "is not taken for another of the same phone and another e-mail; show says why"],
    ["cli/cli-show.test.ts", "show says why a person of the same phone was not taken, and which of several was"],
  ],
  [
    "of several the oldest: created first, then lowest id; show says so",
    [CHOICES, "is the oldest of several: created first, then lowest id as a number; unknown dates last"],
    [PERSONS, "is of several made in one second the one with the lowest id"],
    [PERSONS, "is the oldest of several, and show names the others"],
  ],
  [
    "e-mails and phones are only added to, by fillEmpty and overwrite",
    [PERSONS, "fills what is empty and leaves what is there (fillEmpty)"],
    [PERSONS, "replaces what differs (overwrite), and keeps other e-mails and phones"],
  ],
  [
    "without a name the e-mail or phone serves",
    [PERSONS, "is made with the e-mail address or phone as its name where the submission gives none"],
  ],
  [
    "organizations by name, case and spaces folded",
    [PERSONS, "is found with case and spaces folded, the oldest of several"],
  ],
  [
    "a person without an organization gets it",
    [PERSONS, "is given to a known person without one, never to one that has another"],
  ],
  [
    "a deal without a title is called after person and source",
    [DEALS, "calls a deal without a title after person and source"],
  ],
  [
    "deal.owner: person",
    [DEALS, "gives the deal the owner of a known person (deal.owner: person), also when the chain is resumed"],
    [DEALS, "gives the deal the owner that a new person was made with"],
  ],
  [
    "a stage without a pipeline must be unambiguous",
    [DEALS, "holds the source of a stage without pipeline that several pipelines have"],
    [DEALS, "takes a stage without its pipeline where the name is the only one"],
  ],
  [
    "notes hang on the deal and the person",
    [DEALS, "hang on the deal and on the person, in their order"],
    [DEALS, "makes no deal where the submission has none; its note hangs on the person"],
  ],
  [
    "notes over the CRM's size become several, numbered",
    [DEALS, "over the CRM's size become several, numbered, and lose nothing"],
  ],
  [
    "enum, set, date, money and user take what people write",
    [TYPES, "takes what it can, as the CRM wants it"],
    [DEALS, "finds pipeline, stage, owner, labels and custom fields by name"],
  ],
  [
    "what a field can't take is a bad value under the record's name for it, else the field's",
    [TYPES, "says why it does not take the rest"],
    [CHAIN, "make a note of their own where there is none, under the record's own name for it"],
    [MAPPING, "label a bad value as the record does, where the map is a plain path"],
    ["unit/config.test.ts", "names bad values as its records do, where the map is a plain path"],
  ],
  [
    "the token is redacted from whatever the CRM answers",
    [
      "integration/redaction.test.ts",
      "the token is taken out of everything that the CRM answers before it is stored or shown",
    ],
    ["unit/crm-wrappers.test.ts", "never holds the token: $type"],
  ],
];

const HOLDS: Rule[] = [
  [
    "a map that names what the CRM lacks holds its source and fails nobody",
    [RESUME, "%s: the source is held and named, nobody fails, other sources go on"],
    ["cli/cli-source-hold.test.ts", "goes on by itself once the map is mended: what waited is mapped anew"],
    ["cli/cli-source-hold.test.ts", "is resumed with the mended map too, and stays on hold where nothing was mended"],
    [CHAIN, "given by the record itself, without a map, are a bad value: one record can't hold up its source"],
  ],
  [
    "limits.backfill holds the old ones of its source, fresh ones flow, exit 3",
    [BACKFILL, "keeps the old ones of a large backlog back, not the fresh ones, until sync --yes"],
    [BACKFILL, "lets a small backlog and any number of fresh submissions flow"],
    [BACKFILL, "guards an import and a mere ingest too: no later sync sends them unasked"],
  ],
  [
    "sendFrom: older ones are history; init writes today",
    [SPOOL, "keeps what is older than sendFrom as history"],
    [INTAKE, "keeps history, and never offers it"],
    ["cli/cli-init.test.ts", "writes a config that keeps last year's export from being sent, by spool and by import"],
  ],
  [
    "pause and resume, all or one source",
    [SYNC, "by hand: nothing is sent and sync leaves 75, until resume"],
    [SYNC, "of one source leaves the others alone"],
  ],
];

const ORDER: Rule[] = [
  [
    "overwrite never replaces what a later submission wrote",
    [OVERWRITE, "never replaces what a submission with a later time wrote, whenever the older one comes in"],
    [OVERWRITE, "replaces our own older value though it was written after this one was submitted"],
  ],
  [
    "nor what a person changed after it",
    [OVERWRITE, "never replaces what a person changed after the submission"],
    [OVERWRITE, "replaces what people wrote before the submission, and what an older one wrote"],
    [OVERWRITE, "fills what is empty, however late it comes"],
  ],
  [
    "overwrite is each source's own choice",
    [PROFILES, "decide what it may replace: the profile's update does, the website's form does not"],
  ],
];

const RECORDS: Rule[] = [
  [
    "a bad value goes into the note, counted and warned about; or rejects, where asked to",
    [CHAIN, "go into the first note, one line each, and are counted"],
    [DEALS, "go into the note under their label and are counted in the warnings"],
    [DEALS, "fail the submission alone with onBadValue: reject"],
    [MAPPING, "becomes a reject with onBadValue: reject"],
  ],
  [
    "every field type is one row: write, compare, read",
    [TYPES, "has a row for each type that can be written"],
    [TYPES, "finds its own value equal to itself, and to what the CRM makes of it"],
    [TYPES, "shows a value to people"],
    ["integration/adapter-simulator.test.ts", "of type %s are taken, and come back equal"],
  ],
  [
    "a conflict is open until somebody takes, keeps or drops it",
    [MENDING, "take puts a conflict's newer content in the place of what was not sent"],
    [MENDING, "take says what it can't do where it was sent, keep closes it"],
    [MENDING, "drop sets one aside with a reason, and a reject has no versions to choose from"],
    [INGEST, "leaves a conflict open where it comes back as it was, until somebody decides (%s)"],
    [INTAKE, "keeps other content as one conflict, however often and in how many forms it comes"],
  ],
  [
    "a customer number finds the person whose e-mail changed",
    [PROFILES, "finds the person whose e-mail changed; the new one is added (match: %j)"],
    [PROFILES, "before the e-mail decides against it"],
    [PERSONS, "is found by the field that match names"],
  ],
  [
    "a phone alone is enough to be known again",
    [PROFILES, "alone is enough to be known again, and the e-mail that comes later is added"],
  ],
];

const texts = new Map<string, string>();

/** Whether the file has a test of this name that runs. */
function isShown(file: string, name: string): boolean {
  const text = texts.get(file) ?? readText(`test/${file}`);
  texts.set(file, text);
  const quoted = JSON.stringify(name).replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  return new RegExp(`(?<!\\.(?:skip|todo|fails)\\(\\s*)${quoted},\\s*(?:async\\s*)?\\(`).test(text);
}

describe.each([
  ["Input", INPUT],
  ["Plans", PLANS],
  ["Persons", PEOPLE],
  ["Holds", HOLDS],
  ["Order", ORDER],
  ["Rejects, conflicts, bad values, profiles", RECORDS],
])("%s", (_, rules) => {
  test.each(rules.map(([rule, ...shownBy]) => ({ rule, shownBy })))("$rule", ({ shownBy }) => {
    expect(shownBy).not.toHaveLength(0);
    expect(shownBy.filter(([file, name]) => !isShown(file, name))).toEqual([]);
  });
});
