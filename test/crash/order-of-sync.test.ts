/**
 * What is durable when, by the system calls of a real run: a power loss at the instant when a write's first byte leaves must
 * leave its intent on the disk, and one at the instant when a spool's file is moved must leave its records there.
 */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import Database from "better-sqlite3";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type CliWorld, createCliWorld, lead } from "../support/cli-world.ts";
import { type DiskEvent, type Traced, TracedDisk, traced, untraceable } from "../support/disk-trace.ts";
import { ROOT } from "../support/house-source.ts";
import { randomOf } from "../support/soak-world.ts";

const why = untraceable();
const TSX = pathToFileURL(join(ROOT, "node_modules/tsx/dist/esm/index.mjs")).href;
const MAIN = pathToFileURL(join(ROOT, "src/cli/main.ts")).href;
const FROM_SOURCE = `import(${JSON.stringify(MAIN)}).then(async (m) => { process.exitCode = await m.main(process.argv.slice(1)); })`;
const PROGRAMS: Record<string, string[]> = {
  source: [process.execPath, "--import", TSX, "-e", FROM_SOURCE, "--"],
  ...(existsSync(join(ROOT, "dist/cli/main.js")) && { built: [process.execPath, join(ROOT, "bin/crmledger.js")] }),
};
const TIMEOUT_MS = 240_000;

let world: CliWorld;
beforeEach(async () => {
  world = await createCliWorld({ roundTripMs: 5 });
  world.config();
});
afterEach(() => world.close());

/** Runs the program; the disk as it was before it. */
async function run(program: string, ...args: string[]): Promise<Traced & { disk: TracedDisk }> {
  const paths = ["", "-wal"].map((suffix) => world.path(`crmledger.db${suffix}`)).filter((path) => existsSync(path));
  const files = Object.fromEntries(paths.map((path) => [path, readFileSync(path)]));
  const { PATH, TMPDIR } = process.env;
  const options = { cwd: world.folder, env: { HOME: world.folder, PATH, TMPDIR }, file: world.path("trace") };
  const ran = await traced([...PROGRAMS[program]!, ...args], options);
  return { ...ran, disk: new TracedDisk(files) };
}

