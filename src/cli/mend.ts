import type { Config } from "../config/config.ts";
import { CrmledgerError } from "../domain/errors.ts";
import type { Replacement } from "../ledger/replaced.ts";
import type { Invocation } from "./command.ts";
import { fileToEdit } from "./editor.ts";
import { canAsk, openQuestions } from "./questions.ts";
import { openMapping } from "./todays-map.ts";

/** A kept record that is to be mended. */
export interface Mendable {
  source: string;
  key: string;
  raw: string;
}

type Mended = { type: "unchanged" } | { type: "mended"; replacement: Replacement } | { type: "wrong"; reason: string };

/**
 * Lets a person edit a record as it came, and gives what today's map makes of it to `take`; false where nothing was changed.
 * A wrong edit can be edited again at a terminal. Whatever stops it, a changed text stays in its file, which the error
 * names. Rejects with `inputUnreadable` for a wrong edit, `configInvalid` where the config has no such source any more.
 */
export async function mend(
  config: Config,
  record: Mendable,
  { io, talk }: Pick<Invocation, "io" | "talk">,
  take: (replacement: Replacement) => Promise<void>,
): Promise<boolean> {
  const judge = await judgeOf(config, record);
  const file = fileToEdit(prettyJson(record.raw), io);
  try {
    for (;;) {
      const mended = await judge(file.edit());
      if (mended.type !== "wrong") {
        if (mended.type === "mended") await take(mended.replacement);
        file.remove();
        return mended.type === "mended";
      }
      const refusal = `The edited record can't be taken: ${mended.reason}`;
      const asks = canAsk(io);
      if (asks) {
        // Told before the question: Ctrl-C there leaves at once.
        talk.error(refusal, keptHint(file.path));
        if (await wantsToGoOn(io)) continue;
      }
      throw new CrmledgerError("inputUnreadable", asks ? "The edit was given up" : refusal);
    }
  } catch (error) {
    if (file.changed() && error instanceof CrmledgerError) throw keptIn(file.path, error);
    if (!file.changed()) file.remove();
    throw error;
  }
}

function keptIn(path: string, error: CrmledgerError): CrmledgerError {
  const { code, message, hint, details } = error;
  const first = hint ?? "Nothing was changed.";
  return new CrmledgerError(code, message, { hint: `${first} ${keptHint(path)}`, details, cause: error });
}

const keptHint = (path: string): string =>
  `Your edit is kept in ${path}; it holds personal data, so remove it when done.`;

async function wantsToGoOn(io: Invocation["io"]): Promise<boolean> {
  const { ask, close } = openQuestions(io);
  try {
    return !/^n/i.test(await ask("Edit it again? [Y/n]: "));
  } finally {
    close();
  }
}

async function judgeOf(config: Config, before: Mendable): Promise<(text: string) => Promise<Mended>> {
  const [{ parseJson, jsonText }, { isFlat }] = await Promise.all([
    import("../intake/json-text.ts"),
    import("../intake/mapping.ts"),
  ]);
  const mapping = await openMapping(config, before.source);
  const old = parseJson(before.raw);
  const flat = old.ok && isFlat(old.value);
  return async (text) => {
    const parsed = parseJson(text);
    if (!parsed.ok) return { type: "wrong", reason: `it is ${parsed.reason}` };
    const record = flat ? asRow(parsed.value) : parsed.value;
    const raw = jsonText(record);
    if (old.ok && raw === jsonText(old.value)) return { type: "unchanged" };
    const mapped = await mapping.map(record, isFlat(record));
    if (mapped.type === "skipped") return { type: "wrong", reason: "the source's `where` leaves it out" };
    if (mapped.type === "reject") return { type: "wrong", reason: mapped.reason };
    return { type: "mended", replacement: { content: mapped.content, identityKeys: mapped.identityKeys, raw } };
  };
}

/** A row of a CSV holds texts only; a number that somebody types in is one too. */
function asRow(value: unknown): unknown {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return value;
  const scalar = (member: unknown) => (typeof member === "object" || member === undefined ? member : String(member));
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, scalar(member)]));
}

/** Indented, unless it holds numbers that JSON.parse would round. */
function prettyJson(raw: string): string {
  try {
    return `${/\d{16,}/.test(raw) ? raw : JSON.stringify(JSON.parse(raw), null, 2)}\n`;
  } catch {
    return `${raw}\n`;
  }
}
