/** Notes that are joined, or no more, between two tries of a chain. */
import { expect, it } from "vitest";
import type { SubmissionId } from "../../src/domain/ids.ts";
import type { Transport } from "../../src/domain/wire.ts";
import { lead } from "../support/drain-rig.ts";
import { type WatchedRig, watchedRig, withPlan } from "../support/watched-rig.ts";

const plan = (join: boolean) => withPlan({ notes: { reference: true, format: "text", join } });

/** The CRM refuses notes of this text, as long as it is told to. */
async function refusing(text: string) {
  const state = { refuses: true, rig: null as WatchedRig | null };
  const transport: Transport = async (request) => {
    const isRefused = state.refuses && request.method === "POST" && request.body?.includes(text) === true;
    if (!isRefused || !request.url.includes("/notes")) return await state.rig!.simulator.handle(request);
    const body = JSON.stringify({ success: false, error: "no", error_code: "ERR_NO" });
    return { type: "response", status: 400, headers: {}, body };
  };
  state.rig = await watchedRig({ transport, settings: plan(false) });
  return state as { refuses: boolean; rig: WatchedRig };
}

async function retryAll({ ledger, clock }: WatchedRig): Promise<void> {
  const ids: SubmissionId[] = (await ledger.failed({})).map(({ id }) => id);
  const now = { wallMs: clock.wallMs(), monoMs: clock.monoMs(), bootId: clock.bootId };
  expect(await ledger.requeue(ids, new Map(), now)).toBe(1);
}

const texts = ({ simulator }: WatchedRig) =>
  simulator.records.notes.map(({ content }) => content.replaceAll("<br>", "\n"));

it("switched on after one was written: the others come by themselves", async () => {
  const crm = await refusing("Two");
  const { rig } = crm;
  await rig.take([lead(1, { notes: ["One", "Two", "Three"] })]);
  expect((await rig.run()).drained).toMatchObject({ failed: 1 });
  crm.refuses = false;
  await retryAll(rig);
  const settings = { ...rig.settings, ...plan(true) };
  expect((await rig.run({}, { settings })).drained).toMatchObject({ done: 1 });
  expect(texts(rig)).toEqual([
    "One\nRef. website/wf_1 (1/3)",
    "Two\nRef. website/wf_1 (2/3)",
    "Three\nRef. website/wf_1 (3/3)",
  ]);
});

it("switched on before any was written: one comes", async () => {
  const crm = await refusing("One");
  const { rig } = crm;
  await rig.take([lead(1, { notes: ["One", "Two"] })]);
  expect((await rig.run()).drained).toMatchObject({ failed: 1 });
  crm.refuses = false;
  await retryAll(rig);
  const settings = { ...rig.settings, ...plan(true) };
  expect((await rig.run({}, { settings })).drained).toMatchObject({ done: 1 });
  expect(texts(rig)).toEqual(["One\n\nTwo\nRef. website/wf_1"]);
});
