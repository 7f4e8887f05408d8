/** A firewall in front of the CRM that blocks what looks like an attack: one spammer's text must not keep all others back. */
import { describe, expect, it } from "vitest";
import type { HttpRequest, HttpResult } from "../../src/domain/wire.ts";
import { lead, SETTINGS } from "../support/drain-rig.ts";
import { type WatchedRig, watchedRig } from "../support/watched-rig.ts";

const PAGE = { type: "response", status: 403, headers: {}, body: "<html>Attention Required!</html>" } as const;
const ATTACK = "1' UNION SELECT password FROM users --";
const leads = (count: number, from = 1) => Array.from({ length: count }, (_, n) => lead(from + n));
const attack = (number: number) => lead(number, { notes: [ATTACK] });

interface Firewall {
  blocks: (request: HttpRequest) => boolean;
  /** What it turned away. */
  turnedAway: HttpRequest[];
}

function behindFirewall(rig: WatchedRig, blocks: Firewall["blocks"], answer: HttpResult = PAGE): Firewall {
  const firewall: Firewall = { blocks, turnedAway: [] };
  const { handle } = rig.simulator;
  (rig.simulator as { handle: typeof handle }).handle = async (request): Promise<HttpResult> => {
    if (!firewall.blocks(request)) return await handle(request);
    firewall.turnedAway.push(request);
    return answer;
  };
  return firewall;
}

const holdsAttack = ({ body }: HttpRequest): boolean => body?.includes("UNION SELECT") ?? false;

/** Runs as cron does, each minute; `visitor`: with one more lead each time. */
async function minutes(rig: WatchedRig, count: number, visitor = false): Promise<void> {
  for (let n = 0; n < count; n += 1) {
    if (visitor) await rig.take([lead(1_000 + rig.clock.wallMs() / 1_000)]);
    await rig.run();
    await rig.clock.advance(60_000);
  }
}

describe("a text that the CRM's firewall takes for an attack", () => {
  it("keeps nobody else back, is tried a few times, and fails with what can be done", async () => {
    const rig = await watchedRig();
    const firewall = behindFirewall(rig, holdsAttack);
    await rig.take([...leads(20), attack(21), ...leads(20, 22)]);
    expect(await rig.run()).toMatchObject({ stopped: "drained", hold: null, drained: { done: 40, failed: 0 } });
    await minutes(rig, 100, true);
    const [failed, ...others] = await rig.ledger.failed({});
    expect(others).toEqual([]);
    expect(failed).toMatchObject({ key: "wf_21", step: "note.1", error: { code: "CRM_BLOCKED" } });
    expect(failed?.error.hint).toContain("failed drop");
    // The first of them told nothing: no other note went through between two tries.
    expect(firewall.turnedAway.length).toBeLessThanOrEqual(SETTINGS.retry.maxAttempts + 1);
    expect((await rig.story("wf_21")).steps.map(({ name, state }) => `${name} ${state}`)).toEqual([
      "person done",
      "deal done",
      "note.1 failed",
    ]);
    expect(rig.simulator.records.notes).toHaveLength(140);
    expect(await rig.ledger.holds()).toEqual([]);
  });

  it("waits, and uses up no try, while nothing else of its kind goes through: it may be all of them", async () => {
    const rig = await watchedRig();
    const firewall = behindFirewall(rig, ({ method, url }) => method === "POST" && url.includes("/notes"));
    await rig.take([lead(1), lead(2)]);
    await minutes(rig, 120);
    expect(await rig.ledger.queue()).toMatchObject({ waiting: 2, failed: 0 });
    expect((await rig.story("wf_1")).submission.attempts).toBe(0);
    expect(firewall.turnedAway.length).toBeLessThanOrEqual(18);
    firewall.blocks = () => false;
    await minutes(rig, 20);
    expect(await rig.ledger.queue()).toMatchObject({ done: 2 });
  });

  it("goes through once the firewall lets it", async () => {
    const rig = await watchedRig();
    const firewall = behindFirewall(rig, holdsAttack);
    await rig.take([attack(1)]);
    await rig.run();
    firewall.blocks = () => false;
    await minutes(rig, 20);
    expect(await rig.ledger.queue()).toMatchObject({ done: 1, failed: 0 });
    expect(rig.simulator.records.notes).toHaveLength(1);
  });

  it("in a flood of them the genuine ones are delivered", async () => {
    const rig = await watchedRig();
    behindFirewall(rig, holdsAttack);
    await rig.take(Array.from({ length: 120 }, (_, n) => (n % 10 === 9 ? lead(n) : attack(n))));
    await minutes(rig, 5, true);
    expect(rig.simulator.records.notes).toHaveLength(12 + 5);
    await minutes(rig, 115, true);
    expect(await rig.ledger.queue()).toMatchObject({ done: 12 + 5 + 115, failed: 108, pending: 0, waiting: 0 });
  });

  it("in an organization's name keeps nobody else back", async () => {
    const rig = await watchedRig();
    const hostile = "Acme'; DROP TABLE organizations";
    const firewall = behindFirewall(rig, ({ url, body }) => decodeURIComponent(`${url}${body}`).includes("DROP"));
    await rig.take([...leads(5), lead(6, { organization: { name: hostile } }), ...leads(5, 7)]);
    await minutes(rig, 100);
    expect(firewall.turnedAway.length).toBeGreaterThan(0);
    expect(await rig.ledger.queue()).toMatchObject({ done: 10, waiting: 1, failed: 0 });
  });
});

