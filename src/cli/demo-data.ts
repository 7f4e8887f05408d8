import type { Random } from "../domain/clock.ts";
import { COMPANIES, MESSAGES, PRODUCTS, type Somebody, shuffled, somebody } from "./demo-cast.ts";

/** How much comes in, and when. */
export interface DemoSize {
  /** Rounds of five minutes in which something comes in. */
  slots: number;
  /** What waits already when the demo's hour begins. */
  backlog: number;
  formsPerSlot: number;
  callsPerSlot: number;
  fairLeads: number;
  /** The round in which the list of the fair comes in, and in which a run is killed. */
  fairSlot: number;
  /** Persons of the CRM who have nothing to do with all this. */
  strangers: number;
}

/** What one accepted submission must have become. */
export interface DemoSubmission {
  stamp: string;
  person: Somebody;
  /** By what the CRM can tell that it is this person: the calls leave no address. */
  reachedBy: "email" | "phone";
  company: string | null;
  deal: boolean;
  notes: number;
}

/** Text that comes into a spool before a round: a whole file, or more lines of one. */
export interface DemoFile {
  source: "website" | "calls" | "fair";
  name: string;
  text: string;
}

export interface DemoSlot {
  files: DemoFile[];
  /** Records in them, whatever they turn out to be. */
  records: number;
  repeats: number;
  rejects: number;
}

/** A whole demo's input: the same for a seed and a start. */
export interface DemoInput {
  slots: DemoSlot[];
  submissions: DemoSubmission[];
  /** Who and what is in the CRM before. */
  knownPersons: Somebody[];
  knownCompanies: string[];
}

export const SLOT_MS = 300_000;
const NIGHT_MS = 10 * 3_600_000;
const KNOWN_PART = 0.4;
const REPEATED_PART = 0.22;
const RETURNING_PART = 0.12;
/** People by index: those who write, then the strangers. */
const STRANGERS_FROM = 1000;

/** Invents the demo's hour, which begins at `startMs`. Pure: chance comes from `random`. */
export function inventHour(size: DemoSize, startMs: number, random: Random): DemoInput {
  const hour = new Hour(size, startMs, random);
  for (let slot = 0; slot < size.slots; slot += 1) {
    const forms = size.formsPerSlot + (slot === 0 ? size.backlog : 0);
    for (let form = 0; form < forms; form += 1) hour.form(slot, slot === 0 ? NIGHT_MS : SLOT_MS);
    hour.calls(slot, size.callsPerSlot);
  }
  hour.fair(size.fairSlot, size.fairLeads);
  hour.spoil(Math.min(1, size.slots - 1), Math.max(0, size.slots - 3));
  return hour.input();
}

class Hour {
  readonly #slots: DemoSlot[];
  readonly #submissions: DemoSubmission[] = [];
  readonly #size: DemoSize;
  readonly #startMs: number;
  readonly #random: Random;
  /** Writers in the order of their coming, and which of them the CRM knows. */
  readonly #people: number[];
  readonly #known = new Set<number>();
  readonly #formsBy: number[] = [];
  #next = 0;
  #serial = 1000;

  constructor(size: DemoSize, startMs: number, random: Random) {
    this.#size = size;
    this.#startMs = startMs;
    this.#random = random;
    this.#slots = Array.from({ length: size.slots }, () => ({ files: [], records: 0, repeats: 0, rejects: 0 }));
    this.#people = shuffled(STRANGERS_FROM, random);
  }

