import { existsSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";
import { PLAN_MULTIPLIERS } from "../config/daily-tokens.ts";
import { CrmledgerError } from "../domain/errors.ts";
import type { InitAnswers } from "./config-text.ts";
import type { Io } from "./io.ts";

const TOKEN_FILE = "./pipedrive.token";

/** Asks for what the flags left open. The token is not echoed and goes into a file that only its owner can read. */
export async function askAnswers(given: InitAnswers, io: Io, folder: string): Promise<InitAnswers> {
  const company = given.baseUrl ?? (await ask(io, "Your company's address at the CRM (https://acme.pipedrive.com): "));
  const token = await ask(io, "API token (not shown; empty: you write the file yourself): ", true);
  const plans = Object.keys(PLAN_MULTIPLIERS);
  const plan = given.plan ?? (await ask(io, `Plan (${plans.join(", ")}; empty: unknown): `));
  if (plan !== "" && !plans.includes(plan)) throw new CrmledgerError("usage", `There is no plan ${plan}`);
  const seats = given.seats ?? Number(plan === "" ? "" : await ask(io, "Seats: "));
  if (token !== "") writeToken(resolve(folder, TOKEN_FILE), token);
  return {
    ...given,
    baseUrl: company === "" ? null : company,
    tokenFile: TOKEN_FILE,
    plan: plan === "" ? null : plan,
    seats: Number.isInteger(seats) && seats > 0 ? seats : null,
  };
}

async function ask(io: Io, question: string, hidden = false): Promise<string> {
  io.stderr.write(question);
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: io.stdin, output: hidden ? nowhere : io.stderr, terminal: true });
  try {
    return (await lines.question("")).trim();
  } finally {
    lines.close();
    if (hidden) io.stderr.write("\n");
  }
}

function writeToken(path: string, token: string): void {
  if (existsSync(path)) {
    throw new CrmledgerError("usage", `${path} is there already`, { hint: "Name it with --token-file, or remove it." });
  }
  writeFileSync(path, `${token}\n`, { mode: 0o600, flag: "wx" });
}
