/**
 * The contract of `reconcile`: what it needs, and what it gives. A check looks at the CRM by list pages, keeps what it saw
 * in the ledger, lets SQL find what differs, and names each difference. It changes nothing at the CRM: repairs go into the
 * ordinary queue.
 */
import type { CrmAdapter, CrmSession } from "../crm/adapter.ts";
import type { Entity } from "../domain/catalog.ts";
import type { Clock } from "../domain/clock.ts";
import type { AccountId, RunId } from "../domain/ids.ts";
import type { CheckRow, CheckScope } from "../ledger/checks.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { Mirror, MirrorDeps, Read } from "../mirror/mirror.ts";
import type { ReconcileFailpoint } from "./failpoints.ts";

export interface ReconcileDeps {
  ledger: Ledger;
  accountId: AccountId;
  runId: RunId;
  adapter: Pick<CrmAdapter, "capabilities" | "codec" | "contains" | "sameNote">;
  /** With the fields of persons, organizations and deals fetched: their names are what people read. */
  session: CrmSession;
  read: Read;
  clock: Clock;
  /** An instant of ours on the CRM's clock. */
  crmTimeMs: (ourMs: number) => number;
  mirror: Pick<Mirror, "keysOf">;
  mirrorDeps: MirrorDeps;
  failpoint: ReconcileFailpoint;
  /** How much of a time was quiet for a source, which does not make it late; absent: nothing is. */
  quietMs?: (source: string, fromMs: number, toMs: number) => number;
  progress?: (state: { entity: Entity; records: number; expected: number }) => void;
}

/** A record of a source (its archive, an export file) that the ledger doesn't know. */
export interface NotIngested {
  source: string;
  key: string;
  email: string | null;
  submittedAtMs: number | null;
  file: string;
  line: number | null;
}

/**
 * How an entity's records are looked at. `walk`: all list pages. `changed`: the pages of what changed since the scope's
 * start, and the rest of ours by id. `none`: nothing of ours is in the scope.
 */
export type Way = "walk" | "changed" | "none";

/** What the look at one entity will cost, at least: how many records of others the CRM has shows only on the way. */
export interface EntityPrice {
  entity: Entity;
  way: Way;
  /** Records of ours in the scope. */
  records: number;
  requests: number;
  tokens: number;
}

export interface CheckPrice {
  entities: EntityPrice[];
  requests: number;
  tokens: number;
}

export interface CheckReport {
  check: CheckRow;
  checked: number;
  matched: number;
  /** What this check could not see, one sentence each. */
  notChecked: string[];
}

export interface CheckInput {
  scope: CheckScope;
  notIngested: readonly NotIngested[];
}
