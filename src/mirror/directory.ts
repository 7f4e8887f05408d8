/**
 * The mirrored directory of one entity: answers look-ups from the ledger, and asks the CRM the cheapest way for what the
 * ledger can't answer.
 *
 * A person is believed to be new when each key that decides is missed by a complete mirror (walked once, refreshed since
 * this run began, at most `freshnessMs` or ten minutes ago), or by a search. A phone number that a search misses may be
 * written differently at the CRM. That is accepted where an e-mail address or match field is missed as well, and said so;
 * a look-up by phone alone needs the mirror, up to a price.
 */
import type { IdentityKey } from "../domain/identity.ts";
import type { CrmId } from "../domain/ids.ts";
import type { CrmRecord } from "../domain/operation.ts";
import type { MirrorEntity, MirrorHit, MirrorState } from "../ledger/rows.ts";
import { confirmByIds } from "./confirm.ts";
import { Evidence, isPhoneKey } from "./evidence.ts";
import { isSearchDown } from "./lookup-failed.ts";
import type { Answer, Lookup, MirrorDeps } from "./mirror.ts";
import { pageBudget, pagesTokens } from "./price.ts";
import { searchKey } from "./search-key.ts";
import type { Tally } from "./tally.ts";
import { beginWalk, type Walk, walkOn } from "./walk.ts";

/** A refresh of this run answers its look-ups so long, whatever `freshness` is: a run takes one, a long run a few. */
const HOLDS_MS = 600_000;
/** A look-up by phone alone may cost this much once: with Pipedrive's prices a walk over 100,000 persons. */
const PROOF_TOKENS_MAX = 2000;
/** Keys of one ledger query. */
const KEYS_MAX = 500;
/** Rounds of reading by id; each takes the next few ids of every look-up that is still open. */
const ROUNDS_MAX = 20;

export class Directory {
  readonly #deps: MirrorDeps;
  readonly #entity: MirrorEntity;
  readonly #keysOf: (record: CrmRecord) => IdentityKey[];
  readonly #tally: Tally;
  #beganAtMs: number;
  /** When this run's own last complete refresh began. */
  #refreshedAtMs: number | null = null;
  #doubtedAtMs: number | null = null;
  #paused: Walk | null = null;
  /** Keys that a search of this run missed, and when. */
  readonly #missedAtMs = new Map<IdentityKey, number>();
  #queue: Promise<unknown> = Promise.resolve();

  constructor(deps: MirrorDeps, entity: MirrorEntity, keysOf: (record: CrmRecord) => IdentityKey[], tally: Tally) {
    this.#deps = deps;
    this.#entity = entity;
    this.#keysOf = keysOf;
    this.#tally = tally;
    this.#beganAtMs = deps.clock.wallMs();
  }

