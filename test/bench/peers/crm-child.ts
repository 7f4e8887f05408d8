/** Simulators in a process of their own, one for each measured run, each on its own port. Told by messages; answers each. */
import { setTimeout as wait } from "node:timers/promises";
import type { FieldedEntity } from "../../../src/domain/catalog.ts";
import type { FaultPlan } from "../../../src/simulator/fault-plan.ts";
import type { RunningServer } from "../../../src/simulator/server.ts";
import { createSimulator, type Simulator } from "../../../src/simulator/simulator.ts";
import { createSystemClock } from "../../support/system-clock.ts";
import { dealsMade, judgeCast, KNOWN_PERSONS, type PeerSubmission, type Verdict } from "./cast.ts";

export interface CellWorld {
  /** Null: no limits at all. */
  burst: number | null;
  dailyTokens: number | null;
  othersPerSecond: number;
  /** Tokens of the day that are gone before anybody begins; `dailyTokens` are left. */
  spentByOthers: number;
  faults: FaultPlan;
  roundTripMs: { leastMs: number; mostMs: number };
  seed: number;
}

export type CellOrder = { cell: string } & (
  | { type: "open"; world: CellWorld; token: string }
  | { type: "look" }
  /** Faults and other clients end. */
  | { type: "calm" }
  | { type: "midnight"; dailyTokens: number }
  | { type: "judge"; submissions: PeerSubmission[] }
  | { type: "close" }
);

export interface CellAnswer {
  url: string;
  requests: number;
  tokens: number;
  /** 429s that the client brought upon itself, and refusals by the abuse block. */
  limited: number;
  blocked: number;
  spentToday: number;
  deals: number;
  /** When each record was created or changed, in order. Only with a verdict. */
  writesAtMs: number[];
  writes: number;
  lastWriteAtMs: number;
  verdict: Verdict | null;
  stamps: { entity: FieldedEntity; code: string }[];
  firstPersonId: number;
}

const ENTITIES: readonly FieldedEntity[] = ["person", "organization", "deal"];

const cells = new Map<string, { simulator: Simulator; server: RunningServer; faults: FaultPlan }>();
/** The vendor's block lasts minutes, for which no bench waits. */
const BLOCK = { refusals: 50, withinMs: 10_000, forMs: 15_000 };

async function open(cell: string, world: CellWorld, token: string): Promise<void> {
  const { burst, dailyTokens, othersPerSecond, spentByOthers, faults, roundTripMs, seed } = world;
  // Enough that the others can spend theirs.
  const start = dailyTokens === null ? null : dailyTokens + 2 * spentByOthers;
  const simulator = createSimulator({
    clock: createSystemClock(),
    seed,
    tokens: [token],
    withStampFields: true,
    limits: burst === null ? null : { burst, dailyTokens: start, retryAfter: true, block: BLOCK },
    ...(othersPerSecond > 0 && { others: { requestsPerSecond: othersPerSecond, tokensPerSecond: 0 } }),
    faults,
    roundTripMs,
  });
  simulator.seedPersons(KNOWN_PERSONS);
  if (dailyTokens !== null && spentByOthers > 0) {
    simulator.setOthers({ requestsPerSecond: 0, tokensPerSecond: 20 * spentByOthers });
    while (simulator.spentToday() < spentByOthers) await wait(5);
    simulator.setOthers(null);
    simulator.setLimits({ dailyTokens: simulator.spentToday() + dailyTokens });
  }
  cells.set(cell, { simulator, server: await simulator.serve(), faults });
}

async function obey(order: CellOrder): Promise<CellAnswer> {
  if (order.type === "open") await open(order.cell, order.world, order.token);
  const { simulator, server, faults } = cells.get(order.cell)!;
  if (order.type === "calm") {
    for (const odds of Object.values(faults)) odds.perCall = 0;
    simulator.setOthers(null);
  } else if (order.type === "midnight") simulator.setLimits({ dailyTokens: order.dailyTokens });
  else if (order.type === "close") {
    cells.delete(order.cell);
    await server.close();
  }
  const { requests, log } = simulator;
  return {
    url: server.url,
    requests: requests.total,
    tokens: requests.tokens,
    limited: requests.limited.burst + requests.limited.search + requests.limited.daily,
    blocked: requests.blocked,
    spentToday: simulator.spentToday(),
    deals: dealsMade(simulator),
    writesAtMs: order.type === "judge" ? log.map(({ at }) => at) : [],
    writes: log.length,
    lastWriteAtMs: log.at(-1)?.at ?? 0,
    verdict: order.type === "judge" ? judgeCast(log, order.submissions) : null,
    stamps: ENTITIES.map((entity) => ({ entity, code: simulator.stampField(entity)! })),
    firstPersonId: simulator.records.persons[0]!.id,
  };
}

process.on("message", ({ no, order }: { no: number; order: CellOrder }) => {
  obey(order).then(
    (answer) => process.send!({ no, answer }),
    (error: unknown) => process.send!({ no, error: String(error) }),
  );
});
// Without its parent nobody is left to ask.
process.on("disconnect", () => process.exit());
