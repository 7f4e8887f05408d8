/**
 * An old ledger (put back from a backup, or lost and made anew) is told by the CRM: records with stamps of our own sources
 * that it knows nothing of. What it does not know it would write once more, so nothing is sent until somebody has judged it.
 */
import type { Hold } from "../domain/hold.ts";
import type { CrmRecord } from "../domain/operation.ts";
import { DIED_AT_WORK } from "../ledger/ledger.ts";
import type { Connection } from "./connect.ts";
import { LostNotes } from "./lost-notes.ts";
import type { RunnerDeps } from "./runner.ts";
import { Held } from "./stops.ts";
import { ownTicket } from "./ticket.ts";
import { ChainStop } from "./work.ts";

/** A ledger that was at work within this time is not looked into: the trickle of a cron job costs no look. */
const LOOK_AFTER_MS = 3_600_000;
/** How far back a ledger without a past looks. */
const NEW_LEDGER_MS = 7 * 24 * 3_600_000;
/** Before a reply told what the CRM's clock says. */
const CLOCKS_APART_MS = 3_600_000;
/** Newest first: what was made since comes on the first ones. */
const PAGES_MAX = 4;
const READ_TRIES_MAX = 3;
/** Under this name the ledger keeps when it was last at work on the account, among what it remembers of it. */
const PART = "lastAtWork";

export class StampWatch {
  readonly #deps: RunnerDeps;
  readonly #connection: Pick<Connection, "session" | "wheel">;
  readonly #sources: ReadonlySet<string>;
  /** When this ledger was last at work here; null: never. UTC ms. */
  readonly #lastMs: number | null;
  /** A run died: what it wrote last may be gone with the end of the ledger's log, and what is left of it looks whole. */
  readonly #hasDied: boolean;
  readonly lostNotes: LostNotes;
  /** The clock is far behind what the ledger remembers: it was set back, perhaps with the ledger. */
  readonly #isSetBack: boolean;
  #isFit = false;

  constructor(deps: RunnerDeps, connection: Pick<Connection, "session" | "wheel">) {
    this.#deps = deps;
    this.#connection = connection;
    // Another machine may feed other sources into the same account: their stamps are no business of this ledger.
    this.#sources = new Set(Object.keys(deps.settings.plans).filter((name) => name !== "default"));
    const diedMs = connection.session.rememberedAtMs(DIED_AT_WORK) ?? 0;
    this.#hasDied = diedMs > 0;
    const lastMs = connection.session.rememberedAtMs(PART);
    this.#lastMs = lastMs !== null && this.#hasDied ? Math.min(lastMs, diedMs) : lastMs;
    this.#isSetBack = this.#lastMs !== null && this.#lastMs - deps.clock.wallMs() >= LOOK_AFTER_MS;
    this.lostNotes = new LostNotes(deps, connection);
  }

  /**
   * Looks at the newest deals and persons where the ledger was not at work for an hour, or a run died: then at the newest
   * notes, too. Raises the hold `staleLedger`.
   */
  async look(): Promise<void> {
    const nowMs = this.#deps.clock.wallMs();
    const wasHere = this.#lastMs !== null && nowMs - this.#lastMs < LOOK_AFTER_MS && !this.#isSetBack;
    if (this.#sources.size > 0 && (!wasHere || this.#hasDied)) {
      const deals = await this.#lookAt("deal", nowMs);
      const persons = await this.#personsAt(nowMs);
      this.#raise([...deals, ...(persons ?? [])]);
      // Looked at again by the next run.
      if (persons === null) return;
    }
    // Under a hold nothing is sent: they are looked for when it is over.
    if (!this.#connection.wheel.halted) await this.lostNotes.look();
    this.#isFit = true;
  }

  /**
   * Null where nobody answers: what is made twice by an old ledger is its deals, and persons can't be made while they can't
   * be looked up. So a dead endpoint of persons stops no chain that has its person.
   */
  async #personsAt(nowMs: number): Promise<CrmRecord[] | null> {
    try {
      return await this.#lookAt("person", nowMs);
    } catch (error) {
      const unanswered = error instanceof ChainStop && error.verdict.type === "again";
      const isHeld = error instanceof Held && error.hold.kind === "outage" && error.hold.scope === "group:persons";
      if (unanswered || isHeld) return null;
      throw error;
    }
  }

