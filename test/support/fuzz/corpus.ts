/** What the fuzzers start from: payloads of real tools with their maps, and documents of our own kinds. */
import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { parseConfig } from "../../../src/config/parse-config.ts";
import type { SourceSettings } from "../../../src/domain/settings.ts";
import { sourceOf } from "../ingest-rig.ts";

export const ROOT = join(import.meta.dirname, "../../..");

export interface Sample {
  name: string;
  bytes: Buffer;
  /** Settings that fit it. */
  source: SourceSettings;
}

const vendors = {
  pipedrive: { defaultBaseUrl: "https://api.pipedrive.com", checkBaseUrl: (text: string) => new URL(text) },
};

/** The sources of `fixtures/maps`, as the config gives them. */
function mapped(): SourceSettings[] {
  const folder = join(ROOT, "fixtures/maps");
  return readdirSync(folder).flatMap((name) => {
    const text = `crm: { type: pipedrive, apiTokenFile: ./token }\n${readFileSync(join(folder, name), "utf8")}`;
    const config = parseConfig(text, { file: join(folder, name), env: {}, ownerOnly: true, vendors });
    return Object.values(config.sources).filter(({ name: source }) => source !== "import");
  });
}

const PEOPLE = [
  {
    id: "s1",
    submittedAt: "2026-11-20T10:15:00Z",
    person: { name: "Ada Lovelace", email: "ada@example.com" },
    notes: ["Please call."],
  },
  {
    id: "s2",
    person: { email: "bob@example.com", phone: "+441234567890", labels: ["Web"], fields: { "Job title": "Analyst" } },
    deal: { title: "T", value: 1200.5, currency: "EUR" },
  },
  {
    id: 12345678901234567n.toString(),
    lane: "background",
    person: { phone: "+37251234567" },
    organization: { name: "Engines" },
  },
];
const CSV =
  'id,submittedAt,person.name,person.email,deal.title,deal.value,notes.0\r\n1,2026-11-20 10:15,"Lovelace, Ada",ada@example.com,"A ""B""",12.5,"two\nlines"\r\n2,,Bob,bob@example.com,,,\r\n3,1763633700,Eve,,x,1e3,=1+1\r\n';

const text = (name: string, content: string, changes: Partial<SourceSettings> = {}): Sample => ({
  name,
  bytes: Buffer.from(content),
  source: sourceOf(changes),
});

/** Documents in the shape of a submission, and settings that do more than read them. */
const OWN: readonly Sample[] = [
  text("one.json", JSON.stringify(PEOPLE[0])),
  text("list.json", JSON.stringify(PEOPLE)),
  text("lines.jsonl", PEOPLE.map((one) => `${JSON.stringify(one)}\n`).join("")),
  text("page.json", JSON.stringify({ items: PEOPLE, next: "x" }), { records: "items", where: "$exists(person)" }),
  text("answers.json", JSON.stringify({ items: PEOPLE }), {
    records: "= items[person.email]",
    map: {
      id: "id",
      "person.email": "= $lowercase(person.email)",
      "deal.title": "= 'W: ' & person.name",
      notes: ["= notes[0]", "id"],
    },
    restToNote: "person",
  }),
  text("post.form", "id=7&fields[name]=Ada&fields[email]=ada%40example.com&topics[]=a&topics[]=b&n=%C3%BC", {
    map: { id: "id", "person.email": "fields.email", "person.name": "fields.name", notes: ["= $join(topics, ', ')"] },
    restToNote: "fields",
  }),
  text(
    "post.form",
    '--xx\r\nContent-Disposition: form-data; name="person[email]"\r\n\r\nada@example.com\r\n--xx\r\nContent-Disposition: form-data; name="f"; filename="a.txt"\r\n\r\nhello\r\n--xx--\r\n',
  ),
  text("hook.json", JSON.stringify({ headers: { "x-id": "1" }, body: PEOPLE[1] }), {
    map: { id: "= headers.`x-id`", "person.email": "body.person.email" },
  }),
  text("people.csv", CSV),
  text("semicolons.csv", CSV.replaceAll(",", ";"), { delimiter: null, timezone: "Europe/Tallinn" }),
  text("tabs.tsv", "id\tperson.email\tnotes.0\n1\tada@example.com\tx\n\n2\tbob@example.com\ty\n", {
    sameWithinMs: 60_000,
  }),
  text("mapped.csv", "Name,E-mail,Phone no.,Phone no.\nAda,ada@example.com,1,2\n", {
    map: { "person.name": "Name", "person.email": "E-mail", "person.phone": "`Phone no.#2`" },
    country: "EE",
  }),
];

export function ingestSamples(): Sample[] {
  const sources = mapped();
  const folder = join(ROOT, "fixtures/payloads");
  const payloads = readdirSync(folder).map((name): Sample => {
    const source = sources.find((one) => name.startsWith(one.name) || name.startsWith(basename(one.spool ?? "?")));
    return { name, bytes: readFileSync(join(folder, name)), source: { ...(source ?? sourceOf()), spool: null } };
  });
  return [...OWN, ...payloads];
}

/** Every block of YAML in the documents that is a config or a part of one. */
export function configSamples(): string[] {
  const pages = [
    "README.md",
    ...readdirSync(join(ROOT, "docs"))
      .filter((name) => name.endsWith(".md"))
      .map((name) => `docs/${name}`),
  ];
  const blocks = pages.flatMap((page) =>
    [...readFileSync(join(ROOT, page), "utf8").matchAll(/```ya?ml\n([\s\S]*?)```/g)].map((match) => match[1]!),
  );
  const maps = readdirSync(join(ROOT, "fixtures/maps")).map((name) =>
    readFileSync(join(ROOT, "fixtures/maps", name), "utf8"),
  );
  const head = "crm: { type: pipedrive, apiTokenFile: ./token }\n";
  return [...blocks, ...maps].map((block) => (/^crm:/m.test(block) ? block : `${head}${block}`));
}
