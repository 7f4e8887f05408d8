/** Transactions of parts: done as a whole first, and again part by part where one of them has to be taken back. */
import Database from "better-sqlite3";
import { beforeEach, describe, expect, test } from "vitest";
import { createStore, isPartFailed, type Store } from "../../src/ledger/sqlite/store.ts";

let store: Store;
let asked: string[];

beforeEach(() => {
  asked = [];
  const db = new Database(":memory:", { verbose: (sql) => asked.push(String(sql)) });
  db.exec("CREATE TABLE parts (name TEXT PRIMARY KEY) STRICT");
  store = createStore(db, ":memory:");
  asked = [];
});

const put = (name: string) => void store.run("INSERT INTO parts (name) VALUES (?)", name);
const names = () => store.all<{ name: string }>("SELECT name FROM parts ORDER BY name").map(({ name }) => name);
const savepoints = () => asked.filter((sql) => sql.startsWith("SAVEPOINT")).length;

/** A part that puts a row and is kept or not. */
const part = (name: string, kept: boolean) =>
  store.attempt(() => {
    put(name);
    return kept;
  });

describe("a write that may be done twice", () => {
  test("whose parts all succeed is done once, without a savepoint", () => {
    const kept = store.writeTwice(() => [part("a", true), part("b", true)]);
    expect([kept, names(), savepoints()]).toEqual([[true, true], ["a", "b"], 0]);
  });

  test("of which one part is given up keeps the others, and what was done before it", () => {
    const kept = store.writeTwice(() => {
      put("first");
      return [part("a", true), part("b", false), part("c", true)];
    });
    expect([kept, names()]).toEqual([
      [true, false, true],
      ["a", "c", "first"],
    ]);
  });

  test("of which one write fails keeps the others, and tells of that one's own failure", () => {
    put("taken");
    const results = store.writeTwice(() =>
      ["a", "taken", "b"].map((name) => {
        try {
          return store.write(() => put(name));
        } catch (error) {
          if (isPartFailed(error)) throw error;
          return (error as { code: string }).code;
        }
      }),
    );
    expect(results).toEqual([undefined, "SQLITE_CONSTRAINT_PRIMARYKEY", undefined]);
    expect(names()).toEqual(["a", "b", "taken"]);
  });

  test("whose own work fails is taken back, told, and not done again", () => {
    let times = 0;
    const fail = () => {
      times += 1;
      put("a");
      throw new Error("no");
    };
    expect(() => store.writeTwice(fail)).toThrow("no");
    expect([times, names()]).toEqual([1, []]);
    expect(store.write(() => part("b", false))).toBe(false);
    expect(names()).toEqual([]);
  });
});

describe("a write that does not wait for the disk", () => {
  const level = (): unknown => store.db.pragma("synchronous", { simple: true });

  test("is the only one: those before and behind it wait, also where it fails", () => {
    const seen: unknown[] = [];
    store.write(() => seen.push(level()));
    store.writeUnsynced(() => seen.push(level(), put("a")));
    store.write(() => seen.push(level()));
    expect(() =>
      store.writeUnsynced(() => {
        put("b");
        throw new Error("no");
      }),
    ).toThrow("no");
    store.write(() => seen.push(level()));
    expect([seen.filter((one) => one !== undefined), names()]).toEqual([[2, 1, 2, 2], ["a"]]);
  });

  test("waits where it is a part of one that does", () => {
    const seen = store.write(() => store.writeUnsynced(level));
    expect(seen).toBe(2);
  });
});
