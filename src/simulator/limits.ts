/**
 * The vendor's limits (rate limiting page, read 2026-11): requests per rolling 2 s and credential, ten of them searches;
 * tokens per day and company; an HTML 403 for who ignores refusals. Assumed where the page is silent: a refused call
 * takes no slot and a failed one costs nothing; a search counts in both windows; the last call of a day may overdraw the
 * budget, so that `remaining` is exactly 0 whenever the day is the reason.
 */
export interface LimitOptions {
  /** Requests per window of one credential. */
  burst: number;
  windowMs: number;
  /** Searches per window of one credential. */
  search: number;
  /** Tokens a day of the company; null: no end. */
  dailyTokens: number | null;
  /** Whether replies carry the undocumented `x-daily-ratelimit-token-*` headers. */
  dailyHeaders: boolean;
  /** Whether a 429 carries `retry-after`. */
  retryAfter: boolean;
  /** The day's midnight is that of this zone. */
  zoneOffsetMinutes: number;
  /** More refusals than this within `withinMs` bring the HTML 403 for `forMs`; null: never. */
  block: { refusals: number; withinMs: number; forMs: number } | null;
}

export const LITE_LIMITS: LimitOptions = {
  burst: 20,
  windowMs: 2_000,
  search: 10,
  dailyTokens: 30_000,
  dailyHeaders: true,
  retryAfter: false,
  zoneOffsetMinutes: 0,
  block: { refusals: 50, withinMs: 10_000, forMs: 300_000 },
};

const DAY_MS = 86_400_000;

/** Arrivals of the last `windowMs`. A slot is free again exactly one window after its arrival. */
class RollingWindow {
  private readonly windowMs: number;
  private times: number[] = [];
  private head = 0;

  constructor(windowMs: number) {
    this.windowMs = windowMs;
  }

  count(now: number): number {
    while (this.head < this.times.length && this.times[this.head]! <= now - this.windowMs) this.head++;
    if (this.head > 1_024) {
      this.times = this.times.slice(this.head);
      this.head = 0;
    }
    return this.times.length - this.head;
  }

  add(now: number): void {
    this.times.push(now);
  }

  resetMs(now: number): number {
    const oldest = this.times[this.head];
    return oldest === undefined ? 0 : Math.max(0, oldest + this.windowMs - now);
  }
}

export type LimitCause = "burst" | "search" | "daily" | "blocked";

interface CredentialState {
  all: RollingWindow;
  searches: RollingWindow;
  refusals: RollingWindow;
  blockedUntil: number;
}

export class Limits {
  readonly options: LimitOptions;
  private readonly credentials = new Map<string, CredentialState>();
  private day = Number.NaN;
  private spent = 0;
  peakWindow = 0;

  constructor(options: LimitOptions) {
    this.options = options;
  }

  /** Takes a slot, or says which limit refuses. Call once per arrival. */
  admit(now: number, token: string, isSearch: boolean): LimitCause | null {
    const state = this.credential(token);
    if (state.blockedUntil > now) return "blocked";
    const cause = this.refuses(now, state, isSearch);
    if (cause) {
      this.countRefusal(now, state);
      return cause;
    }
    state.all.add(now);
    if (isSearch) state.searches.add(now);
    this.peakWindow = Math.max(this.peakWindow, state.all.count(now));
    return null;
  }

  charge(now: number, tokens: number): void {
    this.turnDay(now);
    this.spent += tokens;
  }

  /** A request of another client with the same credential: it is refused as ours are, without a trace. */
  admitOther(now: number, token: string): boolean {
    const { all } = this.credential(token);
    if (all.count(now) >= this.options.burst) return false;
    all.add(now);
    this.peakWindow = Math.max(this.peakWindow, all.count(now));
    return true;
  }

  countRefusal(now: number, state: CredentialState | string): void {
    const credential = typeof state === "string" ? this.credential(state) : state;
    const block = this.options.block;
    if (!block) return;
    credential.refusals.add(now);
    if (credential.refusals.count(now) > block.refusals) credential.blockedUntil = now + block.forMs;
  }

  remainingToday(now: number): number | null {
    this.turnDay(now);
    return this.options.dailyTokens === null ? null : Math.max(0, this.options.dailyTokens - this.spent);
  }

  spentToday(now: number): number {
    this.turnDay(now);
    return this.spent;
  }

  sinceMidnightMs(now: number): number {
    return (now + this.options.zoneOffsetMinutes * 60_000) % DAY_MS;
  }

  headers(now: number, token: string): Record<string, string> {
    const { all } = this.credential(token);
    const used = all.count(now);
    const headers: Record<string, string> = {
      "x-ratelimit-limit": String(this.options.burst),
      "x-ratelimit-remaining": String(Math.max(0, this.options.burst - used)),
      "x-ratelimit-reset": String(Math.max(1, Math.ceil(all.resetMs(now) / 1000))),
    };
    const remaining = this.remainingToday(now);
    if (remaining !== null && this.options.dailyHeaders) {
      headers["x-daily-ratelimit-token-limit"] = String(this.options.dailyTokens);
      headers["x-daily-ratelimit-token-remaining"] = String(remaining);
    }
    return headers;
  }

  private refuses(now: number, state: CredentialState, isSearch: boolean): LimitCause | null {
    if (state.all.count(now) >= this.options.burst) return "burst";
    if (isSearch && state.searches.count(now) >= this.options.search) return "search";
    return this.remainingToday(now) === 0 ? "daily" : null;
  }

  private turnDay(now: number): void {
    const day = Math.floor((now + this.options.zoneOffsetMinutes * 60_000) / DAY_MS);
    if (day === this.day) return;
    this.day = day;
    this.spent = 0;
  }

  private credential(token: string): CredentialState {
    const known = this.credentials.get(token);
    if (known) return known;
    const { windowMs, block } = this.options;
    const state: CredentialState = {
      all: new RollingWindow(windowMs),
      searches: new RollingWindow(windowMs),
      refusals: new RollingWindow(block?.withinMs ?? windowMs),
      blockedUntil: 0,
    };
    this.credentials.set(token, state);
    return state;
  }
}
