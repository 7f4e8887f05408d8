/**
 * Notes that a run wrote before it died, and of which the ledger has nothing: they were begun at the end of its log, and a log
 * without its end looks like one that ended there. Persons and deals tell by their stamps that something is missing; where a
 * note is all that is, it is found by its reference line and taken for what it is.
 */
import type { CrmRecord } from "../domain/operation.ts";
import { DIED_AT_WORK } from "../ledger/ledger.ts";
import type { Connection } from "./connect.ts";
import type { RunnerDeps } from "./runner.ts";
import { ownTicket } from "./ticket.ts";
import { ChainStop } from "./work.ts";

/** Under this name the ledger keeps since when there may be such notes, among what it remembers of the account; 0: none. */
const PART = "notesInDoubt";
/** Chains that have not come to their notes by then are looked after no more: each run with work would pay a page for them. */
const DOUBT_MS = 24 * 3_600_000;
const CLOCKS_APART_MS = 3_600_000;
/** Newest first: a run that died wrote the newest ones of ours, and no more than these are gone with the end of a log. */
const OURS_MAX = 2_000;
/** People and other programs may have written many since: so far the newest ones are read, at 20 tokens for 500. */
const PAGES_MAX = 50;
const READ_TRIES_MAX = 3;

export class LostNotes {
  readonly #deps: RunnerDeps;
  readonly #connection: Pick<Connection, "session" | "wheel">;
  /** UTC ms; null: no run died. */
  readonly #sinceMs: number | null;
  #records: CrmRecord[] | null = null;
  #isCut = false;

  constructor(deps: RunnerDeps, connection: Pick<Connection, "session" | "wheel">) {
    this.#deps = deps;
    this.#connection = connection;
    const parts = [PART, DIED_AT_WORK].map((part) => connection.session.rememberedAtMs(part) ?? 0);
    const since = parts.filter((atMs) => atMs > 0);
    this.#sinceMs = since.length === 0 ? null : Math.min(...since);
  }

  /** Notes with a reference line that were made since the run that died began. */
  get records(): readonly CrmRecord[] {
    return this.#records ?? [];
  }

  /** More notes were made since than are read, so that an older one may be missing. */
  get isCut(): boolean {
    return this.#isCut;
  }

  /** Reads them, where a run died. A page of the CRM's newest notes, as a rule. */
  async look(): Promise<void> {
    const { plans } = this.#deps.settings;
    if (this.#sinceMs === null || !Object.values(plans).some(({ notes }) => notes.reference)) return;
    const sinceMs = this.#connection.session.crmTimeMs(this.#sinceMs) - CLOCKS_APART_MS;
    const found: CrmRecord[] = [];
    let cursor: string | undefined;
    for (let page = 1; ; page += 1) {
      const { records, next } = await this.#read(sinceMs, page, cursor);
      found.push(...records.filter(({ stamp }) => stamp !== null));
      if (next === null || found.length >= OURS_MAX) break;
      this.#isCut = page >= PAGES_MAX;
      if (this.#isCut) break;
      cursor = next;
    }
    this.#records = found;
  }

  async #read(sinceMs: number, page: number, cursor: string | undefined) {
    for (let tries = 1; ; tries += 1) {
      const key = `lostNotes:${page}:${tries}`;
      const list = { type: "list" as const, key, entity: "note" as const, sinceMs, newestFirst: true as const, cursor };
      const { outcome } = await this.#connection.wheel.perform(list, ownTicket(tries > 1));
      if (outcome.type === "applied") return { records: outcome.records ?? [], next: outcome.next ?? null };
      if (outcome.type !== "refused" && tries < READ_TRIES_MAX) continue;
      const message = `the CRM's newest notes could not be read: ${"message" in outcome ? outcome.message : outcome.type}`;
      const error = { code: "CRM_READ", message };
      if (outcome.type === "refused") throw new ChainStop({ type: "failed", error, step: null });
      throw new ChainStop({ type: "again", error, step: null, spared: true });
    }
  }

  /** Called when all is recorded. What was not taken, or not looked for, stays in doubt for the next run. */
  async keep(): Promise<void> {
    if (this.#sinceMs === null) return;
    const { ledger, clock } = this.#deps;
    const { accountId } = this.#connection.session;
    const isOld = clock.wallMs() - this.#sinceMs > DOUBT_MS;
    const inDoubt = !isOld && (this.#records === null || (await this.#areLeft(this.#records)));
    await ledger.saveCatalog(accountId, PART, {}, inDoubt ? this.#sinceMs : 0);
    await ledger.saveCatalog(accountId, DIED_AT_WORK, {}, 0);
  }

  async #areLeft(records: readonly CrmRecord[]): Promise<boolean> {
    const { ledger } = this.#deps;
    const known = await ledger.stampedSubmissions(records.map(({ stamp }) => stamp!));
    return (await ledger.neverSent("note", [...new Set(known.values())])).length > 0;
  }
}
