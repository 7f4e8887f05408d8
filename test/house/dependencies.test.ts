import { describe, expect, test } from "vitest";
import { packageOf, readText, sourceFiles } from "../support/house-source.ts";
import { admits } from "../support/node-range.ts";

const NODE_MIN = "20.19.0";
const RUNTIME_MAX = 17;

interface Manifest {
  dependencies: Record<string, string>;
  peerDependencies: Record<string, string>;
  peerDependenciesMeta: Record<string, { optional?: boolean }>;
  devDependencies: Record<string, string>;
  engines: { node: string };
}

interface Locked {
  version?: string;
  dev?: boolean;
  optional?: boolean;
  devOptional?: boolean;
  engines?: { node?: string } | string[];
  optionalDependencies?: Record<string, string>;
}

const manifest = JSON.parse(readText("package.json")) as Manifest;
const locked = Object.entries(
  (JSON.parse(readText("package-lock.json")) as { packages: Record<string, Locked> }).packages,
);

describe("what a user installs", () => {
  test("runs on the oldest Node that we promise", () => {
    expect(admits(manifest.engines.node, NODE_MIN)).toBe(true);
    expect(admits(manifest.engines.node, "20.18.3")).toBe(false);
    const refusing = locked
      .filter(([path, entry]) => path !== "" && !entry.dev && !entry.devOptional)
      .filter(([, { engines }]) => {
        const range = Array.isArray(engines) ? undefined : engines?.node;
        return range !== undefined && !admits(range, NODE_MIN);
      });
    expect(refusing.map(([path, entry]) => `${path} ${entry.version} wants ${JSON.stringify(entry.engines)}`)).toEqual(
      [],
    );
  });

  test("is locked for every platform: `npm ci` refuses a lock that leaves out what another platform would take", () => {
    const paths = new Set(locked.map(([path]) => path));
    const missing = locked.flatMap(([, entry]) =>
      Object.keys(entry.optionalDependencies ?? {}).filter((name) => !paths.has(`node_modules/${name}`)),
    );
    expect(missing).toEqual([]);
  });

  test("is pinned to the version that was tested", () => {
    const loose = Object.entries(manifest.dependencies).filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version));
    expect(loose).toEqual([]);
  });

  test("has the SQLite driver that works on Node 20: later ones install there and then crash", () => {
    expect(manifest.dependencies["better-sqlite3"]).toBe("12.11.1");
  });

  test(`is at most ${RUNTIME_MAX} packages of our own choice`, () => {
    expect(Object.keys(manifest.dependencies).length).toBeLessThanOrEqual(RUNTIME_MAX);
  });

  test("is nothing that traces alone need: who wants them installs the SDK, and it is tested in the range that is admitted", () => {
    const optional = Object.keys(manifest.peerDependencies).filter((name) => name.startsWith("@opentelemetry/"));
    expect(optional).toEqual(Object.keys(manifest.peerDependencies));
    expect(optional.filter((name) => manifest.peerDependenciesMeta[name]?.optional !== true)).toEqual([]);
    const refused = optional.filter(
      (name) => !admits(manifest.peerDependencies[name]!, manifest.devDependencies[name]!),
    );
    expect(refused).toEqual([]);
  });

  test("is all that the program imports, and the program imports all of it", () => {
    const imported = new Set(
      sourceFiles("src")
        .flatMap((file) => file.imports)
        .filter((specifier) => !specifier.startsWith(".") && !specifier.startsWith("node:"))
        .map(packageOf),
    );
    const known = [...Object.keys(manifest.dependencies), ...Object.keys(manifest.peerDependencies)];
    expect([...imported].sort()).toEqual(known.sort());
  });
});

describe("the reading of version ranges", () => {
  test.each([
    [">=20.18.1", true],
    ["^20.19.0 || ^22.12.0 || >=24", true],
    ["20.x || 22.x", true],
    [">= 0.6", true],
    ["*", true],
    ["", true],
    ["18 - 20", true],
    ["~20.19", true],
    [">18", true],
    [">=22", false],
    ["^22.12.0 || >=24", false],
    [">20", false],
    ["<=20.18", false],
    ["^20.20", false],
    ["<20", false],
  ])("%s", (range, expected) => {
    expect(admits(range, NODE_MIN)).toBe(expected);
  });
});
