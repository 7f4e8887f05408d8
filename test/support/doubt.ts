/**
 * Creates whose answer is lost, every one of them, in all the ways that there are; on the virtual clock against the simulator.
 * What the CRM executed is told by the simulator's own log.
 */
import type { HttpRequest, HttpResult } from "../../src/domain/wire.ts";
import type { DiscrepancyRow } from "../../src/ledger/checks.ts";
import { checkOn, named } from "./check-rig.ts";
import { createRig, type Given, type Rig, SETTINGS } from "./drain-rig.ts";
import { mortalRun } from "./mortal-run.ts";
import { judge } from "./oracle.ts";
import { randomOf } from "./soak-world.ts";

/** How an answer is lost. `late` and `lag` have their effect, or show it in lists, only after a time. */
export const WAYS = [
  "reset after it was done",
  "5xx after it was done",
  "garbled 2xx",
  "time-out after it was done",
  "done late",
  "shown late by lists",
  "never done",
  "process death",
] as const;
export type Way = (typeof WAYS)[number];

export interface DoubtOptions {
  /** Uncertain creates, at the least. */
  creates: number;
  seed: number;
  /** What is broken on purpose: effects, or lists, that are later than the last settle time. */
  broken: "nothing" | "effects" | "lists";
  /** Of so many creates one is the process's last. */
  deathsEach?: number;
  say?: (line: string) => void;
}

export interface DoubtFigures {
  submissions: number;
  uncertain: Record<Way, number>;
  deaths: number;
  runs: number;
  /** By the simulator's log. */
  lost: string[];
  /** Records beyond the first of each person, organization, deal and note. */
  doubled: number;
  /** How many of these `reconcile` named as duplicates; which it did not; and what it named that is not so. */
  named: number;
  missed: string[];
  wrong: string[];
}

const LAST_SETTLE_MS = SETTINGS.retry.settleMs.at(-1)!;
/** Later than any run of tries and looks that may still be under way. */
const QUIET_MS = 4 * 3_600_000;
/** Of what is sent again, so many answers are lost once more; after the third try none. */
const LOST_AGAIN = 0.1;
const DEATHS_EACH = 150;

export async function doubt(options: DoubtOptions): Promise<DoubtFigures> {
  const wire = new DoubtfulWire(options);
  const rig = await createRig({
    settings: {
      limits: { ...SETTINGS.limits, burst: 2_000, share: 1 },
      // Every create fails here: that is no outage to wait for.
      breaker: { failureRate: 1.1, window: 20, cooldownMs: 30_000 },
    },
    simulator: { limits: null },
    transport: (request) => wire.send(rig, request),
    seed: options.seed,
  });
  const given = submissions(Math.ceil(options.creates / 3.5));
  await rig.take(given);
  let deaths = 0;
  let runs = 0;
  for (let remaining = 1; remaining > 0; runs += 1) {
    if (runs > 2_000) throw new Error(`work is left after ${runs} runs: ${JSON.stringify(await rig.ledger.queue())}`);
    const { report } = await mortalRun(rig, wire.fate, new Map());
    if (report === null) deaths += 1;
    wire.isDead = false;
    remaining = report?.remaining ?? 1;
    if (remaining > 0) await rig.clock.advance(40_000);
    if (runs % 20 === 0) options.say?.(`run ${runs}: ${wire.total} creates lost, ${remaining} submissions remain`);
  }
  await rig.clock.advance(QUIET_MS);
  const { lost } = judge(rig.simulator, given);
  const { rows } = await checkOn(rig);
  const failed = (await rig.ledger.queue()).failed;
  return {
    submissions: given.length,
    uncertain: wire.uncertain,
    deaths,
    runs,
    lost: failed > 0 ? [...lost, `${failed} submissions failed`] : lost,
    ...compared(rig, rows),
  };
}

/** Two people of each company. */
function submissions(count: number): Given[] {
  return Array.from({ length: count }, (_, n) => ({
    key: `wf_${n}`,
    content: {
      organization: { name: `Engines ${Math.floor(n / 2)}` },
      person: { name: `Lead ${n}`, email: `lead.${n}@example.com` },
      deal: { title: `Deal ${n}`, value: n, currency: "EUR" },
      notes: [`Note of lead ${n}`],
    },
  }));
}

/** Loses the answer of each create. */
class DoubtfulWire {
  readonly uncertain = Object.fromEntries(WAYS.map((way) => [way, 0])) as Record<Way, number>;
  isDead = false;
  readonly #random: () => number;
  readonly #broken: DoubtOptions["broken"];
  readonly #tries = new Map<string, number>();
  /** Records that lists don't show before a time. Monotonic ms. */
  readonly #hidden = new Map<string, number>();
  readonly #deathsEach: number;
  #lives = 0;

  constructor({ seed, broken, deathsEach = DEATHS_EACH }: DoubtOptions) {
    this.#deathsEach = deathsEach;
    this.#random = randomOf(seed);
    this.#broken = broken;
  }

  get total(): number {
    return Object.values(this.uncertain).reduce((sum, count) => sum + count, 0);
  }

  readonly fate = (): boolean => this.isDead;

