/** Who works on the ledger: each place starts one program after the other, mostly runs that send. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import type { ChaosOptions } from "./chaos.ts";
import type { Feeder } from "./chaos-feeder.ts";
import { documentOf, misbehaved, type Program, type ProgramEnd, startProgram } from "./program.ts";
import { SOURCE } from "./soak-world.ts";

/** A program, and the signals that it was sent. */
export interface Member extends Program {
  told: Set<NodeJS.Signals>;
  /** It found no ledger: the first sync was still to come. */
  early: boolean;
}

interface Job {
  name: string;
  args: readonly string[];
  codes: readonly number[];
  /** Out of a hundred starts. */
  share: number;
}

const TROUBLE_MAX = 20;

export class Crew {
  readonly members = new Set<Member>();
  readonly commands: Record<string, number> = {};
  readonly exits: Record<string, number> = {};
  readonly trouble: string[] = [];
  /** Monotonic ms until which the ledger may have been locked by one that stood still. */
  lockedUntilMs = 0;
  readonly #options: ChaosOptions;
  readonly #feeder: Feeder;
  readonly #random: () => number;
  #serial = 0;

  constructor(options: ChaosOptions, feeder: Feeder, random: () => number) {
    this.#options = options;
    this.#feeder = feeder;
    this.#random = random;
  }

  /** Half of the places only ever join; what the others start is chance. */
  async work(slot: number, over: AbortSignal): Promise<void> {
    while (!over.aborted) {
      const job = slot % 2 === 0 ? JOIN : this.#pick();
      await this.#runOne(job, over);
      await wait(50 + this.#random() * 400, undefined, { signal: over }).catch(() => undefined);
    }
  }

  line(): string {
    return `started ${JSON.stringify(this.commands)}, ended ${JSON.stringify(this.exits)}`;
  }

  #pick(): Job {
    const file = this.#feeder.missed();
    this.#serial += 1;
    const jobs = [...JOBS, backupTo(join(this.#options.folder, `backup-${this.#serial}.db`))];
    if (file !== null) jobs.push({ name: "import", args: ["import", file, "--source", SOURCE], codes: [0], share: 20 });
    let die = this.#random() * jobs.reduce((sum, job) => sum + job.share, 0);
    for (const job of jobs) {
      die -= job.share;
      if (die < 0) return job;
    }
    return JOIN;
  }

  async #runOne(job: Job, over: AbortSignal): Promise<void> {
    const { command, folder, calm } = this.#options;
    const program = startProgram(command, [...job.args, "--json"], { cwd: folder });
    const early = !existsSync(join(folder, "chaos.db"));
    const member: Member = Object.assign(program, { told: new Set<NodeJS.Signals>(), early });
    this.members.add(member);
    this.commands[job.name] = (this.commands[job.name] ?? 0) + 1;
    const stop = () => {
      member.told.add("SIGTERM");
      member.process.kill("SIGTERM");
    };
    if (!calm) over.addEventListener("abort", stop, { once: true });
    const result = await member.ended;
    over.removeEventListener("abort", stop);
    this.members.delete(member);
    const error = result.code === 74 ? ` ${documentOf(result.out)?.error?.code}` : "";
    const name = result.signal ?? `${result.code}${error}`;
    this.exits[name] = (this.exits[name] ?? 0) + 1;
    const why = this.#complaint(job, member, result);
    if (why !== null && this.trouble.length < TROUBLE_MAX)
      this.trouble.push(`${job.args.join(" ")}: ${why}: ${result.out}${result.err}`.slice(0, 2_000));
    if (job.name === "import" && result.code === 0) this.#feeder.imported(job.args[1]!);
  }

  #complaint({ codes }: Job, { told, early }: Member, end: ProgramEnd): string | null {
    // One that was told to end may not have come to listen yet; a second word ends it at once.
    if (end.signal !== null) return told.has(end.signal) ? null : `ended by ${end.signal}`;
    if (end.code === 143 && told.has("SIGTERM")) return null;
    const trouble = documentOf(end.out)?.error?.code;
    if (end.code === 74 && early && trouble === "ledgerUnreadable") return misbehaved(end, [74]);
    // Somebody who stands still in a transaction keeps the others out; they say so and come again.
    if (end.code === 74 && trouble === "ledgerLocked" && performance.now() < this.lockedUntilMs)
      return misbehaved(end, [74]);
    return misbehaved(end, codes);
  }
}

// 75: where the machine is so slow that the CRM does not answer in time, and a breaker opens.
const JOIN: Job = { name: "sync --join", args: ["sync", "--join", "--max-wait", "3s"], codes: [0, 3, 75], share: 20 };

const JOBS: readonly Job[] = [
  JOIN,
  { name: "sync", args: ["sync", "--max-wait", "3s"], codes: [0, 3, 4, 75], share: 20 },
  { name: "sync --limit", args: ["sync", "--join", "--limit", "5", "--max-wait", "1s"], codes: [0, 3, 75], share: 5 },
  { name: "ingest", args: ["ingest"], codes: [0, 3], share: 15 },
  {
    name: "status",
    args: ["status", "--prometheus", "crmledger.prom", "--html", "status.html"],
    codes: [0],
    share: 10,
  },
  { name: "report", args: ["report", "--since", "2d"], codes: [0, 2], share: 3 },
  { name: "reconcile", args: ["reconcile"], codes: [0, 2, 3, 75], share: 3 },
  { name: "reconcile --repair", args: ["reconcile", "--repair", "--yes"], codes: [0, 2, 3, 75], share: 3 },
  { name: "retry-failed", args: ["retry-failed", "--all", "--drain"], codes: [0, 3, 75], share: 5 },
];

const backupTo = (file: string): Job => ({ name: "backup", args: ["backup", file], codes: [0], share: 3 });
