import { resolve } from "node:path";
import { PLAN_MULTIPLIERS } from "../config/daily-tokens.ts";
import { CrmledgerError } from "../domain/errors.ts";
import { nearestName } from "../planner/resolve-names.ts";
import type { Invocation } from "./command.ts";
import type { InitAnswers, InitSource } from "./config-text.ts";
import type { CrmFound } from "./init-contact.ts";
import { checkAddress, checkSourceName, checkSpoolFolder, refused } from "./init-rules.ts";
import { askToken } from "./init-token.ts";
import type { LocalPlace } from "./local-place.ts";
import { type Ask, openQuestions } from "./questions.ts";

const TOKEN_FILE = "./pipedrive.token";
/** More spools than this are written into the file by hand. */
const SOURCES_MAX = 20;

/** What was answered, and a token that is still to be written into `answers.tokenFile`. Nothing is written while it asks. */
export interface Answered {
  answers: InitAnswers;
  newToken: string | null;
}

/** What is answered before the moments of `sendFrom` can be told. */
export interface Undated extends Omit<Answered, "answers"> {
  answers: Omit<InitAnswers, "sendFrom" | "importFrom">;
}

/** A question with its rule: asks again, with the reason, until `read` takes the answer. */
async function askUntil<T>(invocation: Invocation, ask: Ask, question: string, read: (text: string) => T): Promise<T> {
  for (;;) {
    try {
      return read(await ask(question));
    } catch (error) {
      const again =
        error instanceof CrmledgerError && (error.code === "configInvalid" || error.code === "inputUnreadable");
      if (!again) throw error;
      invocation.talk.say(`${error.message}. ${error.hint ?? ""}`.trimEnd());
    }
  }
}

/** Asks for what the flags left open. */
export async function askAnswers(
  invocation: Invocation,
  given: Partial<InitAnswers>,
  ledger: string,
  place: LocalPlace,
  folder: string,
): Promise<Undated> {
  const { ask, close } = openQuestions(invocation.io);
  const until = <T>(question: string, read: (text: string) => T) => askUntil(invocation, ask, question, read);
  try {
    const baseUrl =
      given.baseUrl ?? (await until("Your company's address at the CRM (https://acme.pipedrive.com): ", addressOf));
    const { newToken, found } = await askToken(invocation, ask, baseUrl, resolve(folder, TOKEN_FILE));
    const named = given.pipeline ?? null;
    const wanted = named === null || found === null ? named : pipelineNamed(named, namesOf(found));
    const plan =
      given.plan ?? (await until(`Plan (${Object.keys(PLAN_MULTIPLIERS).join(", ")}; empty: unknown): `, planOf));
    const seats = given.seats ?? (plan === null ? null : await until("Seats (empty: unknown): ", seatsOf));
    const sources = given.sources ?? (await askSources(invocation, ask, folder));
    const country =
      given.country ??
      (await until(`Country of phone numbers written without one${offer(place.country)}: `, countryOf(place)));
    const timezone = given.timezone ?? (await until(`Time zone of your forms [${place.timezone}]: `, zoneOf(place)));
    const pipeline = wanted ?? (await askPipeline(invocation, ask, found));
    const answers = {
      ledger,
      baseUrl,
      tokenFile: TOKEN_FILE,
      tokenEnv: null,
      plan,
      seats,
      sources,
      country,
      timezone,
    };
    return { answers: { ...answers, pipeline, found }, newToken };
  } finally {
    close();
  }
}

const offer = (value: string | null): string =>
  value === null ? " (two letters, such as EE; empty: none)" : ` [${value}, - for none]`;

/** `acme` and `acme.pipedrive.com` are what people type. Null: the vendor's common address. */
function addressOf(text: string): string | null {
  if (text === "") return null;
  const host = /^[a-z0-9-]+$/i.test(text) && text !== "localhost" ? `${text}.pipedrive.com` : text;
  const address = /^[a-z][a-z\d+.-]*:\/\//i.test(host) ? host : `https://${host}`;
  checkAddress(address);
  return address.replace(/\/+$/, "");
}

function planOf(text: string): string | null {
  if (text === "") return null;
  const plans = Object.keys(PLAN_MULTIPLIERS);
  if (plans.includes(text.toLowerCase())) return text.toLowerCase();
  throw refused(`There is no plan ${JSON.stringify(text)}`, `One of ${plans.join(", ")}.`);
}

function seatsOf(text: string): number | null {
  if (text === "") return null;
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text);
  throw refused(`${JSON.stringify(text)} is no whole number from 1`, "How many users does the plan have?");
}

const countryOf =
  (place: LocalPlace) =>
  (text: string): string | null => {
    if (text === "") return place.country;
    if (text === "-") return null;
    if (/^[a-z]{2}$/i.test(text)) return text.toUpperCase();
    throw refused(`${JSON.stringify(text)} is no country's two letters`, "Such as EE, GB or US.");
  };

const zoneOf =
  (place: LocalPlace) =>
  (text: string): string => {
    if (text === "") return place.timezone;
    try {
      new Intl.DateTimeFormat("en", { timeZone: text });
      return text;
    } catch {
      throw refused(`${JSON.stringify(text)} is no time zone`, "Such as Europe/Tallinn.");
    }
  };

/** Name and folder of each source; an empty name ends. */
async function askSources(invocation: Invocation, ask: Ask, folder: string): Promise<InitSource[]> {
  const sources: InitSource[] = [];
  while (sources.length < SOURCES_MAX) {
    const first = sources.length === 0;
    const question = first ? "Name of the first source [website]: " : "Another source (empty: no more): ";
    const name = await askUntil(invocation, ask, question, (text) => checkSourceName(text, sources));
    if (name === "" && !first) break;
    const chosen = name === "" ? "website" : name;
    const spool = await askUntil(invocation, ask, `Its spool folder [./spool/${chosen}]: `, (text) =>
      checkSpoolFolder(text === "" ? `./spool/${chosen}` : text, { sources, folder, home: invocation.io.home }),
    );
    sources.push({ name: chosen, spool });
  }
  return sources;
}

const namesOf = (found: CrmFound): string[] => found.pipelines.map(({ name }) => name);

async function askPipeline(invocation: Invocation, ask: Ask, found: CrmFound | null): Promise<string | null> {
  if (found === null || found.pipelines.length < 2) return null;
  const names = namesOf(found);
  return await askUntil(
    invocation,
    ask,
    `Pipeline of new deals that name none (${names.join(", ")}; empty: the CRM's own default): `,
    (text) => (text === "" ? null : pipelineNamed(text, names)),
  );
}

/** The pipeline as the CRM writes it. Throws `inputUnreadable` with the nearest one. */
export function pipelineNamed(text: string, names: readonly string[]): string {
  const same = names.find((name) => name.trim().toLowerCase() === text.trim().toLowerCase());
  if (same !== undefined) return same;
  const near = nearestName(text, names);
  const hint = near === null ? `There are ${names.join(", ")}.` : `Did you mean ${near}?`;
  throw refused(`The CRM has no pipeline ${JSON.stringify(text)}`, hint);
}
