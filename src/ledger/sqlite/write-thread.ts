/**
 * The verbs that a drain calls for every request, on a thread and a connection of their own: while a commit waits for the disk, the
 * program reads replies and plans what comes next. A verb answers when it is committed, as it does without the thread.
 */
import { type MessagePort, parentPort, receiveMessageOnPort, Worker, workerData } from "node:worker_threads";
import { CrmledgerError, type ErrorCode } from "../../domain/errors.ts";
import type { IdentityKey } from "../../domain/identity.ts";
import type { ClaimId } from "../../domain/ids.ts";
import type { Ledger } from "../ledger.ts";
import { ofDamage } from "./care.ts";
import { claim } from "./claim.ts";
import { ledgerError } from "./faults.ts";
import { leaseKeys, releaseKeys } from "./leases.ts";
import { mirrorSave } from "./mirror.ts";
import { openBeside } from "./open.ts";
import { isPartFailed, type Store } from "./store.ts";
import { turn } from "./turn.ts";

/** Reads stay with the caller: they wait for no disk, and see what was committed. */
const WORK = {
  turn,
  claim,
  mirrorSave,
  leaseKeys: (store: Store, of: ClaimId, keys: readonly IdentityKey[]) => store.write(() => leaseKeys(store, of, keys)),
  releaseKeys: (store: Store, of: ClaimId, keys: readonly IdentityKey[]) =>
    store.write(() => releaseKeys(store, of, keys)),
} as const;
type Verb = keyof typeof WORK;
const VERBS = Object.keys(WORK) as Verb[];
/** What waits of these goes into one transaction, and waits for the disk once. The others are large enough. */
const SHARED: readonly string[] = ["turn", "leaseKeys", "releaseKeys"] satisfies Verb[];
type Writes = Pick<Ledger, Verb>;

interface Call {
  no: number;
  verb: Verb | "close";
  values: unknown[];
}

interface Told {
  name: string;
  message: string;
  stack: string | undefined;
  code: ErrorCode | null;
  hint: string | undefined;
  details: Record<string, unknown>;
}

interface Answer {
  no: number;
  verb: Call["verb"];
  result?: unknown;
  error?: Told;
}

export interface WriteThread {
  /** They take the places of the ledger's own. */
  verbs: Writes;
  /** Waits for what is under way, then ends the thread. */
  close(): Promise<void>;
}

/** A ledger is open at `path`, a file. Verbs reject with `unexpected` where the thread is gone. */
export function startWriteThread(path: string): WriteThread {
  // Not with the program's own options: a thread refuses those that are for the whole process.
  const code = `import(${JSON.stringify(import.meta.url)}).then((module) => module.${serveWrites.name}())`;
  const line = new Line(new Worker(code, { eval: true, execArgv: [], workerData: { path } }), path);
  const verbs = Object.fromEntries(VERBS.map((verb) => [verb, (...values: unknown[]) => line.call(verb, values)]));
  return { verbs: verbs as unknown as Writes, close: () => line.close() };
}

/** The caller's side. */
class Line {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, { resolve: (result: never) => void; reject: (error: unknown) => void }>();
  #last = 0;
  #gone: unknown = null;
  #turns = 0;
  #held: Call[] = [];

