import { type Document, isPair, isScalar, visit } from "yaml";
import type { Path, Problem } from "./problem.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/** Keys whose values are expressions: a `${` there may be JSONata's. */
const EXPRESSIONS = new Set(["map", "where", "records"]);

/**
 * Replaces `${NAME}` in every value of the document by the environment variable; `$${NAME}` stays as `${NAME}`. Gives the
 * problems found, and the paths whose value came from the environment as a whole (so is no secret written in the file).
 */
export function expandEnvironment(
  document: Document,
  env: Environment,
): { problems: Problem[]; fromEnvironment: Set<string> } {
  const problems: Problem[] = [];
  const fromEnvironment = new Set<string>();
  visit(document, {
    Scalar(key, node, ancestors) {
      if (key === "key" || typeof node.value !== "string" || !node.value.includes("${")) return;
      const path = pathOf(document, ancestors as unknown[], key);
      const whole = /^\$\{[A-Za-z_][A-Za-z0-9_]*\}$/.test(node.value.trim());
      node.value = expand(
        node.value,
        env,
        (message) => problems.push({ path, message, at: "value" }),
        isExpression(path),
      );
      if (whole) fromEnvironment.add(JSON.stringify(path));
    },
  });
  return { problems, fromEnvironment };
}

function isExpression(path: Path): boolean {
  return path[0] === "sources" && EXPRESSIONS.has(String(path[2]));
}

function expand(text: string, env: Environment, complain: (message: string) => void, expression: boolean): string {
  return text.replace(/(\$?)\$\{([^}]*)\}/g, (written, doubled: string, name: string) => {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
      if (!expression) complain(`has \${${name}}, which is no name of an environment variable`);
      return written;
    }
    if (doubled !== "") return `\${${name}}`;
    const value = env[name];
    if (value === undefined || value === "") {
      complain(`needs the environment variable ${name}, which is ${value === undefined ? "not set" : "empty"}`);
      return "";
    }
    return value;
  });
}

function pathOf(
  document: Document,
  ancestors: readonly unknown[],
  last: number | "key" | "value" | null,
): (string | number)[] {
  const path: (string | number)[] = [];
  for (const [index, ancestor] of ancestors.entries()) {
    if (ancestor === document) continue;
    const item = ancestor as { key?: unknown; items?: unknown[] };
    if (isScalar(item.key)) path.push(String(item.key.value));
    else if (Array.isArray(item.items)) {
      const next = ancestors[index + 1];
      if (isPair(next)) continue;
      const position = next === undefined ? last : item.items.indexOf(next);
      const child = next ?? (typeof last === "number" ? item.items[last] : undefined);
      if (typeof position === "number" && position >= 0 && !(child as { key?: unknown } | undefined)?.key)
        path.push(position);
    }
  }
  return path;
}
