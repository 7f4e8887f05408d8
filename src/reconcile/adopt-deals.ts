/** Which deal is which submission's. Each is taken once, and no submission goes without while another could do with less. Pure. */
import type { CrmId } from "../domain/ids.ts";
import type { CrmRecord } from "../domain/operation.ts";
import { compareIds } from "../domain/record-keys.ts";
import type { Wanted } from "./adopt.ts";
import { likeTitle, sameTitle } from "./adopt-texts.ts";
import { grouped } from "./grouped.ts";

const HOUR_MS = 3_600_000;
/** An earlier script delivers within two days; clocks differ by less than an hour. */
const SURE = { beforeMs: HOUR_MS, afterMs: 48 * HOUR_MS };
/** Local times that were read as UTC are off by so much, and a backlog waits for two weeks. Beyond it is another matter. */
const POSSIBLE = { beforeMs: 15 * HOUR_MS, afterMs: 14 * 24 * HOUR_MS };

export type Nearness = "sure" | "possible" | "unknown" | null;

/** How well a record's age goes with its submission's time; null: it can't be that one's. */
export function nearness(submittedAtMs: number | null, createdAtMs: number | null): Nearness {
  if (submittedAtMs === null || createdAtMs === null) return "unknown";
  const lateMs = createdAtMs - submittedAtMs;
  const within = (span: typeof SURE): boolean => lateMs >= -span.beforeMs && lateMs <= span.afterMs;
  return within(SURE) ? "sure" : within(POSSIBLE) ? "possible" : null;
}

/** The earliest creation that can be meant. */
export const earliestMs = (submittedAtMs: number): number => submittedAtMs - POSSIBLE.beforeMs;

/** `sure`: title, value and time are as wanted. */
export interface DealFit {
  index: number;
  deal: CrmRecord;
  sure: boolean;
  /** What is not as wanted; null where all is. */
  why: string | null;
}

interface Pair extends DealFit {
  /** 0: sure. 1: nearly. 2: nothing but person and time speak for it. */
  level: Level;
  rank: readonly number[];
}

type Level = (typeof LEVELS)[number];
const LEVELS = [0, 1, 2] as const;

export interface Assignment {
  /** By the submission's index. */
  fits: Map<number, DealFit>;
  /** Deals that fit a submission as well as the one that it has, and are no other's. */
  doubles: Map<number, CrmId[]>;
}

/**
 * `dealsOf`: those that may be a submission's. `hasNote`: whether a deal carries a note of it, which tells submissions of one
 * person apart.
 */
export function assignDeals(
  wanted: readonly Wanted[],
  dealsOf: (index: number) => readonly CrmRecord[],
  hasNote: (index: number, deal: CrmRecord) => boolean,
): Assignment {
  const pairs = wanted.flatMap((one, index) =>
    dealsOf(index).flatMap((deal) => pairOf(one, index, deal, () => hasNote(index, deal)) ?? []),
  );
  pairs.sort(byRank);
  const fits = place(pairs);
  for (const pair of pairs) if (wanted[pair.index]!.deal!.shared && !fits.has(pair.index)) fits.set(pair.index, pair);
  return { fits, doubles: doublesOf(pairs, fits) };
}

function pairOf(one: Wanted, index: number, deal: CrmRecord, hasNote: () => boolean): Pair | null {
  const { deal: sought, submittedAtMs, stamp } = one;
  if (sought === null || (deal.stamp !== null && deal.stamp !== stamp)) return null;
  const near = nearness(submittedAtMs, deal.createdAtMs);
  const own = deal.stamp === stamp;
  if (!own && near === null) return null;
  const title = titleFit(sought.title, deal.title ?? "");
  const note = hasNote();
  const stray = !own && !note && title === "other";
  // A script may call its deals anything. One that a person made in the CRM is none of a script's.
  if (stray && (near !== "sure" || deal.byApi === false)) return null;
  const value = valueWhy(sought, deal);
  const faults = own ? [] : [titleWhy(title, deal), value, timeWhy(near, submittedAtMs, deal)];
  const why = faults.filter((fault) => fault !== null).join(", ") || null;
  const lateMs = Math.abs((deal.createdAtMs ?? 0) - (submittedAtMs ?? 0));
  const level = why === null ? 0 : stray ? 2 : 1;
  const order = [!deal.deleted, note, title === "same", value === null].map((good) => (good ? 0 : 1));
  return { index, deal, sure: why === null, why, level, rank: [level, ...order, lateMs] };
}

