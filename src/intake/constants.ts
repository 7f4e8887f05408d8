/** Texts that a map's expression can give whatever the record holds: what can be checked before there is a record. */

interface AstNode {
  type?: string;
  value?: unknown;
  then?: AstNode;
  else?: AstNode;
  expressions?: AstNode[];
}

/** How a map's value gets its content. */
export interface MapValue {
  /** Constant texts among its results. */
  constants: string[];
  /** Whether it can give something else too: a path, or an expression that computes. */
  open: boolean;
}

/** Looks at one value of a map: a path, or an expression after `=`. An expression that is none has no constants. */
export async function readMapValue(text: string): Promise<MapValue> {
  const trimmed = text.trim();
  if (!trimmed.startsWith("=")) return { constants: [], open: true };
  const { default: jsonata } = await import("jsonata");
  try {
    return resultsOf(jsonata(trimmed.slice(1)).ast() as AstNode);
  } catch {
    return { constants: [], open: true };
  }
}

/** Constants, both sides of a condition, the last part of a block, the members of a list. */
function resultsOf(node: AstNode): MapValue {
  if (node.type === "string" && typeof node.value === "string") return { constants: [node.value], open: false };
  if (node.type === "condition") return joined([node.then, node.else]);
  if (node.type === "block") return joined([node.expressions?.at(-1)]);
  if (node.type === "unary" && node.value === "[") return joined(node.expressions ?? []);
  return { constants: [], open: true };
}

/** What is not there gives nothing: a condition without an else. */
function joined(nodes: readonly (AstNode | undefined)[]): MapValue {
  const results = nodes.flatMap((node) => (node === undefined ? [] : [resultsOf(node)]));
  return { constants: results.flatMap(({ constants }) => constants), open: results.some(({ open }) => open) };
}
