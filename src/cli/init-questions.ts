import { existsSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { createInterface } from "node:readline";
import { Writable } from "node:stream";
import { PLAN_MULTIPLIERS } from "../config/daily-tokens.ts";
import { CrmledgerError } from "../domain/errors.ts";
import type { InitAnswers } from "./config-text.ts";
import { exitCodeOfSignal } from "./exit-code.ts";
import type { Io } from "./io.ts";

const TOKEN_FILE = "./pipedrive.token";

type Ask = (question: string, hidden?: boolean) => Promise<string>;

/** Asks for what the flags left open. The token is not echoed and goes into a file that only its owner can read. */
export async function askAnswers(given: InitAnswers, io: Io, folder: string): Promise<InitAnswers> {
  const { ask, close } = openQuestions(io);
  try {
    const company = given.baseUrl ?? (await ask("Your company's address at the CRM (https://acme.pipedrive.com): "));
    const token = await ask("API token (not shown; empty: you write the file yourself): ", true);
    const plan = given.plan ?? (await askPlan(ask));
    const seats = given.seats ?? Number(plan === null ? "" : await ask("Seats: "));
    if (token !== "") writeToken(resolve(folder, TOKEN_FILE), token);
    return {
      ...given,
      baseUrl: company === "" ? null : company,
      tokenFile: TOKEN_FILE,
      plan,
      seats: Number.isInteger(seats) && seats > 0 ? seats : null,
    };
  } finally {
    close();
  }
}

async function askPlan(ask: Ask): Promise<string | null> {
  const plans = Object.keys(PLAN_MULTIPLIERS);
  const plan = await ask(`Plan (${plans.join(", ")}; empty: unknown): `);
  if (plan !== "" && !plans.includes(plan)) throw new CrmledgerError("usage", `There is no plan ${plan}`);
  return plan === "" ? null : plan;
}

/** One reader for all questions, so that what was typed ahead is not lost between them. */
function openQuestions(io: Io): { ask: Ask; close(): void } {
  let muted = false;
  const echo = new Writable({
    write(chunk, _encoding, done) {
      if (!muted) io.stderr.write(chunk);
      done();
    },
  });
  const lines = createInterface({ input: io.stdin, output: echo, terminal: true });
  // In raw mode the terminal sends no signal for Ctrl-C; nothing is written before the last answer.
  lines.on("SIGINT", () => io.exit(exitCodeOfSignal("SIGINT")));
  const answers = lines[Symbol.asyncIterator]();
  return {
    ask: async (question, hidden = false) => {
      io.stderr.write(question);
      muted = hidden;
      const { value, done } = await answers.next();
      muted = false;
      if (hidden) io.stderr.write("\n");
      if (done) throw new CrmledgerError("usage", "The questions were not answered", { hint: "Nothing was written." });
      return value.trim();
    },
    close: () => lines.close(),
  };
}

function writeToken(path: string, token: string): void {
  if (existsSync(path)) {
    throw new CrmledgerError("usage", `${path} is there already`, { hint: "Name it with --token-file, or remove it." });
  }
  writeFileSync(path, `${token}\n`, { mode: 0o600, flag: "wx" });
}