function titleWhy(title: ReturnType<typeof titleFit>, deal: CrmRecord): string | null {
  if (title === "same") return null;
  return title === "any"
    ? "the submission names no title"
    : `its title is "${(deal.title ?? "").slice(0, TITLE_SHOWN)}"`;
}

const TITLE_SHOWN = 60;

function titleFit(wanted: string | null, there: string): "same" | "like" | "any" | "other" {
  if (wanted === null) return "any";
  if (sameTitle(wanted, there)) return "same";
  return likeTitle(wanted, there) ? "like" : "other";
}

function valueWhy({ value, currency }: NonNullable<Wanted["deal"]>, deal: CrmRecord): string | null {
  if (value === null) return null;
  if (value !== (deal.value ?? 0)) return `its value is ${deal.value ?? "empty"} instead of ${value}`;
  if (currency === null || deal.currency === null || currency === deal.currency) return null;
  return `its currency is ${deal.currency} instead of ${currency}`;
}

function timeWhy(near: Nearness, submittedAtMs: number | null, { createdAtMs }: CrmRecord): string | null {
  if (near === "sure") return null;
  if (submittedAtMs === null) return "the file names no time";
  if (createdAtMs === null) return "the CRM names no time";
  const hours = Math.round((createdAtMs - submittedAtMs) / HOUR_MS);
  if (hours < 0) return `it was made ${-hours} h before the submission (a time zone?)`;
  return `it was made ${Math.round(hours / 24)} days later`;
}

function byRank(a: Pair, b: Pair): number {
  for (const [at, value] of a.rank.entries()) if (value !== b.rank[at]) return value - b.rank[at]!;
  return compareIds(a.deal.id, b.deal.id) || a.index - b.index;
}

/** Submissions of one person that one search moves: it goes down as deep. */
const DEPTH_MAX = 2_000;

/** Best pairs first; then whoever has none moves others to deals that serve them as surely. */
function place(pairs: readonly Pair[]): Map<number, Pair> {
  const ofSubmission = new Map<number, Pair>();
  const ofDeal = new Map<CrmId, Pair>();
  const all = grouped(pairs, ({ index }) => index);
  const take = (pair: Pair): void => {
    ofSubmission.set(pair.index, pair);
    ofDeal.set(pair.deal.id, pair);
  };
  /** From these no search has found a way to a deal that is free, and none will. */
  const dead = new Set<CrmId>();
  const move = (index: number, most: Level, tried: Set<CrmId>, depth: number): boolean => {
    for (const pair of all.get(index) ?? []) {
      const { id } = pair.deal;
      if (pair.level > most || tried.has(id) || dead.has(id) || depth > DEPTH_MAX) continue;
      tried.add(id);
      const owner = ofDeal.get(id);
      if (owner !== undefined && !move(owner.index, owner.level, tried, depth + 1)) continue;
      take(pair);
      return true;
    }
    return false;
  };
  for (const level of LEVELS) {
    dead.clear();
    const eligible = pairs.filter((pair) => pair.level === level);
    for (const pair of eligible) if (!ofSubmission.has(pair.index) && !ofDeal.has(pair.deal.id)) take(pair);
    for (const index of new Set(eligible.map((pair) => pair.index))) {
      const tried = new Set<CrmId>();
      if (!ofSubmission.has(index) && !move(index, level, tried, 0)) for (const id of tried) dead.add(id);
    }
  }
  return ofSubmission;
}

/** Deals that are there twice for one submission: nobody's, and nothing about them is other than wanted. */
function doublesOf(pairs: readonly Pair[], fits: ReadonlyMap<number, DealFit>): Map<number, CrmId[]> {
  const taken = new Set<CrmId>([...fits.values()].map(({ deal }) => deal.id));
  const doubles = new Map<number, CrmId[]>();
  for (const { index, deal, sure } of pairs) {
    if (!sure || deal.deleted || taken.has(deal.id) || !fits.get(index)?.sure) continue;
    taken.add(deal.id);
    doubles.set(index, [...(doubles.get(index) ?? []), deal.id]);
  }
  return doubles;
}
