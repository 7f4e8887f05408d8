/** Gravity Forms' CSV of entries: the form's fields, then columns of the plugin's own. */
import type { SourceMap } from "../../domain/settings.ts";
import { everyRecord, inExpression, type KnownTool, quotedText, variable } from "./draft.ts";
import { guess, type Leaf, leavesOf, mapOf, withoutGuessed } from "./guess.ts";

/** The plugin's own columns, as they are called in English, and those of a consent field. */
const PLUGIN =
  /^(Created By \(User Id\)|Entry Id|Entry Date|Date Updated|Source Url|Transaction Id|Payment Amount|Payment Date|Payment Status|Post Id|User Agent|User IP)$|\((Consent|Text|Description)\)$/;
const MONEY = /^\D*\d[\d,]*(\.\d\d)?$/;
const CURRENCIES: readonly (readonly [string, string])[] = [
  ["$", "USD"],
  ["€", "EUR"],
  ["£", "GBP"],
];

export const gravityForms: KnownTool = {
  draft: (sample) => {
    const isEntry = (row: object): boolean => "Entry Id" in row && "Entry Date" in row && "Source Url" in row;
    if (sample.format !== "csv" || !everyRecord(sample, isEntry)) return null;
    const leaves = leavesOf(sample.records, []).filter(({ path }) => !PLUGIN.test(path[0] as string));
    const found = guess(leaves, sample.records.length);
    const { notes: _, ...fields } = mapOf({ ...found, id: null, time: null });
    const left = withoutGuessed(leaves, found);
    const money = left.find(({ values }) => values.length > 0 && values.every((value) => currencyOf(value) !== null));
    // The export puts a ' before a value that begins with = + - or @.
    const message = found.message === null ? [] : [`$replace(${inExpression(found.message.path)}, /^'(?=[=+@-])/, '')`];
    const { chosen, lines } = linesOf(left.filter((leaf) => leaf !== money));
    const note = `$join([\n  ${[...message, ...lines, "'Page: ' & `Source Url`"].join(",\n  ")}\n][$ != ''], '\\n\\n')`;
    return {
      ...{ tool: "an export of Gravity Forms", name: "gravity-forms" },
      map: {
        ...{ id: "Entry Id", submittedAt: "Entry Date", ...fields, "deal.title": titleOf(found.company) },
        ...(money === undefined ? {} : moneyOf(money)),
        notes: chosen.length === 0 ? `= ${note}` : `= (\n  ${chosen.join("\n  ")}\n  ${note}\n)`,
      },
      settings: { timezone: "UTC" },
      comments: {
        timezone: "put the site's own zone here, such as America/New_York: Entry Date has no offset",
        "deal.value": '"$ 2,500.00" to 2500; what is written in another way goes into the note',
        notes: "without the visitor's address and browser, which restToNote would take along",
      },
      remarks: [
        "Column names are the form's labels; those of the plugin (Entry Id, Entry Date, Source Url) are translated.",
      ],
    };
  },
};

function titleOf(company: Leaf | null): string {
  if (company === null) return "= 'Contact form'";
  const name = inExpression(company.path);
  return `= 'Contact form' & (${name} ? ': ' & ${name} : '')`;
}

function currencyOf(value: string): string | null {
  if (!MONEY.test(value)) return null;
  return CURRENCIES.find(([sign]) => value.includes(sign))?.[1] ?? null;
}

function moneyOf({ path, values }: Leaf): SourceMap {
  const name = inExpression(path);
  const number = `$number($replace(${name}, /[^0-9.]/, ''))`;
  return {
    "deal.value": `= ${name} ? ($contains(${name}, /^\\D*[0-9,]+(\\.[0-9][0-9])?$/) ? ${number} : ${name})`,
    "deal.currency": `= ${name} ? '${currencyOf(values[0] as string)}'`,
  };
}

/** `Interests (Demo)`, `Interests (Pricing)` are choices of one field: the chosen ones, as a variable, make one line. */
function linesOf(leaves: readonly Leaf[]): { chosen: string[]; lines: string[] } {
  const groups = new Map<string, Leaf[]>();
  for (const leaf of leaves) {
    const [, field, choice] = /^(.*) \((.*)\)$/.exec(leaf.path[0] as string) ?? [];
    const isChoice = field !== undefined && leaf.values.every((value) => value === choice);
    const name = isChoice ? field : (leaf.path[0] as string);
    groups.set(name, [...(groups.get(name) ?? []), leaf]);
  }
  const chosen: string[] = [];
  const lines = [...groups].map(([name, members]) => {
    const cells = members.map(({ path }) => inExpression(path)).join(", ");
    if (members.length === 1) return `${cells} ? ${quotedText(`${name}: `)} & ${cells}`;
    // Two fields may be called nearly alike.
    const value = `${variable(name)}_${chosen.length + 1}`.replace(/_1$/, "");
    chosen.push(`${value} := $join([${cells}][$ != ''], ', ');`);
    return `${value} ? ${quotedText(`${name}: `)} & ${value}`;
  });
  return { chosen, lines };
}
