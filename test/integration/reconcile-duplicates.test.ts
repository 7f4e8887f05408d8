/** Duplicates are shown with what hangs on each, so that a person can say which to keep. */
import { expect, it } from "vitest";
import { checkOn, named } from "../support/check-rig.ts";
import { chainLead } from "../support/damage.ts";
import { createRig, lead } from "../support/drain-rig.ts";
import { IMMORTAL, mortalRun, runToTheEnd } from "../support/mortal-run.ts";

it("a duplicate names what hangs on each of its records", async () => {
  const rig = await createRig({ simulator: { limits: null } });
  await rig.take([chainLead(1), chainLead(2)]);
  await rig.run();
  const { simulator } = rig;
  const [first] = simulator.records.persons;
  const twin = simulator.integration.addPerson({ name: "Twin", emails: [{ value: first!.emails[0]!.value }] });
  simulator.addDeal({ title: "By hand", person_id: twin.id });
  simulator.addDeal({ title: "By hand, too", person_id: twin.id });
  const [company] = simulator.records.organizations;
  const branch = simulator.integration.addOrganization({ name: company!.name });
  const { rows } = await checkOn(rig);
  const of = (kind: string) => rows.find((row) => row.kind === kind);
  expect(of("person-duplicate")).toMatchObject({
    actual: { ids: [`${first!.id}`, `${twin.id}`], hanging: { [first!.id]: "1 deal", [twin.id]: "2 deals" } },
    message: expect.stringContaining(`${twin.id} has 2 deals`),
  });
  expect(of("organization-duplicate")).toMatchObject({
    actual: { hanging: { [company!.id]: "1 deal", [branch.id]: "no deal" } },
  });
  // Asked once more, it is the same discrepancy.
  const again = await checkOn(rig);
  expect(again.rows.filter(({ kind }) => kind.endsWith("-duplicate")).map(({ state }) => state)).toEqual([
    "open",
    "open",
  ]);
  await rig.ledger.close();
});

it("a record that came to light late is our double too, where its step has found another one's meanwhile", async () => {
  let hidden: number | null = null;
  const rig = await createRig({
    transport: async (request) => {
      const { pathname, searchParams } = new URL(request.url);
      const result = await rig.simulator.handle(request);
      if (pathname !== "/api/v2/organizations" || result.type !== "response") return result;
      if (request.method === "POST" && rig.simulator.records.organizations.length === 1) {
        hidden = rig.simulator.records.organizations[0]!.id;
        return { type: "failure", sent: "maybe", code: "ECONNRESET", message: "the connection was reset" };
      }
      if (request.method !== "GET" || searchParams.has("ids")) return result;
      const page = JSON.parse(result.body) as { data: { id: number }[] };
      return { ...result, body: JSON.stringify({ ...page, data: page.data.filter(({ id }) => id !== hidden) }) };
    },
  });
  const organization = { name: "Engines" };
  await rig.take([lead(1, { organization }), lead(3)].map((one) => ({ ...one, lane: "background" })));
  rig.simulator.failNext({ kind: "resetAfter", match: { method: "POST", path: /\/deals$/ } });
  // It dies when it has written down that the first one's was not found, and has not sent it again yet.
  let [looks, died] = [0, false];
  const fate = (instant: string): boolean => {
    if (instant === "probe.after") looks += 1;
    died ||= looks === 2 && instant === "send.after";
    return died;
  };
  for (let runs = 0; runs < 20 && !died; runs += 1) {
    await mortalRun(rig, fate, new Map());
    await rig.clock.advance(120_000);
  }
  expect(died).toBe(true);
  // Somebody who waits goes first, and makes the company that the first one can't find.
  await rig.take([lead(2, { organization })]);
  await runToTheEnd(rig, IMMORTAL, new Map());
  const [late, other] = rig.simulator.records.organizations.map(({ id }) => id);
  expect([late, rig.simulator.records.organizations.length]).toEqual([hidden, 2]);
  hidden = null;
  const { rows } = await checkOn(rig);
  expect(rows.map(named)).toEqual([`organization-duplicate organization:${late}`]);
  expect(rows[0]).toMatchObject({ class: "break", actual: { ids: [String(other), String(late)] } });
});
