/** Url-encoded forms. Bracketed names nest: `fields[name]=Ada`, `topics[]=a&topics[]=b`. */
import { utf8Or1252 } from "./decoding.ts";
import { RECORD_DEPTH_MAX } from "./limits.ts";
import { treeValue, writePath } from "./path.ts";

const ENCODED_BYTES = /(?:%[0-9a-f]{2})+/gi;

export interface ReadForm {
  value: Record<string, unknown>;
  /** Encoded bytes were no UTF-8 and were taken for Windows-1252, as a page in it sends them. */
  guessed: boolean;
}

/** The form as an object. A name that comes several times becomes a list. */
export function readForm(text: string): ReadForm {
  const tree = new Map<string, unknown>();
  let guessed = false;
  const inUtf8 = (encoded: string): string => {
    const read = utf8Or1252(Buffer.from(encoded.replaceAll("%", ""), "hex"));
    if (!read.guessed) return encoded;
    guessed = true;
    return encodeURIComponent(read.text);
  };
  const pairs = text.trim().replace(/\r?\n/g, "&").replace(ENCODED_BYTES, inUtf8);
  for (const [name, value] of new URLSearchParams(pairs)) addFormValue(tree, name, value);
  return { value: formValue(tree), guessed };
}

export function addFormValue(tree: Map<string, unknown>, name: string, value: unknown): void {
  const path = bracketPath(name);
  const list = path.at(-1) === "";
  const at = list ? path.slice(0, -1) : path;
  const known = at.reduce<unknown>((level, segment) => (level instanceof Map ? level.get(segment) : undefined), tree);
  if (known === undefined || known instanceof Map) writePath(tree, at, list ? [value] : value);
  else if (Array.isArray(known)) known.push(value);
  else writePath(tree, at, [known, value]);
}

export function formValue(tree: Map<string, unknown>): Record<string, unknown> {
  return Object.fromEntries([...tree].map(([name, value]) => [name, treeValue(value, () => true)]));
}

function bracketPath(name: string): string[] {
  const match = /^([^[\]]+)((?:\[[^[\]]*\])+)$/.exec(name);
  if (match === null) return [name];
  const inner = [...(match[2] as string).matchAll(/\[([^[\]]*)\]/g)].map((found) => found[1] as string);
  const path = [match[1] as string, ...inner];
  return path.length > RECORD_DEPTH_MAX || path.slice(0, -1).includes("") ? [name] : path;
}
