/** The thread that reads and maps a large CSV. Bytes come in as it asks for them; rows go out as they are taken. */
import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import { type MapOrder, packRows } from "../ingest/mapped-rows.ts";
import { readCsvBatches } from "../intake/csv.ts";
import { compileMapping } from "../intake/mapping.ts";
import { loadPhoneNormalizer } from "../intake/phone.ts";
import { BATCHES_AHEAD_MAX, CHUNKS_AHEAD, type FromThread, type ToThread } from "./map-thread.ts";

if (parentPort !== null) await serve(parentPort, workerData as MapOrder);

async function serve(port: MessagePort, { source, csv, maps }: MapOrder): Promise<void> {
  const say = (message: FromThread): void => port.postMessage(message, piecesOf(message));
  const inbox = openInbox(port, say);
  const mapping = await compileMapping(source, await loadPhoneNormalizer());
  const options = { ...csv, dialect: null, whole: true, onDialect: () => {} };
  for await (const batch of packRows(readCsvBatches(inbox.chunks(), options), mapping, maps)) {
    await inbox.room();
    say({ type: "batch", batch });
  }
  say({ type: "end" });
  port.close();
}

/** What is handed over instead of copied. */
function piecesOf(message: FromThread): ArrayBuffer[] {
  return message.type === "batch" ? [message.batch.bytes.buffer, message.batch.numbers.buffer] : [];
}

interface Inbox {
  chunks(): AsyncGenerator<Uint8Array>;
  /** Waits while too many batches are on their way. */
  room(): Promise<void>;
}

function openInbox(port: MessagePort, say: (message: FromThread) => void): Inbox {
  const chunks: (Uint8Array | null)[] = [];
  let ahead = 0;
  let wake: () => void = () => {};
  port.on("message", (message: ToThread) => {
    if (message.type === "chunk") chunks.push(message.bytes);
    else ahead -= 1;
    wake();
  });
  const something = (): Promise<void> =>
    new Promise((resolve) => {
      wake = resolve;
    });
  return {
    async *chunks() {
      for (let asked = 0; asked < CHUNKS_AHEAD; asked += 1) say({ type: "more" });
      for (;;) {
        while (chunks.length === 0) await something();
        const chunk = chunks.shift() as Uint8Array | null;
        if (chunk === null) return;
        say({ type: "more" });
        yield chunk;
      }
    },
    async room() {
      while (ahead >= BATCHES_AHEAD_MAX) await something();
      ahead += 1;
    },
  };
}