/** Opens the ledger as a power loss would leave it now. */
function afterPowerLoss<T>(disk: TracedDisk, survives: () => boolean, look: (ledger: Database.Database) => T): T {
  const folder = world.path("after");
  mkdirSync(folder);
  try {
    for (const suffix of ["", "-wal"]) {
      writeFileSync(join(folder, `ledger.db${suffix}`), disk.after(`${world.path("crmledger.db")}${suffix}`, survives));
    }
    const ledger = new Database(join(folder, "ledger.db"));
    try {
      expect(ledger.pragma("quick_check", { simple: true })).toBe("ok");
      return look(ledger);
    } finally {
      ledger.close();
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const BEGUN = `SELECT s.entity FROM steps s JOIN submissions u ON u.id = s.submission_id
  WHERE s.state = 'begun' AND s.entity = ? AND (u.key = ? OR s.crm_id = ?)`;

interface Write {
  entity: string;
  key: string | undefined;
  id: string | undefined;
}

/** A write's first packet, which has head and body of so small a request. */
function writeOf(event: DiskEvent): Write | null {
  const text = event.type === "send" ? event.data.toString() : "";
  const [, entity, id] = /^(?:POST|PATCH) \/api\/v\d\/(\w+)s(?:\/(\d+))? HTTP/.exec(text) ?? [];
  if (entity === undefined) return null;
  return { entity, id, key: /website\/(\w+)/.exec(text)?.[1] };
}

/** What others get to see: a request, a line of output, a file in its place. What tsx tells its compiler, meanwhile, is none of it. */
function outside(event: DiskEvent): string | null {
  if (event.type === "rename" || event.type === "link") return event.to;
  const text = event.type === "send" ? event.data.toString("latin1").slice(0, 80) : "";
  return /^[\x20-\x7e\s]+$/.test(text) ? text : null;
}

describe.skipIf(why !== null)(`a run under strace${why === null ? "" : ` (skipped: ${why})`}`, () => {
  it.each(Object.keys(PROGRAMS))(
    "has each intent on the disk before the write's first byte leaves (%s)",
    async (program) => {
      const random = randomOf(7);
      world.simulator.addPerson({ name: "Person 1", emails: [{ value: "person.1@example.com", primary: true }] });
      await world.run("ingest");
      const leads = [1, 2, 3, 4].map((n) =>
        lead(String(n), {
          person: { name: `Person ${n}`, email: `person.${n}@example.com`, phone: `+3725550000${n}` },
          organization: { name: `Engines ${n % 2}` },
        }),
      );
      world.write("spool/a.json", JSON.stringify(leads));
      const { code, events, disk, err } = await run(program, "sync", "--json");
      expect([code, err]).toEqual([0, ""]);
      const missing: unknown[] = [];
      const seen: string[] = [];
      for (const event of events) {
        const write = writeOf(event);
        if (write !== null) {
          seen.push(write.entity);
          for (const survives of [() => false, () => random() < 0.5]) {
            const begun = afterPowerLoss(disk, survives, (ledger) =>
              ledger.prepare(BEGUN).all(write.entity, write.key ?? "", write.id ?? ""),
            );
            if (begun.length === 0) missing.push(write);
          }
        }
        disk.take(event);
      }
      expect(missing).toEqual([]);
      expect(seen.sort()).toEqual([
        ...Array(4).fill("deal"),
        ...Array(4).fill("note"),
        ...Array(2).fill("organization"),
        ...Array(4).fill("person"),
      ]);
    },
    TIMEOUT_MS,
  );

  it.skipIf(PROGRAMS.built === undefined)(
    "has them there too where a thread of its own writes the ledger",
    async () => {
      const random = randomOf(8);
      world.simulator.seedPersons(20);
      await world.run("ingest");
      const leads = Array.from({ length: 60 }, (_, n) =>
        lead(String(n), {
          ...(n % 3 === 0 && { person: { name: `Lead ${n + 1}`, email: `lead${n + 1}@example.com` } }),
          ...(n % 5 === 0 && { organization: { name: `Engines ${n % 2}` } }),
        }),
      );
      world.write("spool/a.json", JSON.stringify(leads));
      const { code, events, disk, err, threads } = await run("built", "sync", "--json");
      expect([code, err]).toEqual([0, ""]);
      const missing: unknown[] = [];
      let seen = 0;
      for (const event of events) {
        const write = writeOf(event);
        if (write !== null) seen += 1;
        if (write !== null && random() < 0.4) {
          const half = () => random() < 0.5;
          const begun = afterPowerLoss(disk, seen % 2 === 0 ? half : () => false, (ledger) =>
            ledger.prepare(BEGUN).all(write.entity, write.key ?? "", write.id ?? ""),
          );
          if (begun.length === 0) missing.push(write);
        }
        disk.take(event);
      }
      expect(missing).toEqual([]);
      expect(seen).toBeGreaterThan(120);
      expect(threads).toBeGreaterThan(1);
    },
    TIMEOUT_MS,
  );

  it(
    "has a new ledger on the disk before it has its name, records before their file is moved, the run counter before its own",
    async () => {
      world.write("spool/a.json", JSON.stringify([lead("1"), lead("2")]));
      world.write("spool/b.json", JSON.stringify(lead("3")));
      const { code, events, disk } = await run("source", "sync", "--json");
      expect(code).toBe(0);
      const moved: [what: string, state: unknown][] = [];
      for (const event of events) {
        if (event.type === "link" && event.to.endsWith("crmledger.db")) moved.push(["ledger", disk.unsynced(/\.new/)]);
        if (event.type === "sync" && event.path === world.folder) moved.push(["its folder", []]);
        if (event.type === "rename" && /spool\/\w\.json$/.test(event.from)) {
          const keys = afterPowerLoss(
            disk,
            () => false,
            (ledger) => ledger.prepare("SELECT count(*) FROM submissions").pluck().get(),
          );
          moved.push([event.from.slice(-6), keys]);
        }
        if (event.type === "rename" && event.to.endsWith("crmledger.db.runs")) {
          const beside = disk.after(event.from, () => false).toString();
          const own = afterPowerLoss(
            disk,
            () => false,
            (ledger) => ledger.prepare("SELECT value FROM meta WHERE name = 'run_counter'").pluck().get(),
          );
          moved.push(["runs", beside.trim() === own]);
        }
        disk.take(event);
      }
      expect(moved.slice(moved.findIndex(([what]) => what === "ledger"))).toEqual([
        ["ledger", []],
        ["its folder", []],
        // SQLite's own, for the name of the log.
        ["its folder", []],
        ["runs", true],
        ["a.json", 3],
        ["b.json", 3],
      ]);
    },
    TIMEOUT_MS,
  );

  it(
    "leaves no commit of any command to chance: nothing is sent, said or moved before it is on the disk",
    async () => {
      world.write("spool/a.json", JSON.stringify([lead("1"), lead("2")]));
      expect((await world.run("sync")).code).toBe(0);
      world.write("spool/b.json", JSON.stringify([lead("3")]));
      world.simulator.editDeal(world.simulator.records.deals[0]!.id, { title: "Changed" });
      const commands = [
        ["sync", "--join"],
        ["reconcile"],
        ["reconcile", "--repair", "--yes"],
        ["pause", "--why", "holiday"],
        ["resume"],
        ["backup", "copy.db"],
        ["backup", "moved.db", "--move"],
      ];
      for (const args of commands) {
        const { events, disk, code } = await run("source", ...args);
        expect([args, [0, 2].includes(code ?? -1)]).toEqual([args, true]);
        let commits = 0;
        for (const event of events) {
          const goesOut = outside(event);
          const unsynced = goesOut === null ? [] : disk.unsynced(/(crmledger|moved)\.db(-wal|\.part)?$/);
          expect([args, goesOut, unsynced]).toEqual([args, goesOut, []]);
          if (event.type === "sync" && event.path.endsWith("-wal")) commits += 1;
          disk.take(event);
        }
        // A plain copy writes to no ledger.
        if (args.join(" ") !== "backup copy.db") expect([args, commits > 0]).toEqual([args, true]);
      }
    },
    TIMEOUT_MS,
  );
});
