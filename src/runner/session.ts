/**
 * What a run knows of the account it speaks to: its id in the ledger, its catalog (kept in the ledger, fetched only in the
 * parts that something needs) and how far the CRM's clock is from ours.
 */
import type { CrmSession } from "../crm/adapter.ts";
import type { Catalog, CatalogPart, CrmAccount, FieldedEntity } from "../domain/catalog.ts";
import type { AccountId } from "../domain/ids.ts";
import type { Outcome } from "../domain/operation.ts";
import { STAMP_FIELD_NAME } from "../domain/stamp.ts";
import type { RunnerDeps } from "./runner.ts";

/** A day-old catalog is still right nearly always, and a name that it lacks fetches the part anew. */
export const CATALOG_AGE_MAX_MS = 24 * 3_600_000;
const FIELDED: readonly FieldedEntity[] = ["organization", "person", "deal"];
/** Further ahead than any zone or sleeping machine makes a clock. */
const AHEAD_MAX_MS = 26 * 3_600_000;
const SAME_SKEW_MS = 3_600_000;
/** A catalog of more pages than this is not one. */
const PAGES_MAX = 50;

export type DescribePage = (part: CatalogPart, cursor: string | undefined) => Promise<Outcome>;

/** A clock that is set right moves by less. */
const CLOCK_STEP_MS = 60_000;

export class Session {
  accountId: AccountId = 0 as AccountId;
  readonly #deps: Pick<RunnerDeps, "ledger" | "clock" | "baseUrl" | "timeoutMs">;
  #catalog: Catalog = { fields: {}, labels: {} };
  readonly #fetchedAt = new Map<string, number>();
  readonly #fetching = new Map<CatalogPart, Promise<Outcome | null>>();
  #skewMs: number | null = null;
  /** As the last reply told it, believed or not. */
  #lastSkewMs: number | null = null;

  constructor(deps: Pick<RunnerDeps, "ledger" | "clock" | "baseUrl" | "timeoutMs">) {
    this.#deps = deps;
  }

  get catalog(): Catalog {
    return this.#catalog;
  }
  /** The CRM's clock less ours; null before the first reply with a date. */
  get skewMs(): number | null {
    return this.#skewMs;
  }

  crm(): CrmSession {
    return {
      baseUrl: this.#deps.baseUrl,
      timeoutMs: this.#deps.timeoutMs,
      catalog: this.#catalog,
      stampFields: this.stampFields(),
    };
  }

  stampFields(): CrmSession["stampFields"] {
    const codes: CrmSession["stampFields"] = {};
    for (const entity of FIELDED) {
      const def = this.#catalog.fields[entity]?.find(
        (field) => field.custom && field.name.trim().toLowerCase() === STAMP_FIELD_NAME,
      );
      if (def) codes[entity] = def.code;
    }
    return codes;
  }

  /**
   * Learns from the date of a reply, and gives it back where it can be believed. One that is more than a day ahead of ours is
   * believed only once the next reply says the same: it would hide what the CRM has from every look at what changed since.
   */
  learnTime(serverTimeMs: number | null, nowMs: number): number | null {
    if (serverTimeMs === null) return null;
    const skewMs = serverTimeMs - nowMs;
    const again = this.#lastSkewMs !== null && Math.abs(skewMs - this.#lastSkewMs) <= SAME_SKEW_MS;
    this.#lastSkewMs = skewMs;
    if (skewMs > AHEAD_MAX_MS && !again) return null;
    this.#skewMs = skewMs;
    return serverTimeMs;
  }

  /** An instant of ours on the CRM's clock. */
  crmTimeMs(ourMs: number): number {
    return ourMs + (this.#skewMs ?? 0);
  }

  /** Takes what the ledger remembers of the bound account's catalog. */
  async remember(accountId: AccountId): Promise<void> {
    this.accountId = accountId;
    for (const row of await this.#deps.ledger.loadCatalog(accountId)) {
      this.#merge(row.catalog);
      this.#fetchedAt.set(row.part, row.fetchedAtMs);
    }
  }

  /** When a part (also one such as `account:FINGERPRINT`) was last kept in the ledger. UTC ms; null: never. */
  rememberedAtMs(part: string): number | null {
    return this.#fetchedAt.get(part) ?? null;
  }

  bind(accountId: AccountId, account: CrmAccount): void {
    this.accountId = accountId;
    this.#catalog = { ...this.#catalog, account };
  }

  /**
   * Makes sure that a part is there and not older than `ageMaxMs`. Gives null, or the outcome that stood in the way. Calls
   * for one part at the same time share one fetch.
   */
  ensure(part: CatalogPart, ageMaxMs: number, describe: DescribePage): Promise<Outcome | null> {
    const fetchedAt = this.#fetchedAt.get(part);
    const ageMs = this.#deps.clock.wallMs() - (fetchedAt ?? Number.NEGATIVE_INFINITY);
    // Of a time that has not come yet it is from before the clock was set back: nobody knows how old it is.
    if (ageMs <= ageMaxMs && ageMs > -CLOCK_STEP_MS) return Promise.resolve(null);
    const running = this.#fetching.get(part);
    if (running) return running;
    const fetch = this.#fetch(part, describe).finally(() => this.#fetching.delete(part));
    this.#fetching.set(part, fetch);
    return fetch;
  }

  async #fetch(part: CatalogPart, describe: DescribePage): Promise<Outcome | null> {
    let cursor: string | undefined;
    const pages: Partial<Catalog>[] = [];
    for (let page = 0; page < PAGES_MAX; page += 1) {
      const outcome = await describe(part, cursor);
      if (outcome.type !== "applied") return outcome;
      if (outcome.catalog) pages.push(outcome.catalog);
      if (!outcome.next) break;
      cursor = outcome.next;
    }
    const whole = pages.reduce(joinPages, {});
    const nowMs = this.#deps.clock.wallMs();
    this.#merge(whole);
    this.#fetchedAt.set(part, nowMs);
    if (this.accountId !== 0) await this.#deps.ledger.saveCatalog(this.accountId, part, whole, nowMs);
    return null;
  }

  #merge(part: Partial<Catalog>): void {
    this.#catalog = {
      ...this.#catalog,
      ...part,
      fields: { ...this.#catalog.fields, ...part.fields },
      labels: { ...this.#catalog.labels, ...part.labels },
    };
  }
}

/** Pages of one part follow each other: lists are joined, single values taken from the last. */
function joinPages(into: Partial<Catalog>, page: Partial<Catalog>): Partial<Catalog> {
  const joined: Partial<Catalog> = { ...into, ...page };
  for (const list of ["pipelines", "stages", "users"] as const) {
    if (into[list] && page[list]) (joined[list] as unknown[]) = [...into[list], ...page[list]];
  }
  for (const group of ["fields", "labels"] as const) {
    const both: Record<string, unknown[]> = { ...(into[group] as Record<string, unknown[]> | undefined) };
    for (const [entity, rows] of Object.entries(page[group] ?? {})) both[entity] = [...(both[entity] ?? []), ...rows];
    if (into[group] || page[group]) (joined[group] as unknown) = both;
  }
  return joined;
}
