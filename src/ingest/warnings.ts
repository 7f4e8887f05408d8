/** Talk for people, gathered over many records: each thing is said once, with how often and where first. */

/** Different things that are said at the most; the rest is counted. */
const SUBJECTS_MAX = 50;

export class Warnings {
  readonly #counted = new Map<
    string,
    { count: number; first: string; say: (count: number, first: string) => string }
  >();
  readonly #plain: string[] = [];
  #more = 0;

  /** Said once for each text. */
  say(text: string): void {
    if (this.#plain.includes(text)) return;
    if (this.#plain.length < SUBJECTS_MAX) this.#plain.push(text);
    else this.#more += 1;
  }

  /** Said once for each subject, with the number of times and the place of the first. */
  count(subject: string, place: string, say: (count: number, first: string) => string): void {
    const known = this.#counted.get(subject);
    if (known !== undefined) known.count += 1;
    else if (this.#counted.size < SUBJECTS_MAX) this.#counted.set(subject, { count: 1, first: place, say });
    else this.#more += 1;
  }

  /** All of them, but for subjects that are told elsewhere. */
  list(isToldElsewhere: (subject: string) => boolean = () => false): string[] {
    const kept = [...this.#counted].filter(([subject]) => !isToldElsewhere(subject));
    const counted = kept.map(([, one]) => one).map(({ count, first, say }) => say(count, first));
    return [...this.#plain, ...counted, ...(this.#more > 0 ? [`${this.#more} more warnings are not listed`] : [])];
  }
}

/** A file name for people and terminals: control characters are shown, not obeyed. */
export function shownName(name: string): string {
  return name.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, (char) => {
    if (char === "\n") return "\\n";
    if (char === "\t") return "\\t";
    if (char === "\r") return "\\r";
    return `\\u{${(char.codePointAt(0) as number).toString(16)}}`;
  });
}

/**
 * The name of a record's member for people. Of a file without a header a record gives the names: what looks like an address
 * or a number has no place in talk that logs keep.
 */
export function shownMember(name: string): string {
  return isNobodys(name) ? `\`${shownName(name)}\`` : "a member whose name looks like somebody's data";
}

/** Whether no e-mail address, long text or number stands there. */
export function isNobodys(name: string): boolean {
  return /^[^@]{1,60}$/.test(name) && !/\d{5}/.test(name);
}