  /** One form of the website, as its webhook delivers it; now and then it delivers it again. */
  form(slot: number, spanMs: number): void {
    const index = this.#writer();
    const person = somebody(index);
    const id = this.#id("wf");
    const withPhone = this.#chance(0.5);
    const record = {
      event_id: id,
      submitted_at: this.#time(slot, spanMs),
      fields: {
        full_name: person.name,
        email: this.#chance(0.1) ? ` ${person.email.toUpperCase()}` : person.email,
        ...(withPhone && { phone: person.phone }),
        ...(person.company !== null && { company: person.company }),
        product: this.#pick(PRODUCTS),
        budget: this.#chance(0.08) ? "not sure yet" : String(100 * (1 + Math.floor(this.#random.next() * 90))),
        message: this.#pick(MESSAGES),
        newsletter: this.#chance(0.4) ? "yes" : "no",
      },
    };
    this.#file(slot, { source: "website", name: `${id}.json`, text: JSON.stringify(record) });
    this.#submissions.push({
      ...{ stamp: `website/${id}`, person, reachedBy: "email" as const, company: person.company },
      ...{ deal: true, notes: 1 },
    });
    if (!this.#chance(REPEATED_PART)) return;
    const later = Math.min(this.#size.slots - 1, slot + (this.#chance(0.5) ? 1 : 0));
    this.#file(later, { source: "website", name: `${id}-again.json`, text: JSON.stringify(record) }, "repeats");
  }

  /** The phone service's log grows by some lines. */
  calls(slot: number, count: number): void {
    for (let call = 0; call < count; call += 1) {
      const person = somebody(this.#newWriter());
      const id = this.#id("call");
      const deal = this.#chance(0.5);
      const transcript = this.#chance(0.3);
      const record = {
        id,
        submittedAt: this.#time(slot, SLOT_MS),
        person: { name: person.name, phone: person.phone },
        ...(deal && { deal: { title: `Call: ${this.#pick(PRODUCTS)}`, pipeline: "Partners", stage: "Inbound" } }),
        notes: [
          `Call of ${1 + call} min. ${this.#pick(MESSAGES)}`,
          ...(transcript ? ["Transcript: Hello? Yes …"] : []),
        ],
      };
      this.#file(slot, { source: "calls", name: "calls.jsonl", text: `${JSON.stringify(record)}\n` });
      const notes = transcript ? 2 : 1;
      this.#submissions.push({ stamp: `calls/${id}`, person, reachedBy: "phone", company: null, deal, notes });
    }
  }

  /** A list of leads from a trade fair, and some rounds later the same list again with a few more. */
  fair(slot: number, count: number): void {
    const rows = Array.from({ length: count }, () => this.#fairRow(slot));
    this.#table(slot, "fair.csv", rows);
    const again = Math.min(this.#size.slots - 1, slot + 4);
    const more = Array.from({ length: Math.ceil(count / 10) }, () => this.#fairRow(slot));
    this.#table(again, "fair-complete.csv", [...rows, ...more]);
    this.#slots[again]!.repeats += rows.length;
  }

  /** Records that nobody could deliver: no way to reach the person, or no record at all. */
  spoil(early: number, late: number): void {
    const fields = { full_name: "Nobody", email: "n/a", product: "Workshop", message: "hello" };
    for (const slot of [early, late]) {
      const record = { event_id: this.#id("wf"), submitted_at: this.#time(slot, SLOT_MS), fields };
      const file = { source: "website" as const, name: `${record.event_id}.json`, text: JSON.stringify(record) };
      this.#file(slot, file, "rejects");
    }
    this.#file(
      late,
      { source: "calls", name: "calls.jsonl", text: '{"id": "call-cut-off", "person": {"na\n' },
      "rejects",
    );
    const { fairSlot } = this.#size;
    const list = this.#slots[fairSlot]!.files.find((file) => file.name === "fair.csv")!;
    const at = this.#time(fairSlot, NIGHT_MS).slice(0, 16).replace("T", " ");
    list.text += `F-901;${at};Card unreadable;;;Workshop;\nF-902;${at};;not asked;;Spare parts;Left no card\n`;
    this.#slots[fairSlot]!.records += 2;
    this.#slots[fairSlot]!.rejects += 2;
  }

  input(): DemoInput {
    const strangers = Array.from({ length: this.#size.strangers }, (_, index) => somebody(STRANGERS_FROM + index));
    return {
      slots: this.#slots,
      submissions: this.#submissions,
      knownPersons: [...[...this.#known].map(somebody), ...strangers],
      knownCompanies: COMPANIES.filter((_, index) => index % 2 === 0),
    };
  }

  #fairRow(slot: number): string {
    const index = this.#newWriter();
    const person = somebody(index);
    const id = `F-${100 + this.#next}`;
    const at = this.#time(slot, NIGHT_MS).slice(0, 16).replace("T", " ");
    const cells = [id, at, person.name, person.email, person.company ?? "", this.#pick(PRODUCTS), this.#pick(MESSAGES)];
    this.#submissions.push({
      ...{ stamp: `fair/${id}`, person, reachedBy: "email" as const, company: person.company },
      ...{ deal: true, notes: 1 },
    });
    return cells.map((cell) => (/[;"\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell)).join(";");
  }

  #table(slot: number, name: string, rows: readonly string[]): void {
    const text = `Lead no.;Scanned at;Name;E-mail;Company;Interest;Remarks\n${rows.join("\n")}\n`;
    this.#slots[slot]!.files.push({ source: "fair", name, text });
    this.#slots[slot]!.records += rows.length;
  }

  #file(slot: number, file: DemoFile, kind?: "repeats" | "rejects"): void {
    const into = this.#slots[slot]!;
    into.files.push(file);
    into.records += 1;
    if (kind !== undefined) into[kind] += 1;
  }

  /** Somebody new, or now and then somebody who sent a form before. */
  #writer(): number {
    if (this.#formsBy.length > 0 && this.#chance(RETURNING_PART)) return this.#pick(this.#formsBy);
    const index = this.#newWriter();
    this.#formsBy.push(index);
    return index;
  }

  #newWriter(): number {
    const index = this.#people[this.#next]!;
    this.#next += 1;
    if (this.#chance(KNOWN_PART)) this.#known.add(index);
    return index;
  }

  #id(prefix: string): string {
    this.#serial += 1;
    return `${prefix}_${this.#serial}`;
  }

  #time(slot: number, spanMs: number): string {
    const at = this.#startMs + slot * SLOT_MS - Math.floor(this.#random.next() * spanMs) - 1000;
    return new Date(at).toISOString();
  }

  #chance(part: number): boolean {
    return this.#random.next() < part;
  }

  #pick<T>(items: readonly T[]): T {
    return items[Math.floor(this.#random.next() * items.length)]!;
  }
}
