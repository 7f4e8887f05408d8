/** Records of a tool that nobody knows here: what can be told by values and names is mapped, the rest goes into the note. */
import { SHAPE } from "../submission.ts";
import { timeFormOf } from "../time.ts";
import { type DraftSample, inExpression, type SourceDraft } from "./draft.ts";
import { type Guess, guess, type Leaf, leavesOf, mapOf, pathAsWritten, withoutGuessed } from "./guess.ts";

export function draftOfUnknown(sample: DraftSample): SourceDraft {
  const leaves = leavesOf(sample.records, sample.base);
  const named = { tool: "records of a tool that is not known here", name: "website" };
  if (hasOwnShape(leaves, sample)) {
    const remarks = ["The records have a submission's own shape: no map is needed."];
    return { ...named, tool: "submissions in crmledger's own shape", map: {}, settings: {}, comments: {}, remarks };
  }
  const found = guess(leaves, sample.records.length);
  const isLocal =
    found.time?.values.some((value) => timeFormOf(value) === "local") === true ||
    (found.time !== null &&
      sample.format === "csv" &&
      found.time.values.every((value) => timeFormOf(value) === null && !/GMT/.test(value)));
  return {
    ...named,
    map: mapOf(found),
    settings: { ...(isLocal ? { timezone: "UTC" } : {}), restToNote: rootOf(withoutGuessed(leaves, found), sample) },
    comments: {
      timezone: "name the source's zone here: its times have no offset",
      restToNote: "every other member becomes a line of the note",
    },
    remarks: remarksOf(found, candidateId(leaves, sample.records.length)),
  };
}

/** Records that need no map: a person in the shape of a submission. */
function hasOwnShape(leaves: readonly Leaf[], { format }: DraftSample): boolean {
  const isOwn = (path: string): boolean => /^person\.(email|phone|fields\..+)$/.test(path);
  const paths = leaves.map(({ path }) => path.join("."));
  return (
    paths.some(isOwn) &&
    (format !== "csv" || paths.every((path) => (SHAPE[""] as readonly string[]).includes(path.split(".")[0] as string)))
  );
}

/** The deepest member that all that is left lies in; all of the record where that is none. */
function rootOf(left: readonly Leaf[], { base }: DraftSample): string {
  const [first] = left;
  let root = first === undefined ? [] : first.path.slice(0, -1);
  while (root.length > 0 && !left.every(({ path }) => root.every((name, index) => path[index] === name)))
    root = root.slice(0, -1);
  const chosen = root.length > 0 ? root : base;
  return chosen.length === 0 ? "$" : inExpression(chosen);
}

/** A member that is called an id of something and differs in each record: only its owner knows whose id it is. */
function candidateId(leaves: readonly Leaf[], records: number): string | null {
  const isOne = ({ name, values }: Leaf): boolean =>
    /\bid$/.test(name) && values.length === records && new Set(values).size === records;
  const found = leaves.find(isOne);
  return found === undefined ? null : pathAsWritten(found.path);
}

function remarksOf({ id, time, email, phone }: Guess, candidate: string | null): string[] {
  return [
    ...(email === null && phone === null
      ? ["No member looks like an e-mail address or phone number: one of them is needed."]
      : []),
    ...(id === null && candidate !== null
      ? [
          `Is ${candidate} the record's own id, the same when it comes again? Then add to the map: "id: ${candidate}".`,
          "Without an id the key is a hash of content and time, so an edited record becomes a new submission.",
        ]
      : []),
    ...(id === null && candidate === null
      ? [
          "No member looks like an id: the key is a hash of content and time, so an edited record becomes a new submission.",
        ]
      : []),
    ...(time === null
      ? [
          "No member looks like the time of the submission: the time of ingest counts, so each record is sent, last year's too.",
          "Has it one in another form? Then add submittedAt to the map (with $time), and sendFrom to the source.",
        ]
      : []),
    "What means what was guessed from values and names. Add deal.title to open a deal for each record.",
  ];
}
