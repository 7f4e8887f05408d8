/** Url-encoded forms. Bracketed names nest: `fields[name]=Ada`, `topics[]=a&topics[]=b`. */
import { RECORD_DEPTH_MAX } from "./limits.ts";
import { treeValue, writePath } from "./path.ts";

/** The form as an object. A name that comes several times becomes a list. */
export function parseForm(text: string): Record<string, unknown> {
  const tree = new Map<string, unknown>();
  for (const [name, value] of new URLSearchParams(text.trim().replace(/\r?\n/g, "&"))) addFormValue(tree, name, value);
  return formValue(tree);
}

export function addFormValue(tree: Map<string, unknown>, name: string, value: unknown): void {
  const path = bracketPath(name);
  const list = path.at(-1) === "";
  const at = list ? path.slice(0, -1) : path;
  const known = at.reduce<unknown>((level, segment) => (level instanceof Map ? level.get(segment) : undefined), tree);
  if (known === undefined || known instanceof Map) writePath(tree, at, list ? [value] : value);
  else writePath(tree, at, Array.isArray(known) ? [...known, value] : [known, value]);
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
