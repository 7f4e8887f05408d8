/** Disks of this machine as they are: one that is full, one that can't be written, a spool on either. In a mount namespace of its own. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { lead } from "../support/cli-world.ts";
import { currentProgram } from "../support/program.ts";

const canMount = spawnSync("unshare", ["-rm", "true"]).status === 0;
let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "crmledger-disk-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

interface Said {
  code: number;
  document: { error?: { code: string; message: string; hint: string } } & Record<string, unknown>;
  err: string;
}

/** Runs shell lines with a small disk at `disk`; `$crm` is the program. What each line with `$crm` said, in order. */
function onSmallDisk(size: string, lines: readonly string[]): Said[] {
  mkdirSync(join(folder, "disk"));
  const program = currentProgram().map((word) => `'${word.replaceAll("'", `'\\''`)}'`);
  const script = [
    "set -u",
    `mount -t tmpfs -o size=${size},mode=700 none '${folder}/disk'`,
    `cd '${folder}/disk'`,
    `n=0; crm() { n=$((n+1)); ${program.join(" ")} "$@" --json >'${folder}'/out.$n 2>'${folder}'/err.$n; echo $? >'${folder}'/code.$n; }`,
    ...lines,
  ].join("\n");
  execFileSync("unshare", ["-rm", "sh", "-c", script], { stdio: ["ignore", "inherit", "inherit"] });
  const read = (name: string): string => execFileSync("cat", [join(folder, name)], { encoding: "utf8" });
  return lines
    .filter((line) => line.startsWith("crm "))
    .map((_, index) => ({
      code: Number(read(`code.${index + 1}`)),
      document: JSON.parse(read(`out.${index + 1}`)) as Said["document"],
      err: read(`err.${index + 1}`),
    }));
}

/** A config whose CRM nobody needs to reach, and spools that are read without it. */
function config(spool = "./spool"): string {
  writeFileSync(join(folder, "token"), "token-of-the-first-user\n", { mode: 0o600 });
  const path = join(folder, "config.yaml");
  const crm = `crm: { type: pipedrive, baseUrl: "http://127.0.0.1:9", apiTokenFile: ${folder}/token }`;
  writeFileSync(path, `ledger: ${folder}/disk/crmledger.db\n${crm}\nsources: { website: { spool: ${spool} } }\n`);
  return path;
}

function records(from: number, count: number): string {
  const path = join(folder, `records-${from}.json`);
  const notes = ["x".repeat(2_000)];
  writeFileSync(path, JSON.stringify(Array.from({ length: count }, (_, n) => lead(`r${from + n}`, { notes }))));
  return path;
}

describe.skipIf(!canMount)("on a real small disk (skipped where the system allows no mount namespace)", () => {
  it("that fills up, each command says so; with room again the same command goes on, and nothing is lost", () => {
    const path = config(`${folder}/disk/spool`);
    const many = records(0, 900);
    const [first, full, status, again, then] = onSmallDisk("4m", [
      `mkdir spool; cp ${records(1_000, 2)} spool/a.json`,
      `crm ingest --config ${path}`,
      "dd if=/dev/zero of=ballast bs=1k count=2400 2>/dev/null || true",
      `crm import ${many} --as-new --config ${path}`,
      `crm status --config ${path}`,
      "rm ballast; mount -o remount,size=32m none .",
      `crm import ${many} --as-new --config ${path}`,
      `crm status --config ${path}`,
    ]) as [Said, Said, Said, Said, Said];
    expect(first.code).toBe(0);
    expect(full).toMatchObject({ code: 74, document: { error: { code: "diskFull" } } });
    expect(full.document.error?.hint).toContain("Make room");
    expect([0, 74]).toContain(status.code);
    expect(again.code).toBe(0);
    expect(then.document).toMatchObject({ queue: { pending: 902, rejected: 0, conflict: 0 } });
  }, 180_000);

  it("that is read-only, each command says so, and on a disk that can be written it goes on", () => {
    const path = config(`${folder}/spool`);
    mkdirSync(join(folder, "spool"));
    writeFileSync(join(folder, "spool", "a.json"), JSON.stringify(lead("a")));
    const said = onSmallDisk("16m", [
      `crm import ${records(0, 3)} --config ${path}`,
      "mount -o remount,ro none .",
      `crm sync --config ${path}`,
      `crm ingest --config ${path}`,
      `crm import ${records(10, 3)} --config ${path}`,
      `crm status --config ${path}`,
      `crm backup ${folder}/copy.db --config ${path}`,
      "mount -o remount,rw none .",
      `crm ingest --config ${path}`,
      `crm status --config ${path}`,
    ]);
    expect(said.map(({ code }) => code)).toEqual([0, 74, 74, 74, expect.any(Number), expect.any(Number), 0, 0]);
    for (const { document } of said.slice(1, 4))
      expect(document).toMatchObject({ error: { code: "ledgerUnreadable" } });
    for (const { code, err } of said.slice(4, 6)) expect([0, 64, 74], err).toContain(code);
    expect(said.at(-1)?.document).toMatchObject({ queue: { pending: 4 } });
  }, 180_000);

  it("a spool whose disk is full as its files are archived loses nothing: they are there, and known", () => {
    writeFileSync(join(folder, "token"), "token-of-the-first-user\n", { mode: 0o600 });
    const path = join(folder, "config.yaml");
    const crm = `crm: { type: pipedrive, baseUrl: "http://127.0.0.1:9", apiTokenFile: ${folder}/token }`;
    writeFileSync(
      path,
      `ledger: ${folder}/crmledger.db\n${crm}\nsources: { website: { spool: ${folder}/disk/spool } }\n`,
    );
    const [full, status, again, then] = onSmallDisk("1m,nr_inodes=8", [
      `mkdir spool; cp ${records(0, 2)} spool/a.json; touch one two three four || true`,
      `crm ingest --config ${path}`,
      `crm status --config ${path}`,
      "rm -f one two three four",
      `crm ingest --config ${path}`,
      `crm status --config ${path}`,
    ]) as [Said, Said, Said, Said];
    expect(full.code).toBe(74);
    expect(full.err).toContain("full");
    expect(status.document).toMatchObject({ queue: { pending: 2 } });
    expect(again).toMatchObject({ code: 0, document: { ingested: { new: 0, duplicate: 2 } } });
    expect(then.document).toMatchObject({ queue: { pending: 2, rejected: 0, conflict: 0 } });
  }, 180_000);
});
