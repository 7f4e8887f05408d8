/** A CRM's directory at the level of reads, with Pipedrive's prices: what the mirror is measured against. */
import { pipedriveCapabilities } from "../../src/crm/pipedrive/capabilities.ts";
import type { Clock } from "../../src/domain/clock.ts";
import { normalizeEmail } from "../../src/domain/identity.ts";
import type { CrmRecord, ListOperation, Operation, Outcome, SearchOperation } from "../../src/domain/operation.ts";
import type { Read } from "../../src/mirror/mirror.ts";
import { record } from "./planner-fixture.ts";

/** A clock that stands still until it is told to move. */
export interface SteppedClock extends Clock {
  step(ms: number): void;
}

export function steppedClock(startMs = Date.UTC(2026, 10, 24, 8, 0, 0, 250)): SteppedClock {
  let nowMs = startMs;
  return {
    bootId: "boot-1",
    wallMs: () => nowMs,
    monoMs: () => nowMs - startMs,
    sleep: async (ms) => {
      nowMs += ms;
    },
    step: (ms) => {
      nowMs += ms;
    },
  };
}

export class DirectoryCrm {
  readonly records = new Map<string, CrmRecord>();
  readonly log: { type: Operation["type"]; tokens: number; operation: Operation }[] = [];
  /** Outcomes to be given instead of an answer, first in, first out. */
  readonly faults: (Outcome | null)[] = [];
  readonly clock: Clock;
  /** The CRM's clock less ours. */
  skewMs = 0;
  #lastId = 0;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  get tokens(): number {
    return this.log.reduce((sum, each) => sum + each.tokens, 0);
  }

  /** Reads of a type, and their tokens. */
  spent(type: Operation["type"]): { requests: number; tokens: number } {
    const of = this.log.filter((each) => each.type === type);
    return { requests: of.length, tokens: of.reduce((sum, each) => sum + each.tokens, 0) };
  }

  add(over: Partial<CrmRecord>): CrmRecord {
    this.#lastId += 1;
    const now = this.nowMs();
    const made = record({ emails: [], id: String(this.#lastId), createdAtMs: now, updatedAtMs: now, ...over });
    this.records.set(made.id, made);
    return made;
  }

  /** So many persons `p1@example.com`, ... made long ago. */
  fill(count: number, agoMs = 86_400_000 * 30): void {
    const then = this.nowMs() - agoMs;
    for (let n = 1; n <= count; n += 1)
      this.add({ name: `Person ${n}`, emails: [`p${n}@example.com`], createdAtMs: then, updatedAtMs: then });
  }

  change(id: string, over: Partial<CrmRecord>): void {
    const known = this.records.get(id);
    if (known === undefined) throw new Error(`no record ${id}`);
    this.records.set(id, { ...known, ...over, updatedAtMs: this.nowMs() });
  }

  remove(id: string): void {
    this.records.delete(id);
  }

  nowMs(): number {
    return Math.floor((this.clock.wallMs() + this.skewMs) / 1000) * 1000;
  }

  readonly read: Read = async (operation) => {
    const entity = "entity" in operation ? operation.entity : "catalog";
    const tokens = pipedriveCapabilities.cost(operation.type, entity);
    const fault = this.faults.shift() ?? null;
    this.log.push({ type: operation.type, tokens, operation });
    return { outcome: fault ?? this.#answer(operation), serverTimeMs: this.nowMs() };
  };

  #answer(operation: Operation): Outcome {
    switch (operation.type) {
      case "list":
        return this.#list(operation);
      case "readMany":
        return { type: "applied", records: operation.ids.flatMap((id) => this.records.get(id) ?? []) };
      case "read": {
        const found = this.records.get(operation.id);
        if (found === undefined) return { type: "refused", code: "404", message: "not found", gone: true };
        return { type: "applied", record: found };
      }
      case "search":
        return { type: "applied", records: this.#search(operation) };
      default:
        throw new Error(`the directory has no ${operation.type}`);
    }
  }

  #list(operation: ListOperation): Outcome {
    const after = operation.cursor === undefined ? 0 : Number(operation.cursor);
    const all = [...this.records.values()]
      .filter((each) => each.entity === operation.entity && (each.updatedAtMs ?? 0) >= (operation.sinceMs ?? 0))
      .sort((a, b) => Number(a.id) - Number(b.id))
      .filter((each) => Number(each.id) > after);
    const page = all.slice(0, pipedriveCapabilities.listPageSize);
    const next = all.length > page.length ? (page.at(-1)?.id ?? null) : null;
    return { type: "applied", records: page, next };
  }

  /** Whole values without case, as written: a phone in another form is not found. */
  #search(operation: SearchOperation): CrmRecord[] {
    const wanted = operation.term.toLowerCase();
    const values = (each: CrmRecord): (string | null)[] => {
      if (operation.by === "email") return each.emails.map((email) => normalizeEmail(email));
      if (operation.by === "phone") return each.phones;
      if (operation.by === "name") return [each.name];
      return [String(each.fields[operation.fieldCode ?? ""] ?? "")];
    };
    return [...this.records.values()].filter(
      (each) => each.entity === operation.entity && values(each).some((value) => value?.toLowerCase() === wanted),
    );
  }
}
