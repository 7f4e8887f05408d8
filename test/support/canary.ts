/** Secrets and people that must not turn up where they don't belong: planted in every test world, searched for in every byte. */
import { lstatSync, readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";

/** The API token of every test world. Its signs look otherwise in a URL and in base64. In parts: copies of this file are no leak. */
export const CANARY_TOKEN = ["canary", "9f/Kx+2Vw=7Lq.0pT~of", "the", "first", "user"].join("-");
/** A token cut short is most of a token. */
const PART_CHARACTERS = 12;

/** Every form in which the token may leak, as bytes that a file or a stream may hold. */
function formsOf(token: string): { form: string; text: string }[] {
  const url = encodeURIComponent(token);
  const wide = (text: string): string => Buffer.from(text, "utf16le").toString("latin1");
  const base64 = [0, 1, 2].map((shift) => base64Within(token, shift));
  return [
    { form: "plain, or its beginning", text: token.slice(0, PART_CHARACTERS) },
    { form: "its end", text: token.slice(-PART_CHARACTERS) },
    { form: "URL-encoded", text: url.slice(0, PART_CHARACTERS) },
    { form: "URL-encoded, small letters", text: url.replace(/%../g, (part) => part.toLowerCase()).slice(0, 16) },
    { form: "UTF-16", text: wide(token.slice(0, PART_CHARACTERS)) },
    {
      form: "hexadecimal",
      text: Buffer.from(token)
        .toString("hex")
        .slice(0, 2 * PART_CHARACTERS),
    },
    ...base64.map((text) => ({ form: "base64", text })),
    ...base64.map((text) => ({ form: "base64url", text: text.replaceAll("+", "-").replaceAll("/", "_") })),
  ];
}

/** What base64 text has of the token's first bytes, whatever stands before it. */
function base64Within(token: string, shift: number): string {
  const text = Buffer.concat([Buffer.alloc(shift), Buffer.from(token)]).toString("base64");
  return text.slice(Math.ceil((shift * 8) / 6), Math.ceil((shift * 8) / 6) + 16);
}

const FORMS = formsOf(CANARY_TOKEN);

/** In which forms the token stands in some bytes. */
export function tokenIn(bytes: Buffer | string): string[] {
  const text = typeof bytes === "string" ? Buffer.from(bytes) : bytes;
  return FORMS.filter(({ text: form }) => text.includes(form, 0, "latin1")).map(({ form }) => form);
}

/** Files whose job it is to hold the token: what a user keeps with mode 600. */
const HOLDS_TOKEN = /^(token|.*\.token|crmledger\.ya?ml|\.env|.*\.env|crontab)$/;
/** What monitors and logs read, and what is shared between users: no person's data. */
const HOLDS_IDS_ONLY = /\.(prom|log|heartbeat|counter|lock|runs)$|^\.?(runs|lock)/;

/** Addresses and numbers of test people; `alert@`-like ones of the set-up are nobody's. */
const PERSONAL = /[\p{L}\p{N}._+-]+@(?:[a-z0-9-]+\.)*example\.(?:com|org|net)|\+44\d{8,}|\+372\d{7,}/giu;

/** People's data in text that logs may keep. `known`: texts that the reader gave himself, such as the command line. */
export function peopleIn(text: string, known: readonly string[]): string[] {
  const given = known.join("\n").toLowerCase();
  return [...new Set((text.match(PERSONAL) ?? []).filter((found) => !given.includes(found.toLowerCase())))];
}

/** Gathered until a test ends. */
const found: string[] = [];

/** Something was seen where it must not be. */
export function reportFound(what: readonly string[]): void {
  found.push(...what);
}

/** What was found since it was last asked. */
export function takeFound(): string[] {
  return [...new Set(found.splice(0))];
}

/** Everything below a folder (or the file itself) that holds what it must not: `PATH: what`. Links are not followed. */
export function canariesBelow(path: string): string[] {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return [];
  if (stat.isDirectory()) return namesIn(path).flatMap((name) => canariesBelow(join(path, name)));
  return stat.isFile() ? canariesInFile(path) : [];
}

function canariesInFile(path: string): string[] {
  const name = basename(path);
  if (HOLDS_TOKEN.test(name)) return [];
  const bytes = readOrNothing(path);
  const people = HOLDS_IDS_ONLY.test(name) ? peopleIn(bytes.toString("utf8"), []) : [];
  const forms = tokenIn(bytes);
  return [
    ...(forms.length > 0 ? [`${path}: the token (${forms.join("; ")})`] : []),
    ...people.map((person) => `${path}: ${person}, where only ids belong`),
  ];
}

/** Tests take rights away to see what happens; who can't read finds nothing. */
function readOrNothing(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch {
    return Buffer.alloc(0);
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