  /** Any page of records of one entity that is read anyway. */
  async page(records: readonly CrmRecord[]): Promise<void> {
    if (this.#sources.size > 0) this.#raise(await this.#unknown(records, this.#lastMs));
  }

  /** Called when all is recorded: from here on the ledger was at work a moment ago, and what was raised was judged. */
  async keep(): Promise<void> {
    const { ledger, clock } = this.#deps;
    if (!this.#isFit || this.#sources.size === 0) return;
    await ledger.saveCatalog(this.#connection.session.accountId, PART, {}, clock.wallMs());
    await this.lostNotes.keep();
  }

  async #lookAt(entity: "deal" | "person", nowMs: number): Promise<CrmRecord[]> {
    const fromMs = this.#lastMs ?? nowMs - NEW_LEDGER_MS;
    const asked = this.#crmTimeMs(fromMs) - CLOCKS_APART_MS;
    const unknown = await this.#since(entity, asked, fromMs);
    // Only a reply tells that our clock is hours ahead of the CRM's: then what was asked for began too late.
    const wanted = this.#crmTimeMs(fromMs) - CLOCKS_APART_MS;
    return wanted + CLOCKS_APART_MS < asked ? await this.#since(entity, wanted, fromMs) : unknown;
  }

  /** Of a clock that was set back nobody knows how far it was off when it said so: the earlier is the safe one. */
  #crmTimeMs(ourMs: number): number {
    const told = this.#connection.session.crmTimeMs(ourMs);
    return this.#isSetBack ? Math.min(told, ourMs) : told;
  }

  async #since(entity: "deal" | "person", sinceMs: number, fromMs: number): Promise<CrmRecord[]> {
    const unknown: CrmRecord[] = [];
    let cursor: string | undefined;
    for (let page = 1; page <= PAGES_MAX; page += 1) {
      const { records, next } = await this.#read(entity, sinceMs, page, cursor);
      unknown.push(...(await this.#unknown(records, fromMs)));
      if (next === null) break;
      cursor = next;
    }
    return unknown;
  }

  async #read(entity: "deal" | "person", sinceMs: number, page: number, cursor: string | undefined) {
    for (let tries = 1; ; tries += 1) {
      const key = `stamps:${entity}:${page}:${tries}`;
      const list = { type: "list" as const, key, entity, sinceMs, newestFirst: true as const, cursor };
      const { outcome } = await this.#connection.wheel.perform(list, ownTicket(tries > 1));
      if (outcome.type === "applied") return { records: outcome.records ?? [], next: outcome.next ?? null };
      if (outcome.type !== "refused" && tries < READ_TRIES_MAX) continue;
      const message = `the CRM's newest ${entity}s could not be read: ${"message" in outcome ? outcome.message : outcome.type}`;
      const error = { code: "CRM_READ", message };
      if (outcome.type === "refused") throw new ChainStop({ type: "failed", error, step: null });
      throw new ChainStop({ type: "again", error, step: null, spared: true });
    }
  }

  /**
   * Made since, by their stamp from a source of ours, and not by this ledger, which may have its submission all the same: its
   * files were taken in again. What was made before says nothing new.
   */
  async #unknown(records: readonly CrmRecord[], fromMs: number | null): Promise<CrmRecord[]> {
    const madeSinceMs = fromMs === null ? Number.NEGATIVE_INFINITY : this.#crmTimeMs(fromMs) - 1_000;
    const ours = records.filter(
      ({ stamp, createdAtMs }) =>
        stamp !== null && this.#sources.has(stamp.split("/", 1)[0]!) && (createdAtMs ?? madeSinceMs) >= madeSinceMs,
    );
    if (ours.length === 0) return [];
    const known = await this.#deps.ledger.stampedSubmissions(ours.map(({ stamp }) => stamp!));
    const unsent = await this.#deps.ledger.neverSent(ours[0]!.entity, [...new Set(known.values())]);
    return ours.filter(({ stamp }) => !known.has(stamp!) || unsent.includes(known.get(stamp!)!));
  }

  #raise(unknown: readonly CrmRecord[]): void {
    const [first] = unknown;
    if (first) this.#connection.wheel.raise(staleHold(first, unknown.length));
  }
}

function staleHold({ entity, id, stamp }: CrmRecord, count: number): Hold {
  const records = count === 1 ? "a record" : `${count} records`;
  const message =
    `the CRM has ${records} with stamps of this ledger's sources that it does not know, such as ${entity} ${id} (${stamp}): ` +
    "it was put back from a backup, or lost and made anew, and what it does not know would be written twice. " +
    "`crmledger reconcile --repair` adopts them; if they are another ledger's, `crmledger resume`";
  return { kind: "staleLedger", scope: "account", untilMs: null, probe: false, message };
}
