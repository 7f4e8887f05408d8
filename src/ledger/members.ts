/** The ledger's contract for the shape of a source's records: which members they have, and what changed of that. Never a value. */

export const MEMBER_TYPES = ["empty", "text", "number", "boolean", "object", "list"] as const;
/** `empty`: null, or a text of blanks. */
export type MemberType = (typeof MEMBER_TYPES)[number];

/** Of trees, or flat as a CSV's rows are: one spool may hold both. */
export const LAYOUTS = ["tree", "flat"] as const;
export type Layout = (typeof LAYOUTS)[number];

/** A member of one type. Records of a source and layout are numbered from 1, in the order in which they were looked at. */
export interface MemberRow {
  /** As a map writes it; elements of lists are `[]`, names that look like data `*`. */
  path: string;
  type: MemberType;
  /** Records that have it so. */
  count: number;
  firstNo: number;
  lastNo: number;
  /** The map read it when it was seen last. */
  mapped: boolean;
  /** Key of the submission that had it last; null: its record was rejected, or its person forgotten. */
  lastKey: string | null;
}

export const DRIFTS = ["vanished", "retyped", "added", "tooMany"] as const;
export type DriftKind = (typeof DRIFTS)[number];

export interface Drift {
  path: string;
  drift: DriftKind;
  /** The last record before it, or of an added one the first with it. */
  begunNo: number;
  /** Of a vanished one records before; of another type, or an added one, records with it. */
  count: number;
  /** Records since. */
  since: number;
  /** Of one that was given another type. */
  before: MemberType | null;
  after: MemberType | null;
  mapped: boolean;
  lastKey: string | null;
  foundAtMs: number;
}

export interface SourceShape {
  records: number;
  tooMany: boolean;
  members: MemberRow[];
  /** Open ones, and those that are over. */
  drifts: (Drift & { overAtMs: number | null })[];
}

export interface MembersLedger {
  sourceShape(source: string, layout: Layout): Promise<SourceShape>;
  /** Writes what is given in one transaction; other members and drifts stay as they are. Of two at once the later counts. */
  saveSourceShape(source: string, layout: Layout, shape: SourceShape): Promise<void>;
  /** Those that were found since an instant and are not over, of all sources, by source and path. */
  sourceDrifts(sinceMs: number): Promise<(Drift & { source: string; layout: Layout })[]>;
}
