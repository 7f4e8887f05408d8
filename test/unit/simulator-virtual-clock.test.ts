import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createVirtualClock } from "../support/simulator.ts";

const turns = async (count: number) => {
  for (let i = 0; i < count; i++) await new Promise<void>((resolve) => setImmediate(resolve));
};

describe("the virtual clock", () => {
  it("wakes sleepers in the order of their instants, and ties in the order in which they lay down", async () => {
    const clock = createVirtualClock(0);
    const woken: string[] = [];
    const nap = (name: string, ms: number) => clock.sleep(ms).then(() => woken.push(`${name}@${clock.wallMs()}`));
    await clock.run(Promise.all([nap("c", 30), nap("a", 10), nap("b1", 20), nap("b2", 20)]));
    expect(woken).toEqual(["a@10", "b1@20", "b2@20", "c@30"]);
  });

  it("passes a day at once and hands back what the work gives", async () => {
    const clock = createVirtualClock(Date.UTC(2026, 0, 1));
    const monoBefore = clock.monoMs();
    const result = await clock.run(async () => {
      for (let hour = 0; hour < 24; hour++) await clock.sleep(3_600_000);
      return "done";
    });
    expect(result).toBe("done");
    expect(clock.wallMs()).toBe(Date.UTC(2026, 0, 2));
    expect(clock.monoMs() - monoBefore).toBe(86_400_000);
  });

  it("does not move while work goes on that needs several turns of the event loop", async () => {
    const clock = createVirtualClock(0);
    let timeOfWork = -1;
    const slow = turns(12).then(() => {
      timeOfWork = clock.wallMs();
    });
    await clock.run(Promise.all([slow, clock.sleep(1_000)]));
    expect(timeOfWork).toBe(0);
  });

  it("does not move while real disk work is under way", async () => {
    const clock = createVirtualClock(0, { quietTurns: 2 });
    const folder = await mkdtemp(join(tmpdir(), "crmledger-"));
    try {
      let timeOfWork = -1;
      const disk = async () => {
        for (let i = 0; i < 5; i++) await writeFile(join(folder, `${i}`), "x".repeat(100_000));
        for (let i = 0; i < 5; i++) await readFile(join(folder, `${i}`));
        timeOfWork = clock.wallMs();
      };
      await clock.run(Promise.all([clock.hold(disk()), clock.sleep(50)]));
      expect(timeOfWork).toBe(0);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it("wakes a sleeper at once when its signal fires, and forgets it", async () => {
    const clock = createVirtualClock(0);
    const controller = new AbortController();
    const nap = clock.sleep(1_000_000, controller.signal);
    controller.abort();
    await clock.run(nap);
    expect(clock.wallMs()).toBe(0);
    expect(clock.sleepers).toBe(0);
    await clock.run(clock.sleep(5, controller.signal));
    expect(clock.wallMs()).toBe(0);
  });

  it("advances by hand and wakes what falls due on the way, no more", async () => {
    const clock = createVirtualClock(0);
    const woken: number[] = [];
    const tick = async () => {
      for (let i = 0; i < 5; i++) {
        await clock.sleep(10);
        woken.push(clock.wallMs());
      }
    };
    const ticking = tick();
    await clock.advance(35);
    expect(woken).toEqual([10, 20, 30]);
    expect(clock.wallMs()).toBe(35);
    await clock.run(ticking);
    expect(clock.wallMs()).toBe(50);
  });

  it("passes on a rejection, and says so when nothing can ever settle the work", async () => {
    const clock = createVirtualClock(0, { stuckAfterMs: 20 });
    await expect(clock.run(Promise.reject(new Error("no luck")))).rejects.toThrow("no luck");
    await expect(clock.run(new Promise(() => {}))).rejects.toThrow("has not settled");
    await expect(clock.run(clock.sleep(Number.POSITIVE_INFINITY))).rejects.toThrow("has not settled");
  });

  it("shifts the wall clock without touching the monotonic one, and starts that one anew at a reboot", () => {
    const clock = createVirtualClock(1_000);
    const mono = clock.monoMs();
    clock.jumpWall(-600);
    expect(clock.wallMs()).toBe(400);
    expect(clock.monoMs()).toBe(mono);
    const boot = clock.bootId;
    clock.reboot();
    expect(clock.monoMs()).toBeLessThan(mono);
    expect(clock.bootId).not.toBe(boot);
  });
});