  async send(rig: Rig, request: HttpRequest): Promise<HttpResult> {
    if (request.method === "GET") return this.#list(rig, request, await rig.simulator.handle(request));
    const way = request.method === "POST" ? this.#wayOf(request) : null;
    if (way === null) return await rig.simulator.handle(request);
    const life = this.#lives;
    const result = await this.#lose(rig, request, way);
    // Another one's death came first: with it, this answer was lost too.
    this.uncertain[life === this.#lives ? way : "process death"] += 1;
    return result;
  }

  #wayOf({ url, body = "" }: HttpRequest): Way | null {
    const name = `${url} ${body}`;
    const tries = this.#tries.get(name) ?? 0;
    this.#tries.set(name, tries + 1);
    if (tries > 2 || (tries > 0 && this.#random() >= LOST_AGAIN)) return null;
    if (this.#random() < 1 / this.#deathsEach) return "process death";
    return WAYS[Math.floor(this.#random() * (WAYS.length - 1))]!;
  }

  async #lose(rig: Rig, request: HttpRequest, way: Way): Promise<HttpResult> {
    const { simulator, clock } = rig;
    if (way === "never done") return failure("ECONNRESET", "the connection was reset");
    if (way === "done late") {
      void clock.sleep(this.#laterMs("effects")).then(() => simulator.handle(request));
      return answer(504, "Gateway timeout");
    }
    const result = await simulator.handle(request);
    switch (way) {
      case "5xx after it was done":
        return answer(500, "Internal server error");
      case "garbled 2xx":
        return answer(200, result.type === "response" ? `${result.body.slice(0, 40)}\u0000…` : "");
      case "time-out after it was done":
        await clock.sleep(request.timeoutMs);
        return failure("TIMEOUT", "no answer in time");
      case "process death":
        this.isDead = true;
        this.#lives += 1;
        return result;
      case "shown late by lists":
        this.#hide(request, result, clock.monoMs() + this.#laterMs("lists"));
    }
    return failure("ECONNRESET", "the connection was reset");
  }

  /** Within the last settle time, or beyond it where that is broken. */
  #laterMs(what: "effects" | "lists"): number {
    const early = this.#broken === what ? LAST_SETTLE_MS + 60_000 : 1_000;
    const late = this.#broken === what ? LAST_SETTLE_MS * 6 : LAST_SETTLE_MS - 10_000;
    return early + this.#random() * (late - early);
  }

  #hide({ url }: HttpRequest, result: HttpResult, untilMs: number): void {
    if (result.type !== "response" || result.status >= 300) return;
    const { id } = (JSON.parse(result.body) as { data: { id: number } }).data;
    this.#hidden.set(`${new URL(url).pathname} ${id}`, untilMs);
  }

  #list(rig: Rig, { url }: HttpRequest, result: HttpResult): HttpResult {
    if (result.type !== "response" || result.status !== 200 || this.#hidden.size === 0) return result;
    const { pathname, searchParams } = new URL(url);
    const page = JSON.parse(result.body) as { data: unknown };
    // What is asked for by id is there.
    if (!Array.isArray(page.data) || searchParams.has("ids")) return result;
    const shows = ({ id }: { id: number }) => (this.#hidden.get(`${pathname} ${id}`) ?? 0) <= rig.clock.monoMs();
    return { ...result, body: JSON.stringify({ ...page, data: (page.data as { id: number }[]).filter(shows) }) };
  }
}

const failure = (code: string, message: string): HttpResult => ({ type: "failure", sent: "maybe", code, message });
const answer = (status: number, body: string): HttpResult => ({ type: "response", status, headers: {}, body });

/** What the CRM has more than once, against what the check named. Who of several is kept, is the check's to say. */
function compared(
  { simulator }: Rig,
  rows: readonly DiscrepancyRow[],
): Pick<DoubtFigures, "doubled" | "named" | "missed" | "wrong"> {
  const groups = new Map<string, string[]>();
  for (const { entity, action, via, id, body } of simulator.log) {
    if (action !== "create" || via !== "api") continue;
    const { name, title, content } = body;
    const identity = JSON.stringify([entity, name ?? title ?? content]);
    groups.set(identity, [...(groups.get(identity) ?? []), `${entity}:${id}`]);
  }
  const wrong = rows.filter(({ kind }) => !kind.endsWith("-duplicate")).map(named);
  const surplus = new Set<string>();
  for (const { kind, entity, expected, actual } of rows) {
    if (!kind.endsWith("-duplicate")) continue;
    const [kept, there] = [expected, actual].map((side) => (side as { ids: string[] }).ids);
    for (const id of there!) if (!kept!.includes(id)) surplus.add(`${entity}:${id}`);
  }
  let [doubled, right] = [0, 0];
  const missed: string[] = [];
  for (const [identity, records] of groups) {
    const twice = records.length - 1;
    const said = records.filter((record) => surplus.has(record)).length;
    doubled += twice;
    right += Math.min(said, twice);
    if (said < twice) missed.push(`${identity} ${records.join(", ")}: ${said} of ${twice} named`);
    if (said > twice) wrong.push(`${identity} ${records.join(", ")}: ${said} named, not ${twice}`);
  }
  return { doubled, named: right, missed, wrong };
}
