/** Where a text stops being JSON. JSON.parse tells it in some versions of Node and for some mistakes only. */

const TOKEN =
  /\s*(?:([{}[\],:])|("(?:[^"\\\p{Cc}]|\\(?:["\\/bfnrt]|u[\da-fA-F]{4}))*")|(-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null))/uy;

/** What may come next. */
type Expected = "value" | "valueOrEnd" | "name" | "nameOrEnd" | "colon" | "commaOrEnd" | "nothing";

/** Index of the first token that JSON does not allow there; the text's length where it only ends too early. */
export function jsonErrorPosition(text: string): number {
  const open: string[] = [];
  let expected: Expected = "value";
  for (let at = 0; ; ) {
    TOKEN.lastIndex = at;
    const match = TOKEN.exec(text);
    const start = at + (/^\s*/.exec(text.slice(at, at + 1000))?.[0].length ?? 0);
    if (match === null) return start;
    const next = follow(expected, match[1], match[2] !== undefined, open);
    if (next === null) return start;
    expected = next;
    at = TOKEN.lastIndex;
  }
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
