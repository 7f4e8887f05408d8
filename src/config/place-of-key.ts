import { isMap, isPair, isScalar, LineCounter, type Node, parseDocument } from "yaml";

/**
 * Where a dotted key such as `sources.website.map.person.email` stands in the text of a config, counted from 1; null where
 * it is not there. Keys may hold dots themselves, so at each level every key that the rest begins with is tried.
 */
export function placeOfKey(text: string, dotted: string): { line: number; col: number } | null {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: false, prettyErrors: false, version: "1.2" });
  const offset = offsetOf(document.contents, dotted);
  return offset === null ? null : lines.linePos(offset);
}

function offsetOf(node: Node | null, rest: string): number | null {
  if (!isMap(node)) return null;
  for (const item of node.items) {
    if (!isPair(item) || !isScalar(item.key)) continue;
    const name = String(item.key.value);
    if (rest === name) return item.key.range?.[0] ?? null;
    const inner = rest.startsWith(`${name}.`) ? offsetOf(item.value as Node | null, rest.slice(name.length + 1)) : null;
    if (inner !== null) return inner;
  }
  return null;
}
