import { expect, test } from "vitest";
import { pipedriveAdapter } from "../../src/crm/pipedrive/adapter.ts";
import type { BucketUse } from "../../src/domain/quota.ts";
import { QuotaDesk } from "../../src/runner/quota-desk.ts";
import { SETTINGS, START_MS } from "../support/drain-rig.ts";
import { createVirtualClock } from "../support/virtual-clock.ts";

const used = (count: number): BucketUse => ({
  bucket: "burst",
  used: count,
  usedByLane: { operational: count, background: 0 },
  nextFreeMonoMs: null,
});

test("what others use is judged by what was ours when the reply came, not by what left in a turn since", () => {
  const desk = new QuotaDesk(pipedriveAdapter.capabilities, SETTINGS.limits, [], createVirtualClock(START_MS));
  const charges = [{ bucket: "burst", amount: 1 }];
  desk.refresh({ buckets: [], use: [used(1)] });
  const departure = desk.depart(charges);
  // Of 80 the server has counted 41: ours, and 40 of others.
  const readings = [{ bucket: "burst", limit: 80, remaining: 39 }];
  desk.land({ charges, readings, departure, answered: true });
  desk.refresh({ buckets: [], use: [used(30)] });
  const [row] = desk.learn(() => undefined);
  expect(row).toMatchObject({ bucket: "burst", usedByOthers: 40 });
});