  async answer(lookups: readonly Lookup[]): Promise<Answer[]> {
    const evidence = new Evidence(this.#keysOf);
    const searched = new Set<IdentityKey>();
    await this.#readKnown(lookups, evidence);
    if (!(await this.#complete(lookups, evidence, false))) {
      await this.#searchOrPages(lookups, evidence, searched);
      const byPhoneAlone = lookups.filter((lookup) => needsProof(lookup, evidence));
      if (byPhoneAlone.length > 0) await this.#complete(byPhoneAlone, evidence, true);
    }
    const state = await this.#state();
    return lookups.map((lookup) => this.#answer(lookup, evidence, searched, this.#proves(state)));
  }

  /** What was believed up to now may be behind: the next miss needs a refresh of its own, whatever `freshness` is. */
  doubt(): void {
    this.#beganAtMs = this.#deps.clock.wallMs();
    this.#doubtedAtMs = this.#beganAtMs;
    this.#refreshedAtMs = null;
    this.#paused = null;
    this.#missedAtMs.clear();
  }

  /** Looks the keys up in the ledger and reads what it names, until nothing named is unread. */
  async #readKnown(lookups: readonly Lookup[], evidence: Evidence): Promise<void> {
    for (let round = 0; round < ROUNDS_MAX; round += 1) {
      const open = lookups.filter((lookup) => evidence.openKeys(lookup).length > 0);
      const hits = await this.#find(open.flatMap((lookup) => lookup.keys));
      const ids = [...new Set(open.flatMap((lookup) => evidence.idsToRead(lookup, hits)))];
      if (ids.length === 0) return;
      await this.#confirm(ids, evidence, hits);
    }
  }

  async #find(keys: readonly IdentityKey[]): Promise<Map<IdentityKey, MirrorHit[]>> {
    const distinct = [...new Set(keys)];
    const hits = new Map<IdentityKey, MirrorHit[]>();
    for (let from = 0; from < distinct.length; from += KEYS_MAX) {
      const chunk = distinct.slice(from, from + KEYS_MAX);
      const found = await this.#deps.ledger.mirrorFind(this.#deps.accountId, this.#entity, chunk);
      for (const [key, of] of found) hits.set(key, of);
    }
    return hits;
  }

  async #confirm(
    ids: readonly CrmId[],
    evidence: Evidence,
    hits: ReadonlyMap<IdentityKey, readonly MirrorHit[]>,
  ): Promise<void> {
    const { records, requests, tokens } = await confirmByIds(this.#deps, this.#entity, ids);
    this.#tally.confirmed(ids.length, requests, tokens);
    for (const [id, record] of records) evidence.add(id, record);
    const known = new Map([...hits.values()].flat().map((hit) => [hit.id, hit.keys]));
    const changed = [...records.values()].filter(
      (record) => record !== null && !sameKeys(known.get(record.id), this.#keysOf(record)),
    );
    const gone = [...records].flatMap(([id, record]) => (record === null ? [id] : []));
    // Merged, deleted or edited by people since it was seen: who has its keys now is not known before the next refresh.
    const lost = (record: CrmRecord | null): boolean =>
      record !== null && known.get(record.id)?.some((key) => !this.#keysOf(record).includes(key)) === true;
    if (gone.some((id) => known.has(id)) || changed.some(lost)) this.doubt();
    await this.#save(
      changed.filter((record) => record !== null),
      gone,
    );
  }

  async #save(records: readonly CrmRecord[], gone: readonly CrmId[], state: MirrorState | null = null): Promise<void> {
    if (records.length === 0 && gone.length === 0 && state === null) return;
    await this.#deps.ledger.mirrorSave({
      accountId: this.#deps.accountId,
      entity: this.#entity,
      records: [...records],
      keys: Object.fromEntries(records.map((record) => [record.id, this.#keysOf(record)])),
      gone: [...gone],
      state,
      nowMs: this.#deps.clock.wallMs(),
    });
  }

  /**
   * Completes the mirror where that is the cheapest way (or the only proof) for what is open, and reads what it then names.
   * True where nothing is open after it, or a miss is proved.
   */
  async #complete(lookups: readonly Lookup[], evidence: Evidence, asProof: boolean): Promise<boolean> {
    const openKeys = (): IdentityKey[] => [
      ...new Set(lookups.flatMap((lookup) => evidence.openKeys(lookup)).filter((key) => !this.#missed(key) || asProof)),
    ];
    if (openKeys().length === 0) return true;
    const proved = await this.#alone(async () => {
      const state = await this.#state();
      return this.#proves(state) || (await this.#page(state, openKeys().length, asProof));
    });
    // Another look-up may have completed it while this one waited for its turn.
    if (proved) await this.#readKnown(lookups, evidence);
    return proved;
  }

  async #page(state: MirrorState, openKeys: number, asProof: boolean): Promise<boolean> {
    const { capabilities } = this.#deps;
    const searchTokens = openKeys * capabilities.cost("search", this.#entity);
    const walk = this.#resumable() ?? beginWalk(state, this.#deps.clock.wallMs());
    const pageTokens = capabilities.cost("list", this.#entity);
    const atLeastTokens =
      walk.kind === "walk" ? pagesTokens(state.records, capabilities.listPageSize, pageTokens) : pageTokens;
    const budget = pageBudget({
      searchedTokens: state.searchTokens,
      savedTokens: searchTokens,
      pageTokens,
      atLeastTokens,
      spentTokens: walk.tokens,
    });
    const proof = asProof ? proofBudget(walk, atLeastTokens) : 0;
    const before = walk.tokens;
    // A read that fails ends the try: its cursor may be what the CRM refused.
    this.#paused = null;
    const done = await walkOn(this.#deps, this.#entity, walk, Math.max(budget, proof), this.#keysOf);
    if (done) {
      this.#refreshedAtMs = walk.startedAtMs;
      this.#missedAtMs.clear();
      const figures = [walk.pages, walk.tokens, openKeys, searchTokens] as const;
      if (walk.kind === "walk") this.#tally.walked(...figures);
      else this.#tally.refreshed(...figures);
    } else {
      this.#paused = walk;
      if (walk.tokens > before) this.#tally.stopped((walk.tokens - before) / pageTokens, walk.tokens - before);
    }
    return done;
  }

  #resumable(): Walk | null {
    const walk = this.#paused;
    if (walk === null || walk.cursor === null) return null;
    return this.#within(walk.startedAtMs, HOLDS_MS) ? walk : null;
  }

  /** Pages, up to a price, where searches are not answered: the walk is paid for once, and the look-ups go on. */
  async #searchOrPages(lookups: readonly Lookup[], evidence: Evidence, searched: Set<IdentityKey>): Promise<void> {
    try {
      await this.#searchOpen(lookups, evidence, searched);
    } catch (error) {
      if (!isSearchDown(error) || !(await this.#complete(lookups, evidence, true))) throw error;
    }
  }

  async #searchOpen(lookups: readonly Lookup[], evidence: Evidence, searched: Set<IdentityKey>): Promise<void> {
    let spent = 0;
    // Key by key in the order of each look-up: who is found by e-mail is not sought by phone.
    for (let round = 0; round < ROUNDS_MAX; round += 1) {
      const wanted = new Set<IdentityKey>();
      for (const lookup of lookups) {
        for (const key of evidence.openKeys(lookup)) if (this.#missed(key)) searched.add(key);
        const next = evidence.openKeys(lookup).find((key) => !searched.has(key));
        if (next !== undefined) wanted.add(next);
      }
      if (wanted.size === 0) break;
      const hits = await Promise.all([...wanted].map((key) => searchKey(this.#deps, this.#entity, key)));
      const ids = [...new Set(hits.flat())];
      if (ids.length > 0) await this.#confirm(ids, evidence, new Map());
      for (const key of wanted) {
        searched.add(key);
        if (evidence.carriers(key).length === 0) this.#missedAtMs.set(key, this.#deps.clock.wallMs());
      }
      const tokens = wanted.size * this.#deps.capabilities.cost("search", this.#entity);
      this.#tally.searched(wanted.size, tokens);
      spent += tokens;
    }
    if (spent > 0) await this.#addSearchTokens(spent);
  }

  async #addSearchTokens(tokens: number): Promise<void> {
    await this.#alone(async () => {
      const state = await this.#state();
      await this.#save([], [], { ...state, searchTokens: state.searchTokens + tokens });
    });
  }

  #answer(lookup: Lookup, evidence: Evidence, searched: ReadonlySet<IdentityKey>, proved: boolean): Answer {
    const candidates = evidence.candidates(lookup);
    const missed = candidates.length === 0 && lookup.keys.some((key) => this.#missed(key));
    const via = missed || lookup.keys.some((key) => searched.has(key)) ? "search" : "mirror";
    return { candidates, via, explanation: explanationOf(lookup, candidates.length, via, proved) };
  }

  #missed(key: IdentityKey): boolean {
    const atMs = this.#missedAtMs.get(key);
    return atMs !== undefined && this.#within(atMs, HOLDS_MS);
  }

  /** Whether what the mirror misses is believed not to be at the CRM. */
  #proves(state: MirrorState): boolean {
    if (state.walkedAtMs === null || state.refreshedAtMs === null) return false;
    const holdsMs = Math.max(HOLDS_MS, this.#deps.freshnessMs);
    if (this.#refreshedAtMs !== null && this.#within(this.#refreshedAtMs, holdsMs)) return true;
    // A refresh by a process that works beside this run is as good as its own.
    if (state.refreshedAtMs > this.#beganAtMs && this.#within(state.refreshedAtMs, holdsMs)) return true;
    if (this.#doubtedAtMs !== null && state.refreshedAtMs <= this.#doubtedAtMs) return false;
    return this.#within(state.refreshedAtMs, this.#deps.freshnessMs);
  }

  #within(instantMs: number, forMs: number): boolean {
    const ageMs = this.#deps.clock.wallMs() - instantMs;
    return ageMs >= 0 && ageMs < forMs;
  }

  #state(): Promise<MirrorState> {
    return this.#deps.ledger.mirrorState(this.#deps.accountId, this.#entity);
  }

  /** One at a time: two look-ups that need the same refresh take it once. */
  #alone<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#queue.then(work, work);
    this.#queue = turn.catch(() => undefined);
    return turn;
  }
}

/** Changes are never more than the directory that was paid for once; a first walk has its price limit. */
function proofBudget(walk: Walk, atLeastTokens: number): number {
  if (walk.kind === "refresh") return Number.POSITIVE_INFINITY;
  return atLeastTokens < PROOF_TOKENS_MAX ? PROOF_TOKENS_MAX : 0;
}

/** Sought by phone alone, and not found. */
function needsProof(lookup: Lookup, evidence: Evidence): boolean {
  return lookup.keys.length > 0 && lookup.keys.every(isPhoneKey) && evidence.openKeys(lookup).length > 0;
}

function sameKeys(a: readonly IdentityKey[] | undefined, b: readonly IdentityKey[]): boolean {
  return a !== undefined && a.length === b.length && b.every((key) => a.includes(key));
}

function explanationOf(lookup: Lookup, found: number, via: Answer["via"], proved: boolean): string {
  if (found > 0) return `Found ${via === "mirror" ? "in the mirror" : "by search"} and confirmed at the CRM.`;
  if (lookup.keys.length === 0) return "There is nothing to look it up by.";
  if (proved) return "Not at the CRM by its mirror, which was just brought up to date.";
  if (lookup.keys.some(isPhoneKey))
    return "Not found by search; a phone number that is written differently at the CRM is not found that way.";
  return "Not found by search.";
}
