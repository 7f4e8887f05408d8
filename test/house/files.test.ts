import ts from "typescript";
import { describe, expect, test } from "vitest";
import { WORLD } from "../support/house-rules.ts";
import { filesBelow, parse, readText, type SourceFile, sourceFiles } from "../support/house-source.ts";

const FILE_LINES_MAX = 400;
const FUNCTION_LINES_MAX = 60;

const source = sourceFiles("src");
const tests = sourceFiles("test");

describe("files", () => {
  test("are short enough to be read at once", () => {
    const long = [...source, ...tests].filter((file) => file.lines > FILE_LINES_MAX);
    expect(long.map((file) => `${file.path}: ${file.lines} lines`)).toEqual([]);
  });

  test("hold functions that fit on a screen", () => {
    expect(source.flatMap(longFunctions)).toEqual([]);
  });

  test("are named after a job: no barrels, no drawers for odds and ends", () => {
    const vague = source.filter((file) => /\/(index|utils?|helpers?|common|types|misc|shared)\.ts$/.test(file.path));
    expect(vague.map((file) => file.path)).toEqual([]);
    const badly = [...source, ...tests].filter((file) => !/^[a-z0-9]+([-.][a-z0-9]+)*\.ts$/.test(nameOf(file)));
    expect(badly.map((file) => `${file.path} is not kebab-case`)).toEqual([]);
  });

  test("hand on nothing that they only import", () => {
    const handing = source.filter((file) => parse(file).statements.some((node) => isReExport(node)));
    expect(handing.map((file) => `${file.path} re-exports: import from where it is made`)).toEqual([]);
  });

  test("leave the world to whoever is handed it in", () => {
    const broken = source.flatMap((file) =>
      worldly(file).flatMap(({ what, line }) => {
        const rule = WORLD.find((candidate) => candidate.what === what)!;
        if (rule.folders.some((folder) => file.path.startsWith(folder))) return [];
        return [`${file.path}:${line} uses ${what}: ${rule.why}`];
      }),
    );
    expect(broken).toEqual([]);
  });

  test("promise nothing for later", () => {
    const marks = new RegExp(["TO", "DO|FIX", "ME|XX", "X\\b"].join(""));
    const unfinished = [...source, ...tests].filter((file) => marks.test(file.text));
    expect(unfinished.map((file) => file.path)).toEqual([]);
  });
});

describe("what is kept in the repository", () => {
  const texts = ["src", "test", "docs", "bin", "fixtures", ".ci"]
    .flatMap((folder) => filesBelow(folder))
    .concat(["README.md", "CHANGELOG.md", "package.json", "package-lock.json", "biome.json", "tsconfig.json"])
    .map((path) => ({ path, text: readText(path) }));

  test("names no machine's folders and no registry's host", () => {
    // Put together here, so that this file does not name them either.
    const folders = ["wo" + "rk/(main|shared)", "ro" + "ot/", "tm" + "p/"];
    const hosts = ["registry\\." + "npmjs", "registry\\." + "yarnpkg", "np" + "mmirror", "artif" + "actory"];
    const machine = new RegExp(`(^|[\\s"'\`(=])/(${folders.join("|")})|${hosts.join("|")}`, "m");
    expect(texts.filter(({ text }) => machine.test(text)).map(({ path }) => path)).toEqual([]);
  });

  test("holds no secret that looks like a live one", () => {
    // Pipedrive's tokens are 40 hexadecimal digits; those of tests are all one digit, or count up.
    const token = /(?<![0-9a-fA-F])(?=[0-9a-f]*[a-f])(?=[0-9a-f]*[0-9])[0-9a-f]{40}(?![0-9a-fA-F])/g;
    const suspects = texts
      .filter(({ path }) => path !== "package-lock.json")
      .flatMap(({ path, text }) =>
        [...text.matchAll(token)].filter(([match]) => new Set(match).size > 10).map(([match]) => `${path}: ${match}`),
      );
    expect(suspects).toEqual([]);
  });
});

function nameOf(file: SourceFile): string {
  return file.path.slice(file.path.lastIndexOf("/") + 1);
}

function isReExport(node: ts.Statement): boolean {
  return ts.isExportDeclaration(node) && node.moduleSpecifier !== undefined;
}

function longFunctions(file: SourceFile): string[] {
  const tree = parse(file);
  const long: string[] = [];
  const visit = (node: ts.Node) => {
    if (ts.isFunctionLike(node) && "body" in node && node.body) {
      const first = tree.getLineAndCharacterOfPosition(node.getStart()).line;
      const last = tree.getLineAndCharacterOfPosition(node.getEnd()).line;
      if (last - first + 1 > FUNCTION_LINES_MAX) long.push(`${file.path}:${first + 1}: ${last - first + 1} lines`);
    }
    ts.forEachChild(node, visit);
  };
  visit(tree);
  return long;
}

/** Uses of globals that reach out of the program. A member or a parameter of the same name is not one. */
function worldly(file: SourceFile): { what: string; line: number }[] {
  const tree = parse(file);
  const found: { what: string; line: number }[] = [];
  const add = (node: ts.Node, what: string) =>
    found.push({ what, line: tree.getLineAndCharacterOfPosition(node.getStart()).line + 1 });
  const visit = (node: ts.Node) => {
    if (ts.isNewExpression(node) && node.expression.getText() === "Date" && !node.arguments?.length) {
      add(node, "new Date()");
    }
    if (ts.isPropertyAccessExpression(node)) {
      const text = node.getText().replace(/\?\./g, ".");
      if (text === "Date.now" || text === "Math.random" || text === "performance.now") add(node, text);
      if (ts.isIdentifier(node.expression) && /^(process|console)$/.test(node.expression.text)) {
        add(node, node.expression.text);
      }
    }
    if (ts.isCallExpression(node) && ts.isIdentifier(node.expression)) {
      const name = node.expression.text;
      if (/^(setTimeout|setInterval|fetch)$/.test(name) && !isDeclared(tree, name)) add(node, name);
    }
    ts.forEachChild(node, visit);
  };
  visit(tree);
  return found;
}

function isDeclared(tree: ts.SourceFile, name: string): boolean {
  return new RegExp(`(function|const|let|import[^;]*)\\s+\\{?[^;\\n]*\\b${name}\\b`).test(tree.text);
}