describe("a proxy before the API", () => {
  const tooLong = {
    type: "response",
    status: 413,
    headers: {},
    body: "<html>413 Request Entity Too Large</html>",
  } as const;
  const noRoute = { type: "response", status: 404, headers: {}, body: '{"message":"no Route matched"}' } as const;

  it("that finds one text too long keeps nobody else back", async () => {
    const rig = await watchedRig();
    behindFirewall(rig, ({ body }) => (body?.length ?? 0) > 10_000, tooLong);
    await rig.take([...leads(5), lead(6, { notes: ["long ".repeat(4_000)] }), ...leads(5, 7)]);
    await minutes(rig, 100, true);
    expect(await rig.ledger.queue()).toMatchObject({ done: 110, failed: 1 });
    const [failed] = await rig.ledger.failed({});
    expect(failed?.error.message).toContain("413");
  });

  it("that has no way to the API fails nobody, and no known person is taken for gone", async () => {
    const rig = await watchedRig();
    await rig.take([lead(1)]);
    await rig.run();
    const firewall = behindFirewall(rig, () => true, noRoute);
    await rig.take([
      lead(2, { person: { email: "lead.1@example.com", name: "Lead 1", phone: "+491701234567" } }),
      lead(3),
    ]);
    expect(await rig.run()).toMatchObject({ stopped: "hold", hold: { kind: "outage", scope: "account" } });
    firewall.blocks = ({ method }) => method !== "GET";
    await rig.run();
    firewall.blocks = () => false;
    await minutes(rig, 20);
    expect(await rig.ledger.queue()).toMatchObject({ done: 3, failed: 0 });
    expect(rig.simulator.records.persons).toHaveLength(2);
  });
});

describe("a block of all that we send", () => {
  it("stops the run at once: nothing leaves while it is asked, and nobody uses up a try", async () => {
    const rig = await watchedRig();
    let isBlocking = false;
    const firewall = behindFirewall(rig, ({ method }) => {
      isBlocking ||= method === "POST";
      return isBlocking;
    });
    await rig.take(leads(30));
    expect(await rig.run()).toMatchObject({ stopped: "hold", hold: { kind: "blocked", scope: "account" } });
    const first = firewall.turnedAway.findIndex(({ method }) => method === "GET");
    expect(firewall.turnedAway.slice(first).map(({ url }) => new URL(url).pathname)).toEqual(["/v1/users/me"]);
    expect(await rig.ledger.queue()).toMatchObject({ pending: 30, waiting: 0, failed: 0 });
  });

  it("that lets reads through is one too, after twenty writes in a row", async () => {
    const rig = await watchedRig();
    const firewall = behindFirewall(rig, ({ method }) => method === "POST");
    await rig.take(leads(60));
    expect(await rig.run()).toMatchObject({ stopped: "hold", hold: { kind: "blocked" } });
    expect(firewall.turnedAway.length).toBeLessThan(40);
    expect(await rig.ledger.queue()).toMatchObject({ failed: 0, done: 0 });
    firewall.blocks = () => false;
    await minutes(rig, 20);
    expect(await rig.ledger.queue()).toMatchObject({ done: 60, failed: 0 });
  });
});
