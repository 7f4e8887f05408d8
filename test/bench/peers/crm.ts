/** The side of the bench that talks to the process with the simulators. */
import { fork } from "node:child_process";
import { join } from "node:path";
import type { CellAnswer, CellOrder } from "./crm-child.ts";

export interface Crm {
  ask(order: CellOrder): Promise<CellAnswer>;
  close(): void;
}

export function startCrm(): Crm {
  const child = fork(join(import.meta.dirname, "crm-child.ts"), [], { execArgv: ["--import", "tsx"] });
  const waiting = new Map<number, { resolve: (answer: CellAnswer) => void; reject: (error: Error) => void }>();
  let last = 0;
  child.on("message", ({ no, answer, error }: { no: number; answer?: CellAnswer; error?: string }) => {
    const waiter = waiting.get(no)!;
    waiting.delete(no);
    if (answer) waiter.resolve(answer);
    else waiter.reject(new Error(error));
  });
  child.once("exit", (code) => {
    for (const { reject } of waiting.values()) reject(new Error(`the simulators left with ${code}`));
  });
  return {
    ask: (order) =>
      new Promise((resolve, reject) => {
        last += 1;
        waiting.set(last, { resolve, reject });
        child.send({ no: last, order });
      }),
    close: () => child.disconnect(),
  };
}
