/** Small writes of the same moment, in one transaction: each alone would wait for the disk. */
import { ledgerError } from "./faults.ts";
import type { Store } from "./store.ts";

interface Waiting {
  work: () => unknown;
  resolve: (result: never) => void;
  reject: (error: unknown) => void;
}

/**
 * Gives back a function that takes such writes. They are done in their order, once the event loop has come round, and
 * answered when they are committed; where the transaction fails, all of it was taken back and each of them rejects.
 * A write must decide before it changes anything: it can't be taken back alone.
 */
export function groupedWrites(store: Store): <Result>(work: () => Result) => Promise<Result> {
  let group: Waiting[] = [];
  const commit = (): void => {
    const now = group;
    group = [];
    try {
      const results = store.write(() => now.map(({ work }) => work()));
      for (const [index, { resolve }] of now.entries()) resolve(results[index] as never);
    } catch (error) {
      for (const { reject } of now) reject(ledgerError(store.path, error));
    }
  };
  return (work) =>
    new Promise((resolve, reject) => {
      group.push({ work, resolve, reject });
      if (group.length === 1) setImmediate(commit);
    });
}