  constructor(worker: Worker, path: string) {
    this.#worker = worker;
    worker.on("message", (text: string) => {
      for (const answer of JSON.parse(text) as Answer[]) this.#take(answer);
    });
    worker.once("error", (error) => this.#end(ledgerError(path, error)));
    worker.once("exit", () =>
      this.#end(new CrmledgerError("unexpected", "The thread that writes the ledger is gone.")),
    );
  }

  async close(): Promise<void> {
    if (this.#gone === null) await this.call("close", []).catch(() => undefined);
    await this.#worker.terminate();
  }

  call<Result>(verb: Call["verb"], values: unknown[]): Promise<Result> {
    return new Promise<Result>((resolve, reject) => {
      if (this.#gone !== null) return reject(this.#gone);
      this.#last += 1;
      this.#waiting.set(this.#last, { resolve, reject });
      this.#held.push({ no: this.#last, verb, values });
      if (verb === "turn") this.#turns += 1;
      if (verb !== "leaseKeys" && verb !== "releaseKeys") this.#post();
      else if (this.#held.length === 1 && this.#turns === 0) this.#postSoon();
    });
  }

  #take({ no, verb, result, error }: Answer): void {
    const waiter = this.#waiting.get(no);
    this.#waiting.delete(no);
    if (error === undefined) waiter?.resolve(result as never);
    else waiter?.reject(errorOf(error));
    if (verb !== "turn") return;
    this.#turns -= 1;
    if (this.#held.length > 0) this.#postSoon();
  }

  /** A turn that is about to come takes them along: alone they would wait for the disk as long, and it after them. */
  #postSoon(): void {
    setImmediate(() => setImmediate(() => this.#post()));
  }

  #post(): void {
    const calls = this.#held;
    this.#held = [];
    // As text: a turn is hundreds of small objects, and to clone those one by one takes twice as long.
    if (calls.length > 0) this.#worker.postMessage(JSON.stringify(calls));
  }

  #end(error: unknown): void {
    this.#gone ??= error;
    for (const { reject } of this.#waiting.values()) reject(this.#gone);
    this.#waiting.clear();
  }
}

/** The thread's side. */
export function serveWrites(): void {
  if (parentPort === null) return;
  const port = parentPort;
  const store = opened((workerData as { path: string }).path);
  port.on("message", (first: string) => {
    const calls = JSON.parse(first) as Call[];
    for (let more = receiveMessageOnPort(port); more !== undefined; more = receiveMessageOnPort(port)) {
      calls.push(...(JSON.parse(more.message as string) as Call[]));
    }
    if (store instanceof Error) {
      const error = toldOf(store);
      port.postMessage(JSON.stringify(calls.map(({ no, verb }): Answer => ({ no, verb, error }))));
    } else while (calls.length > 0) serve(store, port, nextGroup(calls));
  });
}

/** What the caller can open this may not (no more files, another's lock): each call is told why, as one of its own would be. */
function opened(path: string): Store | Error {
  try {
    return openBeside(path);
  } catch (error) {
    const told = ledgerError(path, error);
    return told instanceof Error ? told : new Error(String(told));
  }
}

/** In their order: those that share a transaction, or one alone. */
function nextGroup(calls: Call[]): Call[] {
  const own = calls.findIndex(({ verb }) => !SHARED.includes(verb));
  return calls.splice(0, own === -1 ? calls.length : Math.max(1, own));
}

function serve(store: Store, port: MessagePort, calls: readonly Call[]): void {
  const answers = calls.length === 1 ? [answerTo(store, calls[0]!)] : together(store, calls);
  port.postMessage(JSON.stringify(answers));
}

/** Each is a part of one transaction: one that fails takes no other back; where the transaction fails, so does each. */
function together(store: Store, calls: readonly Call[]): Answer[] {
  try {
    return store.writeTwice(() =>
      calls.map((call) => {
        const answer = answerTo(store, call);
        // Some failures (a full disk) take the whole transaction back.
        if (answer.error !== undefined && !store.db.inTransaction) throw errorOf(answer.error);
        return answer;
      }),
    );
  } catch (error) {
    return calls.map(({ no, verb }) => ({ no, verb, error: toldOf(error) }));
  }
}

function answerTo(store: Store, { no, verb, values }: Call): Answer {
  try {
    if (verb === "close") {
      store.db.close();
      return { no, verb };
    }
    return { no, verb, result: (WORK[verb] as (store: Store, ...values: unknown[]) => unknown)(store, ...values) };
  } catch (error) {
    if (isPartFailed(error)) throw error;
    return { no, verb, error: toldOf(ofDamage(store, ledgerError(store.path, error))) };
  }
}

function toldOf(error: unknown): Told {
  const { name, message, stack } = error instanceof Error ? error : new Error(String(error));
  const ours = error instanceof CrmledgerError ? error : null;
  return { name, message, stack, code: ours?.code ?? null, hint: ours?.hint, details: ours?.details ?? {} };
}

function errorOf({ name, message, stack, code, hint, details }: Told): Error {
  const error =
    code === null ? new Error(message) : new CrmledgerError(code, message, { details, ...(hint && { hint }) });
  return Object.assign(error, { name, stack });
}
