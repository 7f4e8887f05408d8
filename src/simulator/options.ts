import type { Clock } from "../domain/clock.ts";
import type { FaultPlan, OtherClients, PeopleWhoEdit } from "./fault-plan.ts";
import type { LimitOptions } from "./limits.ts";

export interface CompanyOptions {
  id: number;
  name: string;
  domain: string;
  currency: string;
}

/** Everything but the clock has a default: see `createSimulator`. */
export interface SimulatorOptions {
  clock: Pick<Clock, "wallMs" | "monoMs" | "sleep">;
  /** The same seed, the same requests at the same times: the same replies, byte by byte. */
  seed?: number;
  /** Null: no limits at all. Parts that are left out are Lite's. */
  limits?: Partial<LimitOptions> | null;
  /** Credentials, each its own user's. The first belongs to the first user. */
  tokens?: readonly string[];
  company?: Partial<CompanyOptions>;
  searchLagMs?: number;
  /** How late lists, and reads by id, show a new record. The vendor does not say; 0. */
  listLagMs?: number;
  readLagMs?: number;
  /** From the request's first byte to the reply's last; where in it the server counts the request is left to chance. */
  roundTripMs?: number | { leastMs: number; mostMs: number };
  faults?: FaultPlan;
  others?: OtherClients;
  edits?: PeopleWhoEdit;
  planCaps?: { deals?: number; customFields?: number };
  /** Makes the text fields called *crmledger*. A real account has none until `doctor --fix`. */
  withStampFields?: boolean;
  /** The server's clock less ours. */
  clockSkewMs?: number;
  /** What a GET of a deleted record answers; the vendor does not say. */
  deletedGet?: 404 | 410 | 200;
  /** What becomes of a key of a custom field that is not there: the vendor's general page says ignored, a user of v2 refused. */
  unknownFields?: "refuse" | "ignore";
  /** Longer texts of custom fields are cut without a word; left out: above 255 they are refused. The vendor says 255 and no more. */
  textMax?: number;
  /** First ids, apart from each other so that a mix-up shows. */
  firstIds?: Partial<Record<"person" | "organization" | "deal" | "note", number>>;
}
