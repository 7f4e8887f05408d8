/**
 * A simulator in a process of its own, which fills itself: what one delivered chain made is made again for each of many.
 * Told by messages of its parent; answers each.
 */
import { createSimulator } from "../../src/simulator/simulator.ts";
import { damageSome, fillLike } from "./scale-world.ts";
import { createSystemClock } from "./system-clock.ts";

export type CrmOrder =
  | { type: "fill"; chains: number }
  | { type: "damage"; chains: number; every: number }
  | { type: "count" };

export interface CrmAnswer {
  url?: string;
  expected?: Record<string, number>;
  total?: number;
  byRoute?: Record<string, number>;
  lastRequestAtMs?: number;
}

const simulator = createSimulator({
  clock: createSystemClock(),
  tokens: [process.argv[2]!],
  withStampFields: true,
  // A pace that no check waits for, so that what is measured is the check.
  limits: { burst: 1_000_000, search: 1_000_000, dailyTokens: 100_000_000 },
  deletedGet: 200,
});
const server = await simulator.serve();
let lastRequestAtMs = 0;
let seen = 0;
setInterval(() => {
  if (simulator.requests.total !== seen) lastRequestAtMs = Date.now();
  seen = simulator.requests.total;
}, 20);

const answer = (what: CrmAnswer): void => void process.send!(what);

process.on("message", (order: CrmOrder) => {
  if (order.type === "fill") {
    fillLike(simulator, order.chains);
    answer({});
  } else if (order.type === "damage") answer({ expected: damageSome(simulator, order.chains, order.every) });
  else answer({ total: simulator.requests.total, byRoute: { ...simulator.requests.byRoute }, lastRequestAtMs });
});
answer({ url: server.url });
