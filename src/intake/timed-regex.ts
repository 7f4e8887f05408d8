/**
 * Regular expressions of maps over texts of strangers. Some of them need years for thirty letters that were made for it, and
 * nothing else runs meanwhile; so each that is not plainly quick runs under a deadline, which Node's `vm` keeps in the midst
 * of a search, too.
 */
import { type Context, createContext, Script } from "node:vm";

/** A regular expression over a form's longest message needs microseconds. */
const DEADLINE_MS = 200;
/** Where others had the processor meanwhile, or the machine slept, the first deadline tells nothing of the expression. */
const PATIENT_MS = 2_000;
/** So often nothing is found in that time either; then it is the texts, and none keeps the others waiting so long any more. */
const PATIENCE = 10;
/** One quantifier, of a sign and not of a group, squares the letters at worst. */
const PLAIN_TEXT = 2_000;
/** A call under a deadline costs as much as hundreds of plain ones: this many are looked for at a time. */
const MATCHES_AT_ONCE = 64;
const TIMED_OUT = "ERR_SCRIPT_EXECUTION_TIMEOUT";

interface Found {
  match: RegExpExecArray | null;
  lastIndex: number;
}

/** What JSONata needs of a regular expression. */
export interface RegexEngine {
  lastIndex: number;
  exec(text: string): RegExpExecArray | null;
}

/**
 * A class for JSONata's `RegexEngine`. Its `exec` throws where a search takes longer than the deadline, and, a few times for all
 * that it makes, much longer: a busy machine must read what an idle one does.
 */
export function timedRegex(deadlineMs: number = DEADLINE_MS, patience = PATIENCE): new (regex: RegExp) => RegexEngine {
  const search = timedSearch(deadlineMs, patience);
  return class TimedRegex implements RegexEngine {
    lastIndex = 0;
    readonly #regex: RegExp;
    readonly #quickUpTo: number;
    #text = "";
    #ahead: Found[] = [];
    /** From where the first of those ahead was searched. */
    #from = -1;

    constructor(regex: RegExp) {
      this.#regex = new RegExp(regex);
      this.#quickUpTo = quickUpTo(regex.source);
    }

    exec(text: string): RegExpExecArray | null {
      if (text.length <= this.#quickUpTo) {
        this.#regex.lastIndex = this.lastIndex;
        const match = this.#regex.exec(text);
        this.lastIndex = this.#regex.lastIndex;
        return match;
      }
      if (this.#ahead.length === 0 || text !== this.#text || this.lastIndex !== this.#from) {
        this.#text = text;
        this.#ahead = search(this.#regex, text, this.lastIndex);
      }
      const { match, lastIndex } = this.#ahead.shift()!;
      this.lastIndex = lastIndex;
      this.#from = lastIndex;
      return match;
    }
  };
}

/** How long a text may be that the expression is through with at once, whatever is in it; -1: none. */
function quickUpTo(source: string): number {
  if (/\\[1-9k]/.test(source)) return -1;
  const signs = source.replace(/\\./gs, "e");
  const quantifiers = signs.match(/[*+{?]/g)?.length ?? 0;
  if (quantifiers === 0) return Number.POSITIVE_INFINITY;
  return quantifiers === 1 && !/\)[*+{?]/.test(signs) ? PLAIN_TEXT : -1;
}

const SEARCH = `(() => {
  regex.lastIndex = from;
  const found = [];
  do {
    const match = regex.exec(text);
    found.push({ match, lastIndex: regex.lastIndex });
    if (match === null || match[0] === "") break;
  } while (regex.global && found.length < most);
  return found;
})()`;

type Search = (regex: RegExp, text: string, from: number) => Found[];

function timedSearch(deadlineMs: number, patience: number): Search {
  let place: { context: Context; script: Script } | null = null;
  const within = (timeout: number, regex: RegExp, text: string, from: number): Found[] | null => {
    place ??= { context: createContext({ most: MATCHES_AT_ONCE }), script: new Script(SEARCH) };
    Object.assign(place.context, { regex, text, from });
    try {
      return place.script.runInContext(place.context, { timeout }) as Found[];
    } catch (error) {
      if ((error as { code?: unknown }).code !== TIMED_OUT) throw error;
      return null;
    } finally {
      Object.assign(place.context, { regex: null, text: "" });
    }
  };
  let patienceLeft = patience;
  return (regex, text, from) => {
    const quick = within(deadlineMs, regex, text, from);
    if (quick !== null) return quick;
    const found = patienceLeft > 0 ? within(PATIENT_MS, regex, text, from) : null;
    if (found !== null) return found;
    const ms = patienceLeft > 0 ? PATIENT_MS : deadlineMs;
    patienceLeft = Math.max(0, patienceLeft - 1);
    throw new Error(`the regular expression /${regex.source}/ takes longer than ${ms} ms over this text`);
  };
}
