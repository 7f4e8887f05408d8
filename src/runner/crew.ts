import type { Lane } from "../domain/submission.ts";
import type { Work } from "./work.ts";

/** Claims in hand, and a promise that settles when one of them ends. */
export class Crew {
  inHand = 0;
  readonly #lanes: Record<Lane, number> = { operational: 0, background: 0 };
  #failure: unknown = null;
  #wake: (() => void)[] = [];

  ofLane(lane: Lane): number {
    return this.#lanes[lane];
  }

  add(works: readonly Work[], driving: Promise<void>): void {
    const lane = works[0]!.row.lane;
    const count = (change: number): void => {
      this.inHand += change;
      this.#lanes[lane] += change;
    };
    count(works.length);
    void driving
      .catch((error) => {
        this.#failure ??= error;
      })
      .finally(() => {
        count(-works.length);
        for (const wake of this.#wake.splice(0)) wake();
      });
  }

  async change(): Promise<void> {
    await new Promise<void>((resolve) => this.#wake.push(resolve));
    if (this.#failure) throw this.#failure;
  }

  async done(): Promise<void> {
    while (this.inHand > 0) await this.change();
    if (this.#failure) throw this.#failure;
  }
}
