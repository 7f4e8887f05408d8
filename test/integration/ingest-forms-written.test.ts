/** A url-encoded post does not tell whether it is whole. */
import { appendFileSync } from "node:fs";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type IngestRig, openIngestRig } from "../support/ingest-rig.ts";

let rig: IngestRig;
beforeEach(async () => {
  rig = await openIngestRig();
});
afterEach(() => rig.close());

const map = { id: "id", "person.email": "mail", "person.name": "name" };
const HALF = "id=1&mail=ada%40exa";
const REST = "mple.com&name=Ada";

/** What happens while ingest waits, and how long it waited. */
function whileWaiting(act: () => void): number[] {
  const waits: number[] = [];
  Object.assign(rig.deps.clock, {
    sleep: async (ms: number) => {
      waits.push(ms);
      act();
      rig.time.nowMs += ms;
    },
  });
  return waits;
}

it("is left alone while its writer writes on, and is taken whole", async () => {
  const path = rig.put("a.form", HALF, 500);
  const waits = whileWaiting(() => appendFileSync(path, REST));
  const first = await rig.ingest({ map });
  expect(waits).toEqual([1_500]);
  expect(await rig.queued()).toEqual([]);
  expect(rig.list()).toEqual(["a.form"]);
  expect(first.warnings).toEqual([expect.stringContaining("it is being written")]);
  whileWaiting(() => {});
  await rig.ingest({ map });
  expect((await rig.queued()).map(({ content }) => content?.person)).toEqual([
    { email: "ada@example.com", name: "Ada" },
  ]);
});

it("costs one wait for all forms, and none where they have lain there, or where nothing is written", async () => {
  const waits = whileWaiting(() => {});
  rig.put("a.form", HALF + REST, 100);
  rig.put("b.form", (HALF + REST).replace("1", "2"), 900);
  rig.put("c.json", '{"id":"3","mail":"c@example.com"}');
  await rig.ingest({ map });
  expect(waits).toEqual([1_900]);
  expect(await rig.queued()).toHaveLength(3);
  rig.put("d.form", (HALF + REST).replace("1", "4"), 2_000);
  rig.put("e.json", '{"id":"5","mail":"e@example.com"}');
  await rig.ingest({ map });
  expect(waits).toHaveLength(1);
  expect(await rig.queued()).toHaveLength(5);
});

it("from a clock that is ahead of ours is watched like a new one", async () => {
  const waits = whileWaiting(() => {});
  rig.put("a.form", HALF + REST, -3_600_000);
  await rig.ingest({ map });
  expect(waits).toEqual([2_000]);
  expect(await rig.queued()).toHaveLength(1);
});
