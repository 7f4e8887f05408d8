import { describe, expect, test } from "vitest";
import { NODE_OWNERS, PACKAGE_OWNERS, ROOMS } from "../support/house-rules.ts";
import { packageOf, resolveImport, type SourceFile, sourceFiles } from "../support/house-source.ts";

const files = sourceFiles("src");
const known = new Set(files.map((file) => file.path));

const roomOf = (path: string): string => path.split("/")[1] ?? "";

function eachImport(visit: (file: SourceFile, specifier: string, target: string | null) => string | null): string[] {
  return files.flatMap((file) =>
    file.imports
      .map((specifier) => visit(file, specifier, resolveImport(file.path, specifier)))
      .filter((problem) => problem !== null),
  );
}

describe("rooms", () => {
  test("every folder of src is a room of the house", () => {
    expect([...new Set(files.map((file) => roomOf(file.path)))].filter((room) => !ROOMS[room])).toEqual([]);
  });

  test("import only what the house allows, types included", () => {
    const broken = eachImport((file, _specifier, target) => {
      if (target === null || roomOf(target) === roomOf(file.path)) return null;
      const room = ROOMS[roomOf(file.path)]!;
      const wanted = target.slice("src/".length);
      const allowed = room.may.some((may) => may === "*" || may === wanted || wanted.startsWith(`${may}/`));
      return allowed ? null : `${file.path} imports ${target}: ${room.why}`;
    });
    expect(broken).toEqual([]);
  });

  test("import downwards only, never sideways", () => {
    const broken = eachImport((file, _specifier, target) => {
      if (target === null || roomOf(target) === roomOf(file.path)) return null;
      const from = ROOMS[roomOf(file.path)]!.level;
      const to = ROOMS[roomOf(target)]?.level ?? 99;
      return to < from ? null : `${file.path} (level ${from}) imports ${target} (level ${to})`;
    });
    expect(broken).toEqual([]);
  });

  test("engines and vendors never meet their likes, and a contract knows none of them", () => {
    const broken = eachImport((file, _specifier, target) => {
      const [, room, folder] = file.path.split("/");
      if (target === null || (room !== "ledger" && room !== "crm") || roomOf(target) !== room) return null;
      const theirs = target.split("/").length > 3 ? target.split("/")[2] : null;
      const ours = file.path.split("/").length > 3 ? folder : null;
      const registry = file.path === "src/crm/registry.ts" || file.path === "src/crm/vendors.ts";
      const fine = theirs === null || theirs === ours || registry;
      return fine ? null : `${file.path} imports ${target}: ${ours ?? "the contract"} must not know ${theirs}`;
    });
    expect(broken).toEqual([]);
  });

  test("every relative import names a file that is there, with its ending", () => {
    const broken = eachImport((file, specifier, target) =>
      target === null || known.has(target) ? null : `${file.path} imports ${specifier}, which is not there`,
    );
    expect(broken).toEqual([]);
  });

  test("have no cycles, types included: a knot can't be understood from any of its ends", () => {
    expect(cycles()).toEqual([]);
  });
});

/** Each group of files that import each other in a circle. */
function cycles(): string[][] {
  const edges = new Map(
    files.map((file) => [
      file.path,
      file.imports.map((specifier) => resolveImport(file.path, specifier)).filter((path) => path !== null),
    ]),
  );
  const found: string[][] = [];
  const done = new Set<string>();
  const walk = (path: string, trail: string[]) => {
    if (trail.includes(path)) {
      found.push([...trail.slice(trail.indexOf(path)), path]);
      return;
    }
    if (done.has(path)) return;
    for (const next of edges.get(path) ?? []) walk(next, [...trail, path]);
    done.add(path);
  };
  for (const path of edges.keys()) walk(path, []);
  return found;
}

describe("packages", () => {
  test("are known only to the rooms that own them", () => {
    const broken = eachImport((file, specifier, target) => {
      const owner = target === null ? PACKAGE_OWNERS[packageOf(specifier)] : undefined;
      if (!owner || owner.folders.some((folder) => file.path.startsWith(folder))) return null;
      return `${file.path} imports ${specifier}, which belongs to ${owner.folders.join(" and ")}: ${owner.why}`;
    });
    expect(broken).toEqual([]);
  });

  test("of Node that touch the world are used only where the house lets them", () => {
    const broken = eachImport((file, specifier, target) => {
      const folders = target === null ? NODE_OWNERS[packageOf(specifier)] : undefined;
      if (!folders || folders.some((folder) => file.path.startsWith(folder))) return null;
      return `${file.path} imports ${specifier}: what touches the world is handed in (allowed: ${folders.join(", ") || "nowhere"})`;
    });
    expect(broken).toEqual([]);
  });

  test("domain needs none but Node's own hash", () => {
    const broken = eachImport((file, specifier, target) =>
      target === null && roomOf(file.path) === "domain" && specifier !== "node:crypto"
        ? `${file.path} imports ${specifier}`
        : null,
    );
    expect(broken).toEqual([]);
  });
});
