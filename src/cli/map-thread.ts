/** Maps a large CSV in a thread beside the one that writes to the ledger. */
import { setFlagsFromString } from "node:v8";
import { Worker } from "node:worker_threads";
import type { MapOrder, MapRows } from "../ingest/mapped-rows.ts";
import { type PackedRows, unpacked } from "../ingest/packed-rows.ts";

export type ToThread = { type: "chunk"; bytes: Uint8Array | null } | { type: "taken" };
export type FromThread = { type: "batch"; batch: PackedRows } | { type: "more" } | { type: "end" };

/** Chunks of the file that the thread has before it needs them. */
export const CHUNKS_AHEAD = 2;
/** Batches that may wait for the ledger: bounds the memory of both threads. */
export const BATCHES_AHEAD_MAX = 20;
/** Far above what reading and mapping need; a record has a MiB at the most. */
const LIMITS = { maxYoungGenerationSizeMb: 6, maxOldGenerationSizeMb: 96 };

/** From sources (tests, benchmarks) the thread needs the loader that its parent has. */
function startThread(order: MapOrder): Worker {
  // What becomes garbage with each record would else be let pile up to three times 16 MiB in each thread before it is
  // looked at; measured, it takes some 50 MiB off the peak, and a tenth more time.
  setFlagsFromString("--semi-space-growth-factor=1");
  const options = { workerData: order, resourceLimits: LIMITS };
  if (!import.meta.url.endsWith(".ts")) return new Worker(new URL("./map-worker.js", import.meta.url), options);
  const code = new URL("./map-worker.ts", import.meta.url).href;
  const load = `import("tsx/esm/api").then(({ register }) => { register(); return import("${code}"); })`;
  return new Worker(load, { ...options, eval: true });
}

export const mapRows: MapRows = async function* (order, chunks) {
  const worker = startThread(order);
  const bytes = chunks[Symbol.asyncIterator]();
  const post = (message: ToThread): void => worker.postMessage(message);
  const arrived: (PackedRows | "end" | Error)[] = [];
  let wake: () => void = () => {};
  const arrive = (what: PackedRows | "end" | Error): void => {
    arrived.push(what);
    wake();
  };
  const feed = async (): Promise<void> => {
    const next = await bytes.next();
    post({ type: "chunk", bytes: next.done === true ? null : next.value });
  };
  // One after the other: chunks stay in the order of the file.
  let feeding = Promise.resolve();
  worker.on("message", (message: FromThread) => {
    if (message.type === "more") feeding = feeding.then(feed).catch(arrive);
    else arrive(message.type === "batch" ? message.batch : "end");
  });
  worker.on("error", arrive);
  worker.on("exit", () => arrive(new Error("the thread that maps ended too soon")));
  try {
    for (;;) {
      while (arrived.length === 0)
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      const next = arrived.shift() as PackedRows | "end" | Error;
      if (next === "end") return;
      if (next instanceof Error) throw next;
      post({ type: "taken" });
      yield unpacked(next, order.maps);
    }
  } finally {
    await worker.terminate();
    await bytes.return?.();
  }
};
