/** Hands submissions in as web servers, form tools and people do, while others read: whole files, growing ones, files to import. */
import { appendFileSync, existsSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import type { SoakSubmission } from "./soak-world.ts";

const PACE_MS = 200;
const NAMES = ["form-1.json", "form-2.json", "form-3.json"];

export class Feeder {
  readonly #folder: string;
  readonly #submissions: readonly SoakSubmission[];
  readonly #random: () => number;
  readonly #missed: string[] = [];
  #next = 0;
  #files = 0;
  /** The rest of a line that its writer has not finished. */
  #half = "";

  constructor(folder: string, submissions: readonly SoakSubmission[], random: () => number) {
    this.#folder = folder;
    this.#submissions = submissions;
    this.#random = random;
  }

  get count(): number {
    return this.#submissions.length;
  }

  async run(over: AbortSignal, perSecond: number): Promise<void> {
    let owed = 0;
    while (!over.aborted) {
      owed += (perSecond * PACE_MS) / 1000;
      const batch = this.#take(Math.floor(owed));
      owed -= batch.length;
      this.#hand(batch);
      await wait(PACE_MS, undefined, { signal: over }).catch(() => undefined);
    }
  }

  /** All that is left, and the end of the last line. */
  rest(): void {
    const batch = this.#take(this.#submissions.length);
    if (batch.length > 0) this.#put("rest.json", JSON.stringify(batch));
    appendFileSync(this.#lines(), `${this.#half}${this.#half === "" ? "" : "\n"}`);
    this.#half = "";
  }

  /** A file that somebody should import; it stays so until `imported`. Several may take the same at once. */
  missed(): string | null {
    return this.#missed[Math.floor(this.#random() * this.#missed.length)] ?? null;
  }

  allMissed(): readonly string[] {
    return this.#missed;
  }

  imported(file: string): void {
    const at = this.#missed.indexOf(file);
    if (at !== -1) this.#missed.splice(at, 1);
  }

  #take(count: number): readonly SoakSubmission[] {
    const batch = this.#submissions.slice(this.#next, this.#next + count);
    this.#next += batch.length;
    return batch;
  }

  #hand(batch: readonly SoakSubmission[]): void {
    if (batch.length === 0) return;
    const die = this.#random();
    if (die < 0.35) for (const one of batch) this.#put(this.#usedAgain(), JSON.stringify(one));
    else if (die < 0.6) this.#put(this.#name("many"), JSON.stringify(batch));
    else if (die < 0.8) this.#append(batch);
    else this.#miss(batch, die > 0.9);
  }

  #name(kind: string): string {
    this.#files += 1;
    return `${kind}-${this.#files}.json`;
  }

  /** As a form tool that numbers its files anew each day: a name is used again as soon as its file is away. */
  #usedAgain(): string {
    const free = NAMES.filter((name) => !existsSync(join(this.#folder, "spool", name)));
    return free[Math.floor(this.#random() * free.length)] ?? this.#name("single");
  }

  #put(name: string, text: string): void {
    const temporary = join(this.#folder, "spool", `.${name}.tmp`);
    writeFileSync(temporary, text);
    renameSync(temporary, join(this.#folder, "spool", name));
  }

  #lines(): string {
    return join(this.#folder, "spool", "lines.jsonl");
  }

  /** The last line is left half written until the next time. */
  #append(batch: readonly SoakSubmission[]): void {
    const text = batch.map((one) => JSON.stringify(one)).join("\n");
    const cut = Math.floor(text.length * this.#random());
    const finished = this.#half === "" ? "" : `${this.#half}\n`;
    const end = text.lastIndexOf("\n") + 1;
    const at = Math.max(end, cut);
    appendFileSync(this.#lines(), finished + text.slice(0, at));
    this.#half = text.slice(at);
    if (this.#half === "") appendFileSync(this.#lines(), "\n");
  }

  /** `twice`: the spool has them too. */
  #miss(batch: readonly SoakSubmission[], twice: boolean): void {
    this.#files += 1;
    const file = join(this.#folder, "missed", `missed-${this.#files}.jsonl`);
    writeFileSync(file, batch.map((one) => `${JSON.stringify(one)}\n`).join(""));
    this.#missed.push(file);
    if (twice) this.#put(this.#name("twice"), JSON.stringify(batch));
  }
}
