import type { Clock, Random } from "../domain/clock.ts";
import type { OtherClients, PeopleWhoEdit } from "./fault-plan.ts";
import type { Limits } from "./limits.ts";
import { editByChance, type People } from "./people.ts";
import type { World } from "./world.ts";

interface Appointment {
  dueMs: number;
  run: () => void;
}

export interface TimelineParts {
  clock: Pick<Clock, "wallMs" | "monoMs">;
  world: World;
  limits: Limits | null;
  random: Random;
  people: People;
  others: OtherClients | null;
  edits: PeopleWhoEdit | null;
  clockSkewMs: number;
  firstToken: string;
}

/**
 * The CRM's own time, and what happens in it without a request: effects that come late, other clients, people. Nothing
 * runs by itself: whoever looks calls `catchUp` first, and everything due since then happens at its own instant.
 */
export class Timeline {
  private readonly parts: TimelineParts;
  private readonly late: Appointment[] = [];
  private lastMonoMs: number;
  private editDueMs = Number.POSITIVE_INFINITY;
  private othersSinceMs: number;
  private requestsDue = 0;
  private tokensDue = 0;

  constructor(parts: TimelineParts) {
    this.parts = parts;
    const { world, clock } = parts;
    this.lastMonoMs = clock.monoMs();
    world.nowMs = clock.wallMs() + parts.clockSkewMs;
    this.othersSinceMs = world.nowMs;
    this.planEdit();
  }

  /** Runs `effect` once `afterMs` have passed. */
  later(afterMs: number, effect: () => void): void {
    this.late.push({ dueMs: this.parts.world.nowMs + afterMs, run: effect });
    this.late.sort((a, b) => a.dueMs - b.dueMs);
  }

  catchUp(): void {
    const { world, clock } = this.parts;
    const monoMs = clock.monoMs();
    // The server's clock goes on evenly, whatever a person does to ours; another boot of ours stops it for a moment.
    const now = world.nowMs + Math.max(0, monoMs - this.lastMonoMs);
    this.lastMonoMs = monoMs;
    for (;;) {
      const lateMs = this.late[0]?.dueMs ?? Number.POSITIVE_INFINITY;
      const dueMs = Math.min(lateMs, this.editDueMs);
      if (dueMs > now) break;
      world.nowMs = Math.max(world.nowMs, dueMs);
      if (lateMs <= this.editDueMs) this.late.shift()!.run();
      else this.edit();
    }
    world.nowMs = now;
    if (this.parts.others) this.bringOthers(this.parts.others, now);
  }

  setEdits(edits: PeopleWhoEdit | null): void {
    this.catchUp();
    this.parts.edits = edits;
    this.planEdit();
  }

  setOthers(others: OtherClients | null): void {
    this.catchUp();
    this.parts.others = others;
    this.othersSinceMs = this.parts.world.nowMs;
  }

  private edit(): void {
    const { world, random, people } = this.parts;
    this.planEdit();
    editByChance(world, random, people);
  }

  private planEdit(): void {
    const { edits, random, world } = this.parts;
    const perMinute = edits?.perMinute ?? 0;
    this.editDueMs =
      perMinute > 0 ? world.nowMs + (60_000 / perMinute) * (0.5 + random.next()) : Number.POSITIVE_INFINITY;
  }

  private bringOthers(others: OtherClients, now: number): void {
    const { limits, firstToken } = this.parts;
    const passedMs = now - this.othersSinceMs;
    if (!limits || passedMs <= 0) return;
    this.requestsDue += (passedMs / 1000) * others.requestsPerSecond;
    const arrived = Math.floor(this.requestsDue);
    this.requestsDue -= arrived;
    const gapMs = 1000 / others.requestsPerSecond;
    // Older arrivals have left the window already.
    const recent = Math.min(arrived, Math.ceil(limits.options.windowMs / gapMs));
    for (let i = recent - 1; i >= 0; i--) limits.admitOther(Math.max(this.othersSinceMs, now - i * gapMs), firstToken);
    this.tokensDue += (Math.min(passedMs, limits.sinceMidnightMs(now)) / 1000) * others.tokensPerSecond;
    const tokens = Math.min(Math.floor(this.tokensDue), limits.remainingToday(now) ?? Number.POSITIVE_INFINITY);
    this.tokensDue -= Math.floor(this.tokensDue);
    limits.charge(now, tokens);
    this.othersSinceMs = now;
  }
}
