/** Where a text stops being JSON. JSON.parse tells it in some versions of Node and for some mistakes only. */

const BLANKS = /\s*/y;
const TOKEN = /([{}[\],:])|(-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)/y;
/** A piece of a string: bounded, because a pattern that repeats choices uses up the stack on a string of some megabytes. */
const STRING_PIECE = /[^"\\\p{Cc}]{1,4096}|\\(?:["\\/bfnrt]|u[\da-fA-F]{4})/uy;

/** What may come next. */
type Expected = "value" | "valueOrEnd" | "name" | "nameOrEnd" | "colon" | "commaOrEnd" | "nothing";

/** Index of the first token that JSON does not allow there; the text's length where it only ends too early. */
export function jsonErrorPosition(text: string): number {
  const open: string[] = [];
  let expected: Expected = "value";
  for (let at = 0; ; ) {
    const start = endOf(BLANKS, text, at) ?? at;
    const isText = text[start] === '"';
    TOKEN.lastIndex = start;
    const match = isText ? null : TOKEN.exec(text);
    const end = isText ? stringEnd(text, start) : match === null ? null : TOKEN.lastIndex;
    const next: Expected | null = end === null ? null : follow(expected, match?.[1], isText, open);
    if (end === null || next === null) return start;
    expected = next;
    at = end;
  }
}

/** Index behind what a sticky pattern finds at a place; null where it finds nothing. */
function endOf(pattern: RegExp, text: string, at: number): number | null {
  pattern.lastIndex = at;
  return pattern.test(text) ? pattern.lastIndex : null;
}

/** Index behind a string's last quote; null where JSON does not allow the string. */
function stringEnd(text: string, start: number): number | null {
  let at: number | null = start + 1;
  while (at !== null && text[at] !== '"') at = endOf(STRING_PIECE, text, at);
  return at === null ? null : at + 1;
}

/** What may come after this token; null where the token may not be there. */
function follow(expected: Expected, mark: string | undefined, isText: boolean, open: string[]): Expected | null {
  const after = (): Expected => (open.length === 0 ? "nothing" : "commaOrEnd");
  const takesValue = expected === "value" || expected === "valueOrEnd";
  const takesName = expected === "name" || expected === "nameOrEnd";
  if (mark === undefined) return takesValue ? after() : takesName && isText ? "colon" : null;
  if (mark === "{" || mark === "[") {
    if (!takesValue) return null;
    open.push(mark);
    return mark === "{" ? "nameOrEnd" : "valueOrEnd";
  }
  if (mark === ":") return expected === "colon" ? "value" : null;
  const inside = open.at(-1);
  if (mark === ",") return expected !== "commaOrEnd" ? null : inside === "{" ? "name" : "value";
  const closes =
    mark === "}" ? inside === "{" && expected !== "valueOrEnd" : inside === "[" && expected !== "nameOrEnd";
  if (!closes || !["commaOrEnd", "nameOrEnd", "valueOrEnd"].includes(expected)) return null;
  open.pop();
  return after();
}
