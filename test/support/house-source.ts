/** The project's own files, read once for the house tests, with what they import. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, posix, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";

export const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
/** What is built, installed, or kept by git is not ours to judge. */
const SKIPPED = new Set(["node_modules", "dist", "coverage", ".git"]);

export interface SourceFile {
  /** With `/`, from the project's root. */
  path: string;
  text: string;
  lines: number;
  /** Module specifiers as written: static, dynamic, type-only and re-exports. */
  imports: string[];
}

/** Every file below `folder`, as paths from the project's root. */
export function filesBelow(folder: string): string[] {
  const found: string[] = [];
  for (const name of readdirSync(join(ROOT, folder)).sort()) {
    if (SKIPPED.has(name)) continue;
    const path = posix.join(folder.split(sep).join("/"), name);
    if (statSync(join(ROOT, path)).isDirectory()) found.push(...filesBelow(path));
    else found.push(path);
  }
  return found;
}

export function readText(path: string): string {
  return readFileSync(join(ROOT, path), "utf8");
}

export function sourceFiles(folder: string): SourceFile[] {
  return filesBelow(folder)
    .filter((path) => path.endsWith(".ts"))
    .map((path) => {
      const text = readText(path);
      const imports = ts.preProcessFile(text, true, true).importedFiles.map((file) => file.fileName);
      return { path, text, lines: text.trimEnd().split("\n").length, imports };
    });
}

/** The file of the project that a specifier names, from the project's root; null for a package. */
export function resolveImport(from: string, specifier: string): string | null {
  if (!specifier.startsWith(".")) return null;
  return relative(".", posix.normalize(posix.join(posix.dirname(from), specifier)))
    .split(sep)
    .join("/");
}

/** The package of a specifier: `@scope/name`, `name`, or `node:name`. */
export function packageOf(specifier: string): string {
  return specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
}

export function parse(file: SourceFile): ts.SourceFile {
  return ts.createSourceFile(file.path, file.text, ts.ScriptTarget.Latest, true);
}
